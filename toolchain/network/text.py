"""A network as a table for people."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:  # network.py imports this module
    from snnc.toolchain.network.network import Layer, Network

MOST_SYNAPSES = 4  # that are shown of a layer; one with many delays has dozens


def table(network: "Network") -> str:
    """Return a line about the network and one for each layer."""
    rows = [("layer", "shape", "synapses", "weights", "vth", "dv"), *map(_row, network.layers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    pixels = f"input {'x'.join(map(str, network.input.shape))} in {network.input.minimum}..{network.input.maximum}"
    return "\n".join([f"{network.name}: {network.timesteps} time steps, {pixels}, readout {network.readout}", *lines])


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
