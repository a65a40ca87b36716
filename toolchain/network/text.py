"""A network as a table for people."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from snnc.toolchain.errors import escaped

if TYPE_CHECKING:  # network.py imports this module
    from snnc.toolchain.network.network import Layer, Network

MOST_SYNAPSES = 4  # that are shown of a layer; one with many delays has dozens


HEADINGS = ("layer", "shape", "synapses", "weights", "vth", "dv")


def table(network: "Network") -> str:
    """Return a line about the network and one for each layer."""
    rows = [HEADINGS, *map(_row, network.layers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([_title(network), *lines])


def html(network: "Network") -> str:
    """Return the same as HTML, for notebooks; everything that comes from files is escaped."""
    return f"<b>{escaped(_title(network))}</b>{html_table(HEADINGS, [_row(layer) for layer in network.layers])}"


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return texts as a table in HTML, escaped."""
    head = "".join(f"<th>{escaped(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _title(network: "Network") -> str:
    pixels = f"input {'x'.join(map(str, network.input.shape))} in {network.input.minimum}..{network.input.maximum}"
    return f"{network.name}: {network.timesteps} time steps, {pixels}, readout {network.readout}"


def span(numbers: ArrayLike) -> str:
    """Return one number, or the least and the largest of several that differ: `2048` or `0..2048`; shares have 4 digits."""
    low, high = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in (np.min(numbers), np.max(numbers)))
    return low if low == high else f"{low}..{high}"


def _row(layer: "Layer") -> tuple[str, ...]:
    weights = np.concatenate([[synapse.weight.min(), synapse.weight.max()] for synapse in layer.synapses])
    shown = [synapse.text() for synapse in layer.synapses[:MOST_SYNAPSES]]
    more = [f"{len(layer.synapses) - MOST_SYNAPSES} more"] if len(layer.synapses) > MOST_SYNAPSES else []
    synapses = " + ".join([*shown, *more])
    shape = "x".join(map(str, layer.output_shape))
    low_to_high = f"{weights.min()}..{weights.max()}"
    return (layer.name, shape, synapses, low_to_high, str(layer.neuron.vth), span(layer.neuron.dv))
