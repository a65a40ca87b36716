"""What really overflows in a run: currents that wrap, membranes that saturate, membrane read-outs that spike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import READOUT
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.simulate.currents import inputs
from snnc.toolchain.simulate.frames import Samples
from snnc.toolchain.simulate.trace import Trace


@dataclass(frozen=True)
class Overflowed:
    """The first overflow of a layer and quantity in a run, its value before it was wrapped, clipped or reset."""

    layer: str
    what: str
    sample: int
    step: int
    neuron: tuple[int, ...]
    value: int
    limit: int

    def __str__(self) -> str:
        """Return one line for people."""
        return (
            f"layer {self.layer!r}: {self.what} of neuron {self.neuron} reaches {self.value} at step {self.step} of sample "
            f"{self.sample}, the limit is {self.limit}"
        )


def overflowing(network: Network, samples: Samples, trace: Trace) -> list[Overflowed]:
    """Return what overflows in a trace of the samples, layer by layer; empty if nothing does.

    Args:
        network: the integer network.
        samples: as for `simulate`.
        trace: what `simulate` returned for them.

    Returns:
        The first overflow, by step and then by sample, of each quantity of each layer.

    Example:
        >>> import numpy as np, snnc
        >>> from snnc.toolchain.simulate.overflow import overflowing
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[127]]),), snnc.Lif((1,), vth=131071, dv=0))
        >>> network = snnc.Network("example", 3, snnc.Input((1,), 0, 500), (layer,), "spikes")
        >>> samples = np.array([[100], [500]])
        >>> print(*overflowing(network, samples, snnc.simulate(network, samples)))
        layer 'fc': membrane v (before a reset) of neuron (0,) reaches 12192000 at step 2 of sample 1, the limit is 8388607
    """
    return [found for layer in network.layers for found in _of_layer(network, layer, samples, trace)]


def _of_layer(network: Network, layer: Layer, samples: Samples, trace: Trace) -> Iterator[Overflowed]:
    a, neuron = inputs(network, layer, samples, trace), layer.neuron
    after = trace.membranes[layer.name].astype(np.int64)
    u = np.zeros(after.shape[1:], np.int64)
    first: dict[str, Overflowed] = {}
    for t in range(network.timesteps):
        raw_u = lif.decayed(u, neuron.du + 1) + (a[t % len(a)] << lif.UNIT_SHIFT)
        u = lif.wrap(raw_u)
        raw_v = lif.decayed(after[t - 1] if t else u * 0, neuron.dv) + u + neuron.bias
        quantities = [("current u", np.abs(raw_u), raw_u, lif.STATE_LIMIT - 1)]
        quantities.append(("membrane v (before a reset)", np.abs(raw_v), raw_v, lif.MEMBRANE_MAX))
        if network.is_readout(layer):
            quantities.append((READOUT, raw_v, raw_v, neuron.vth << lif.UNIT_SHIFT))
        for what, size, raw, limit in quantities:
            if what not in first and (size > limit).any():
                first[what] = _worst(layer, what, t, size, raw, limit)
    yield from first.values()


def _worst(layer: Layer, what: str, step: int, size: NDArray[np.int64], raw: NDArray[np.int64], limit: int) -> Overflowed:
    sample = int((size > limit).reshape(len(size), -1).any(axis=1).argmax())
    neuron = np.unravel_index(int(size[sample].argmax()), size.shape[1:])
    return Overflowed(layer.name, what, sample, step, tuple(map(int, neuron)), int(raw[sample][neuron]), limit)
