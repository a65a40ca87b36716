"""What a network holds, and what each format and chip cannot hold of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from snnc.export import TARGETS, target_of
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.chips import CHIPS, violations
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.text import span

CHECKPOINT = ".pt"
UNKNOWN_STEPS = "a sample's time steps are not in the file: state them with --timesteps; nothing is proved without"


@dataclass(frozen=True)
class LayerSummary:
    """One layer in numbers; `zeros` is the share of weights that are 0, thresholds are in weight units.

    `beta` is the share of the membrane kept per step, or a text with the least and the largest where neurons differ.
    """

    name: str
    shape: tuple[int, ...]
    neurons: int
    weights: int
    values: str
    zeros: float
    vth: int
    beta: float | str


@dataclass(frozen=True)
class Summary:
    """One file; `formats` and `chips` list all that each target, in each variant, and each chip cannot hold of its network.

    `notices` say what users of a format must know although the format holds all. `timesteps` is None where the file does not
    say them.
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
    formats: dict[str, list[str]]
    notices: dict[str, str]
    chips: dict[str, list[str]]


def summary(network: Network, file: Path, *, timesteps_known: bool = True) -> Summary:
    """Look at every layer, and ask every format and chip."""
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
        _semantics(network, file) if timesteps_known else "integers of a file that snnc did not write",
        [_layer(layer) for layer in network.layers],
        {name: [str(each) for each in row.violations(network, options)] for name, (row, options) in variants.items()},
        {name: notice for name, notice in notices.items() if notice},
        {chip.title: [str(each) for each in violations(network, chip)] for chip in CHIPS.values()},
    )


def _semantics(network: Network, file: Path) -> str:
    if file.suffix == CHECKPOINT:
        return "checkpoint of snnc train; its integer phase computes these numbers"
    return TARGETS[target_of(file, CHECKPOINT)].describe(network, file)


def _layer(layer: Layer) -> LayerSummary:
    weights = np.concatenate([synapse.weight.ravel() for synapse in layer.synapses])
    found = np.unique(weights)
    values = ", ".join(map(str, found)) if len(found) <= 3 else f"{found[0]} .. {found[-1]}"
    zeros = float((weights == 0).mean())
    beta = layer.neuron.beta if isinstance(layer.neuron.beta, float) else span(layer.neuron.beta)
    return LayerSummary(layer.name, layer.output_shape, layer.neurons, weights.size, values, zeros, layer.neuron.vth, beta)


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
    for row in found.layers:
        numbers = (f"{row.neurons:,}", f"{row.weights:,}", row.values, f"{row.zeros:.0%}", str(row.vth), _beta(row))
        layers.add_row(row.name, "x".join(map(str, row.shape)), *numbers)
    limits = Table("format or chip", "what it cannot hold", box=None, pad_edge=False, header_style="bold")
    for name, lost in {**found.formats, **found.chips}.items():
        limits.add_row(name, _lost(lost, found.notices.get(name), verbose=verbose))
    console.print(layers, "", limits, sep="\n")


def _beta(row: LayerSummary) -> str:
    return row.beta if isinstance(row.beta, str) else span(row.beta)


def _lost(lost: list[str], notice: str | None, *, verbose: bool) -> str:
    if not lost:
        return notice or "nothing is lost"
    if verbose:
        return "\n".join(lost)
    return lost[0] + (f" (and {len(lost) - 1} more: -v lists them)" if len(lost) > 1 else "")
