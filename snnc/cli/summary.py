"""What a network holds, and what each format and chip cannot hold of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from snnc.export import TARGETS, target_of
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.chips import CHIPS, Chip, violations
from snnc.toolchain.network.mapping import mapping
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.passes import hurried, insert_relays
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.text import span
from snnc.toolchain.simulate.bitsliced_identity import identity_of

CHECKPOINT = ".pt"
UNKNOWN_STEPS = "a sample's time steps are not in the file: state them with --timesteps; nothing is proved without"


@dataclass(frozen=True)
class LayerSummary:
    """One layer in numbers; thresholds are in weight units.

    `beta` is the share of the membrane kept per step, or a text with the least and the largest where neurons differ.
    `values` and `zeros`, the share of weights that are 0, are of synapses that are no shortcuts; `shortcuts` says from where
    the others come, and how many weight units a spike of theirs has. `delays` are the least and the largest, in steps; a layer
    that is its own source says so there. Synapses that differ in their delays alone count as the one matrix that they are.
    """

    name: str
    shape: tuple[int, ...]
    neurons: int
    weights: int
    values: str
    zeros: float
    vth: int
    beta: float | str
    shortcuts: tuple[str, ...]
    delays: str


@dataclass(frozen=True)
class Summary:
    """One file; `formats` and `chips` list all that each target, in each variant, and each chip cannot hold of its network.

    `notices` say what users of a format must know although the format holds all. `relays` are the populations, with their
    neurons, that a chip and Lava's stock processes need where a shorter path joins a longer one. `cores` says of each chip what
    the network takes of it; `snnc check` says more. `timesteps` is None where the file does not say them.
    """

    file: str
    bytes: int
    name: str
    digest: str
    timesteps: int | None
    readout: str
    input: dict[str, Any]
    truncation_free: bool
    proved: str
    semantics: str
    layers: list[LayerSummary]
    relays: dict[str, int]
    cores: dict[str, str]
    formats: dict[str, list[str]]
    notices: dict[str, str]
    chips: dict[str, list[str]]


def summary(network: Network, file: Path, *, timesteps_known: bool = True, foreign: bool = False) -> Summary:
    """Look at every layer, and ask every format and chip; a `foreign` file is one that lava-dl wrote."""
    overflow = next(overflows(network), None)
    variants = {f"{name} {v}".strip(): (row, options) for name, row in TARGETS.items() for v, options in row.listed().items()}
    notices = {name: row.notice(network, options) for name, (row, options) in variants.items()}
    return Summary(
        str(file),
        file.stat().st_size,
        network.name,
        network.digest(),
        network.timesteps if timesteps_known else None,
        network.readout,
        dict(vars(network.input)),
        network.truncation_free,
        UNKNOWN_STEPS if not timesteps_known else str(overflow) if overflow else "no sum overflows, no membrane saturates",
        "integers of a file that snnc did not write" if foreign else _semantics(network, file),
        [_layer(layer, network) for layer in network.layers],
        _relays(network),
        {chip.title: line for chip in CHIPS.values() if (line := _cores(network, chip))},
        {name: [str(each) for each in row.violations(network, options)] for name, (row, options) in variants.items()},
        {name: notice for name, notice in notices.items() if notice},
        {chip.title: [str(each) for each in violations(network, chip)] for chip in CHIPS.values()},
    )


def _semantics(network: Network, file: Path) -> str:
    if file.suffix == CHECKPOINT:
        return "checkpoint of snnc train; its integer phase computes these numbers"
    return TARGETS[target_of(file, CHECKPOINT)].describe(network, file)


def _relays(network: Network) -> dict[str, int]:
    if hurried(network):  # no chip can run it: there is no schedule to fill with relays
        return {}
    own = {layer.name for layer in network.layers}
    return {layer.name: layer.neurons for layer in insert_relays(network).layers if layer.name not in own}


def _cores(network: Network, chip: Chip) -> str | None:
    found = mapping(network, chip)
    if found is None or chip.cores is None:
        return None
    cores = (
        f"{found.cores:,} of {chip.cores.count} cores" if found.chips == 1 else f"{found.cores:,} cores in {found.chips} chips"
    )
    return f"{cores}, {found.footprint / 1024:,.1f} KiB of weights, latency {found.latency} steps"


def _layer(layer: Layer, network: Network) -> LayerSummary:
    shapes, ranges = network.shapes, network.ranges
    found_by = {
        synapse: identity_of(synapse, shapes[synapse.source], *ranges[synapse.source]) for synapse in layer.synapses[1:]
    }
    shortcuts = {synapse: identity for synapse, identity in found_by.items() if identity}
    own = _undelayed([synapse for synapse in layer.synapses if synapse not in shortcuts])
    weights = np.concatenate([weight.ravel() for weight in own])
    texts = tuple(f"{identity.strength} from {synapse.source}" for synapse, identity in shortcuts.items())
    found = np.unique(weights)
    values = ", ".join(map(str, found)) if len(found) <= 3 else f"{found[0]} .. {found[-1]}"
    zeros = float((weights == 0).mean())
    numbers = weights.size + sum(synapse.weight.size for synapse in shortcuts)
    neuron = layer.neuron
    beta = neuron.beta if isinstance(neuron.beta, float) else span(neuron.beta)
    delays = span([synapse.delay for synapse in layer.synapses])
    if any(synapse.source == layer.name for synapse in layer.synapses):
        delays += ", from itself too"
    return LayerSummary(layer.name, layer.output_shape, layer.neurons, numbers, values, zeros, neuron.vth, beta, texts, delays)


def _undelayed(synapses: list[Synapse]) -> list[NDArray[np.integer]]:
    """Return the weights of synapses, those of one source that share no place as one array."""
    of_source: dict[tuple[str, type, tuple[int, ...]], list[NDArray[np.integer]]] = {}
    for synapse in synapses:
        of_source.setdefault((synapse.source, type(synapse), synapse.weight.shape), []).append(synapse.weight)
    found: list[NDArray[np.integer]] = []
    for weights in of_source.values():
        alone = (np.sum([weight != 0 for weight in weights], axis=0) <= 1).all()
        found += [np.sum(weights, axis=0)] if alone else weights
    return found


def show(console: Console, found: Summary, network: Network, *, verbose: bool = False) -> None:
    """Print the summary; of what a format or a chip cannot hold the first and a count, or all if `verbose`."""
    low, high = network.input.minimum, network.input.maximum
    console.print(f"{found.file}: {found.name}, {found.bytes:,} bytes, {found.digest[:16]}", style="bold")
    shape = "x".join(map(str, network.input.shape))
    steps = "unknown" if found.timesteps is None else found.timesteps
    console.print(f"input {shape} in {low}..{high}, {steps} time steps, read-out {found.readout}")
    console.print(found.semantics)
    console.print(f"{found.proved}; {'truncation-free' if found.truncation_free else 'not truncation-free'}\n")
    layers = Table("layer", "shape", box=None, pad_edge=False, header_style="bold")
    for heading in ("neurons", "weights", "values", "zeros", "vth", "beta"):
        layers.add_column(heading, justify="right")
    joined = any(row.shortcuts for row in found.layers)
    if joined:
        layers.add_column("shortcuts")
    delayed = any(row.delays != "0" for row in found.layers)
    if delayed:
        layers.add_column("delays")
    for row in found.layers:
        numbers = (f"{row.neurons:,}", f"{row.weights:,}", row.values, f"{row.zeros:.0%}", str(row.vth), _beta(row))
        shortcuts = [", ".join(row.shortcuts)] if joined else []
        layers.add_row(row.name, "x".join(map(str, row.shape)), *numbers, *shortcuts, *([row.delays] if delayed else []))
    limits = Table("format or chip", "what it cannot hold", box=None, pad_edge=False, header_style="bold")
    for name, lost in {**found.formats, **found.chips}.items():
        limits.add_row(name, _lost(lost, found.notices.get(name), verbose=verbose))
    console.print(layers, "", limits, sep="\n")
    console.print()
    for name, line in found.cores.items():
        console.print(f"{name}: {line}")
    if found.relays:
        neurons, all_neurons = sum(found.relays.values()), sum(row.neurons for row in found.layers)
        count = f"{len(found.relays)} populations, {neurons:,} neurons (+{neurons / all_neurons:.0%})"
        console.print(f"\nrelays that a chip and Lava need besides: {count}")


def _beta(row: LayerSummary) -> str:
    return row.beta if isinstance(row.beta, str) else span(row.beta)


def _lost(lost: list[str], notice: str | None, *, verbose: bool) -> str:
    if not lost:
        return notice or "nothing is lost"
    if verbose:
        return "\n".join(lost)
    return lost[0] + (f" (and {len(lost) - 1} more: -v lists them)" if len(lost) > 1 else "")
