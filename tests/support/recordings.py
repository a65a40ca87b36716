"""Recordings as a chip would make them, from traces of the reference."""

from typing import Any

import numpy as np
from random_networks import random_samples, residual_network

from snnc.toolchain.network.network import Network
from snnc.toolchain.network.passes import depths
from snnc.toolchain.simulate.currents import currents
from snnc.toolchain.simulate.reference import simulate

SAMPLES = 3


def recorded(network: Network, samples: np.ndarray, *, hop: int = 1) -> dict[str, Any]:
    """Return the arrays of an `.npz`: every layer's steps, `hop` steps later for each hop on the way to it."""
    trace, late = simulate(network, samples), depths(network)
    steps = network.timesteps * trace.samples + max(late.values())
    arrays: dict[str, Any] = {"timesteps": network.timesteps, "samples": trace.samples, "input": samples}
    for layer in network.layers:
        offset = hop * late[layer.name]
        arrays[f"offset/{layer.name}"] = offset
        u = currents(network, layer, samples, trace)
        for kind, values in (("spikes", trace.spikes[layer.name]), ("u", u), ("v", trace.membranes[layer.name])):
            stream = np.zeros((steps, *layer.output_shape), np.int64)
            rows = values.swapaxes(0, 1).reshape(-1, *layer.output_shape)
            stream[offset : offset + len(rows)] = rows
            arrays[f"{kind}/{layer.name}"] = stream
    return arrays


def example() -> tuple[Network, dict[str, Any]]:
    """Return a residual network whose layers all spike, and its recording."""
    network = residual_network(1)
    return network, recorded(network, random_samples(network, SAMPLES))
