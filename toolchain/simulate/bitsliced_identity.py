"""Synapses that are one strength on a diagonal, as shortcuts are: the C kernels add their spikes in registers.

As a convolution of its own such a synapse would go over all output channels for each spike.
"""

from dataclasses import dataclass

import numpy as np

from snnc.toolchain.native.library import ShortcutStruct
from snnc.toolchain.network.grid import grid_of
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Shape
from snnc.toolchain.simulate.bitsliced_layers import INT16_MAX
from snnc.toolchain.simulate.signals import Bits, Signal, packed, unpacked

MOST_SUMMED = 4  # the side of a patch; larger ones are rare, and a convolution's kernel skips what is silent


@dataclass(frozen=True)
class Identity:
    """Each output channel c receives `strength` for every spike of channel c modulo the source's in a pool x pool patch."""

    strength: int
    pool: int
    source: Shape  # (C, H, W)
    channels: int

    def bits(self, signal: Signal, timesteps: int) -> Bits:
        """Return the source's spikes `(images, T, H, W, words)` with the layer's number of channels, one after another."""
        bits, own = signal.bits, self.source[0]
        if self.channels > own:
            repeats, whole = self.channels // own, own % 64 == 0
            bits = np.tile(bits, repeats) if whole else packed(np.tile(unpacked(bits, own).astype(bool), repeats))
        return np.ascontiguousarray(np.broadcast_to(bits, (len(bits), timesteps, *bits.shape[2:])))

    def struct(self, bits: Bits) -> ShortcutStruct:
        """Return what C reads; the bits must outlive it."""
        return ShortcutStruct(bits.ctypes.data, self.strength, self.pool, *self.source[1:])


def identity_of(synapse: Synapse, source: Shape, low: int, high: int) -> Identity | None:
    """Return a synapse as an Identity if it is one, and its source, which can hold `low..high`, spikes."""
    grid = grid_of(synapse, source, pooling=False)
    out, channels, height, width = grid.weight.shape
    if not (low >= 0 and high <= 1 and height == width <= MOST_SUMMED and out % channels == 0):
        return None
    if grid.stride != (height, width) or grid.padding != (0, 0):
        return None
    strength = int(grid.weight[0, 0, 0, 0])
    diagonal = strength * np.tile(np.eye(channels, dtype=np.int64), (out // channels, 1))
    if not strength or abs(strength) > INT16_MAX or (grid.weight != diagonal[:, :, None, None]).any():
        return None
    return Identity(strength, height, grid.source, out)
