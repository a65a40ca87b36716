"""Layers of a Network prepared for the C kernels: every synapse as a convolution over H,W,C spikes, weights packed.

`Ternary` takes weights of -1, 0 and 1 over spikes (bit-sliced events), `Graded` 16-bit weights or a graded input. Both can
start from given sums, so that a layer with several synapses stays in C.
"""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import Kernel, LayerStruct, ResultsStruct
from snnc.toolchain.network import lif
from snnc.toolchain.network.grid import Grid, as_chw
from snnc.toolchain.network.network import Layer, Lif
from snnc.toolchain.network.validation import Weights
from snnc.toolchain.simulate.signals import Signal, Spikes, count

INT16_MAX, INT32_MAX = 2**15 - 1, 2**31 - 1

Range = tuple[int, int]


@dataclass
class Output:
    """What a layer did: spikes, and membranes `(images, T, H, W, C)`, C = 0 if not asked for."""

    spikes: Spikes
    membranes: NDArray[np.int32]


class Fused:
    """What both kernels need of a synapse: geometry, and the bias of its layer, padded to whole blocks of channels."""

    def __init__(self, kernel: Kernel, grid: Grid, neuron: Lif | None, timesteps: int):
        """Fill in the geometry; without a neuron only sums are wanted."""
        self.kernel, self.shape, self.timesteps = kernel, (timesteps, *grid.output), timesteps
        self.cout = grid.weight.shape[0]
        self.padded = -(-self.cout // kernel.block) * kernel.block
        self.words = -(-self.cout // 64)
        self.bias = aligned((self.padded,), np.int32)
        self.bias[:] = -lif.MEMBRANE_MAX  # padding channels never spike
        if neuron is not None:
            self.bias[: self.cout] = neuron.bias.reshape(self.cout, -1)[:, 0]
        keep, vth = (lif.DECAY_UNITY - int(neuron.dv), neuron.vth) if neuron else (0, lif.VTH_MAX)
        (_, hin, win), (h, w), (kh, kw) = grid.source, grid.pooled, grid.weight.shape[2:]
        self.geometry = LayerStruct(
            *(timesteps, hin, win, grid.source[0], grid.pool, h, w, kh, kw),
            *(*grid.stride, *grid.padding, *grid.output, self.cout, keep, vth),
        )

    def sums(self, source: Signal) -> NDArray[np.int32]:
        """Return the synaptic input `(images, T, H, W, C)` alone."""
        images = count(source)
        sums = np.empty((images, *self.shape, self.padded), np.int32)
        self.call(source, images, ResultsStruct(sums=sums.ctypes.data))
        return sums[..., : self.cout]

    def call(self, source: Signal, images: int, results: ResultsStruct) -> None:
        """Call the kernel."""
        raise NotImplementedError


class Ternary(Fused):
    """Weights of -1, 0 and 1 over spikes; cost in proportion to the spikes."""

    def __init__(self, kernel: Kernel, grid: Grid, neuron: Lif | None, timesteps: int):
        """Pack the weights into rows of two bits per output channel, in the order that `unslice` (ternary.c) undoes."""
        super().__init__(kernel, grid, neuron, timesteps)
        out, channels, kh, kw = grid.weight.shape
        blocks = self.padded // kernel.block
        code = np.zeros((kh, kw, -(-channels // 64) * 64, self.padded), np.uint8)
        weight = grid.weight.transpose(2, 3, 1, 0)
        code[:, :, :channels, :out] = (weight == 1) | ((weight == -1) << np.uint8(1))
        # channel = (block, pair j, byte parity e, half h, lane l) lies in byte (l, h, e), bits 2j and 2j + 1
        code = code.reshape(-1, blocks, 4, 2, 2, kernel.width // 4).transpose(1, 0, 5, 4, 3, 2)
        rows = code[..., 0] | code[..., 1] << 2 | code[..., 2] << 4 | code[..., 3] << 6
        self.rows = aligned((blocks, rows.shape[1] + 1, kernel.width), np.uint8)
        self.rows[:, :-1] = rows.reshape(blocks, -1, kernel.width)
        self.rows[:, -1] = 0

    def call(self, source: Signal, images: int, results: ResultsStruct) -> None:
        """Run the bit-sliced kernel on the signal's bits."""
        bits = np.ascontiguousarray(np.broadcast_to(source.bits, (images, self.timesteps, *source.bits.shape[2:])))
        layer = ctypes.byref(self.geometry)
        rows, bias = self.rows.ctypes.data, self.bias.ctypes.data
        with scratch(self.kernel.ternary_scratch(layer, images)) as memory:
            self.kernel.ternary_layer(layer, images, bits.ctypes.data, rows, bias, ctypes.byref(results), memory)


class Graded(Fused):
    """16-bit weights over 16-bit values; zeros cost nothing, and a constant input is summed once."""

    def __init__(self, kernel: Kernel, grid: Grid, neuron: Lif | None, timesteps: int):
        """Lay the weights out as rows of int32, one for each tap and input channel."""
        super().__init__(kernel, grid, neuron, timesteps)
        out, channels, kh, kw = grid.weight.shape
        self.rows = aligned((kh * kw * channels, self.padded), np.int32)
        self.rows[:] = 0
        self.rows[:, :out] = grid.weight.transpose(2, 3, 1, 0).reshape(-1, out)

    def call(self, source: Signal, images: int, results: ResultsStruct) -> None:
        """Run the multiplying kernel on the signal's values."""
        values = np.ascontiguousarray(source.values)
        layer, frames = ctypes.byref(self.geometry), values.shape[1]
        rows, bias = self.rows.ctypes.data, self.bias.ctypes.data
        self.kernel.graded_layer(layer, images, frames, values.ctypes.data, rows, bias, ctypes.byref(results))


def can_fuse(layer: Layer, ranges: Mapping[str, Range]) -> bool:
    """Tell whether the kernels' neuron is this layer's.

    That is: no current memory, one leak, one bias per channel, and no sum that can wrap. Sources hold `ranges`. Sums that
    cannot wrap have 18 bits, whichever of them are added up first.
    """
    neuron = layer.neuron
    per_channel = neuron.bias.reshape(as_chw(neuron.shape)[0], -1)
    uniform = bool((per_channel == per_channel[:, :1]).all())
    fits = reach(*((synapse.weight, *ranges[synapse.source]) for synapse in layer.synapses)) <= lif.INPUT_MAX
    return not neuron.has_current_memory and isinstance(neuron.dv, int) and uniform and fits


def reach(*fed: tuple[Weights, int, int]) -> int:
    """Return the largest magnitude that any sum over some of the inputs can have.

    Each of `fed` is the weights `(out, ...)` of one synapse, and the least and the most that its source can hold.
    """
    lowest = highest = np.zeros(len(fed[0][0]), np.int64)  # a Network holds its sums below 2**53
    for weight, low, high in fed:
        flat, least, most = weight.reshape(len(weight), -1), min(low, 0), max(high, 0)
        up = np.maximum(flat, 0).sum(1, dtype=np.int64)
        down = np.minimum(flat, 0).sum(1, dtype=np.int64)
        lowest, highest = lowest + up * least + down * most, highest + up * most + down * least
    return int(max(highest.max(), -lowest.min()))


def fused_kind(grid: Grid, kernel: Kernel, low: int, high: int) -> type[Fused] | None:
    """Return the kernel for a synapse, or None where 16-bit weights and values, 32-bit sums or 32-bit offsets would not do."""
    least, most = int(grid.weight.min()), int(grid.weight.max())
    taps = prod(grid.weight.shape[2:]) * -(-grid.weight.shape[1] // 64) * 64
    binary, ternary = low >= 0 and high <= 1, least >= -1 and most <= 1
    if binary and ternary and taps * max(kernel.width, grid.pool**2) <= INT32_MAX:
        return Ternary
    factors = max(-least, most, -low, high)
    sums = reach((grid.weight, low, high)) * grid.pool**2
    return Graded if factors <= INT16_MAX and sums <= INT32_MAX else None


def aligned(shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[np.generic]:
    """Return an uninitialized array on a 64-byte boundary; unaligned weights cost twice the time."""
    size = prod(shape) * np.dtype(kind).itemsize
    raw = np.empty(size + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + size].view(kind).reshape(shape)


SCRATCH_KEPT = 2**28  # bytes; larger working memory is given back after each call
_free: list[NDArray[np.generic]] = []  # working memory between calls: fresh pages cost more than small layers


@contextmanager
def scratch(size: int) -> Iterator[int]:
    """Lend the address of working memory, to one thread at a time."""
    try:
        memory = _free.pop()
    except IndexError:
        memory = aligned((0,), np.uint8)
    if memory.nbytes < size:
        memory = aligned((size,), np.uint8)
    yield int(memory.ctypes.data)
    if memory.nbytes <= SCRATCH_KEPT:
        _free.append(memory)
