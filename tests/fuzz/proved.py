"""Draws networks without end and tries to break what is proved of them, with random inputs and with such as search finds.

python tests/fuzz/proved.py --networks 10000            # a night
python tests/fuzz/proved.py --start 4711 --networks 1   # repeat a finding

Exit status 1 if a sum, current or membrane leaves its bounds, a neuron spikes that never should, or a proved network overflows.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from random_networks import random_join_network, random_network, random_residual_network, random_samples
from random_recurrence import random_recurrent_network

from snnc.toolchain.network.bounds import Bounds, Overflow, network_bounds
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.proofs import proofs
from snnc.toolchain.simulate.currents import currents, inputs
from snnc.toolchain.simulate.overflow import overflowing
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.witness import search

DRAWS: tuple[Callable[[int], Network], ...] = (
    random_network,
    random_recurrent_network,
    random_join_network,
    random_residual_network,
)
UNLIMITED = 2**62


def faults(network: Network, seed: int) -> Iterator[str]:
    """Yield what breaks a bound of a network."""
    samples = random_samples(network, 8, timed=True, seed=seed)
    extremes = (network.input.minimum, network.input.maximum)
    samples[:, :4] = np.random.default_rng(seed).choice(extremes, samples[:, :4].shape)
    trace = simulate(network, samples)
    proved, bounds = proofs(network), network_bounds(network)
    overflowed = overflowing(network, samples, trace)
    if proved.holds and overflowed:
        yield f"proved, but {overflowed[0]}"
    if overflowed:  # behind an overflow nothing is bounded
        return
    for layer in network.layers:
        known = bounds[layer.name]
        reached = {
            "a": inputs(network, layer, samples, trace),
            "u": currents(network, layer, samples, trace),
            "v": trace.membranes[layer.name],
            "spikes": trace.spikes[layer.name],
        }
        for what, values in reached.items():
            low, high = getattr(known, what)
            if (values < low).any() or (values > high).any():
                yield f"layer {layer.name!r}: {what} leaves its bounds"
        yield from _driven(network, layer, known, seed) if proved.holds else ()


def _driven(network: Network, layer: Layer, known: Bounds, seed: int) -> Iterator[str]:
    """Drive one neuron both ways as far as a short search can."""
    neuron = np.unravel_index(seed % layer.neurons, layer.output_shape)
    for what, (low, high) in (("current u", known.u), ("membrane v (before a reset)", known.v)):
        for sign in (-1, 1):
            aim = Overflow(layer.name, tuple(map(int, neuron)), what, sign, UNLIMITED, "")
            found = search(network, aim, 64).reached
            if not low[neuron] <= found <= high[neuron]:
                yield f"layer {layer.name!r}: {what} of {neuron} reaches {found}, proved was {low[neuron]}..{high[neuron]}"


def main() -> int:
    """Check as many networks as were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0, help="seed of the first; each is always the same network")
    options = parser.parse_args()
    found = held = 0
    for seed in range(options.start, options.start + options.networks):
        network = replace(DRAWS[seed % len(DRAWS)](seed), timesteps=1 + seed % 12)
        held += proofs(network).holds
        for fault in faults(network, seed):
            found += 1
            print(f"network {seed}: {fault}", flush=True)
    print(f"{options.networks:,} networks, {held:,} proved, {found:,} faults")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
