"""Why spikes of an imported layer differ from those of the graph: each rounding by itself, on the graph's own activity."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.nir.constants import Floats, settled
from snnc.export.nir.folding import RealLayer
from snnc.export.nir.interpreter import convolved, delayed
from snnc.export.nir.neurons import reaches
from snnc.export.nir.paths import Path
from snnc.export.nir.rules import Rules
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer

UNIT = 2**lif.UNIT_SHIFT


@dataclass(frozen=True)
class _Numbers:
    """What one run of a layer computes with; `leaks` returns what a step leaves of current and membrane."""

    sums: Floats  # (T, B, ...)
    drive: Floats
    through: Floats
    threshold: Floats
    compare: Rules
    rounds: Layer | None = None  # whose decays and truncations are taken
    factor: float = 1.0


def causes(real: RealLayer, made: Layer, factor: float, activity: Mapping[str, Floats], rules: Rules) -> dict[str, int]:
    """Return how many spikes differ by the rounding of weights, bias, threshold (or `>=`) and leak, each alone.

    `activity` holds what each source sends, `(T, B, ...)` in the network's shapes.
    """
    if real.threshold is None:
        return {}
    sums = sum(_sums(path, weight, activity) for path, weight in zip(real.ways, real.weights, strict=True))
    exact = _Numbers(np.asarray(sums), real.drive, real.through, np.array(real.threshold), rules)
    whole = [synapse.weight / factor for synapse in made.synapses]
    rounded = sum(_sums(path, weight, activity) for path, weight in zip(real.ways, whole, strict=True))
    strict = replace(exact, threshold=np.array(made.neuron.vth / factor), compare=replace(rules, compare=">"))
    meets = settled(real.threshold * factor).is_integer() and rules.compare == ">="
    variants = {
        "weights": replace(exact, sums=np.asarray(rounded)),
        "bias": replace(exact, through=np.zeros(1), drive=made.neuron.bias / UNIT / factor),
        ">=" if meets else "threshold": strict,
        "leak": replace(exact, rounds=made, factor=factor),
    }
    base = _spikes(real, exact)
    found = {what: int((_spikes(real, numbers) != base).sum()) for what, numbers in variants.items()}
    return {what: count for what, count in found.items() if count}


def _sums(path: Path, weight: Floats, activity: Mapping[str, Floats]) -> Floats:
    source = delayed(activity[path.source], path.delay)
    if weight.ndim == 4:
        return convolved(source, weight, path.stride, path.padding)
    return source.reshape(*source.shape[:2], -1) @ weight.T


def _spikes(real: RealLayer, numbers: _Numbers) -> NDArray[np.bool_]:
    u = v = np.zeros(numbers.sums.shape[1:])
    fired = np.zeros(numbers.sums.shape, bool)
    for t, now in enumerate(numbers.sums):
        u = _left(u, real.alpha, numbers, "du") + now + numbers.through
        v = _left(v, real.keep, numbers, "dv") + u + numbers.drive
        fired[t] = reaches(v, numbers.threshold, numbers.compare)
        v = np.where(fired[t], 0, v)
    return fired


def _left(state: Floats, share: float, numbers: _Numbers, decay: str) -> Floats:
    """Return what a step leaves: exactly, or as the chip does, by its own decay and rounded toward zero."""
    if numbers.rounds is None:
        return share * state
    neuron: Any = numbers.rounds.neuron
    parts = neuron.dv if decay == "dv" else neuron.du + 1
    scale = UNIT * numbers.factor
    left: Floats = np.trunc(state * scale * (lif.DECAY_UNITY - parts) / lif.DECAY_UNITY) / scale
    return left
