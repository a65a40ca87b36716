"""Layers for the C kernel that runs 64 images to a word (images.c): weights as lists of the rows to add.

Cost follows the weights that are not 0, not the spikes, and no lane is idle in narrow layers.
"""

import ctypes
from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import FeedStruct, ImagesResultsStruct, ImagesStruct, Kernel, WindowStruct
from snnc.toolchain.network import lif
from snnc.toolchain.network.grid import Grid
from snnc.toolchain.network.network import Lif
from snnc.toolchain.simulate.bitsliced_layers import scratch
from snnc.toolchain.simulate.image_words import IMAGES, ImageWords, digits_of, planes_of, rows_of

LINE = 64  # bytes of a cache line, and of the widest vector
FIRST_CACHE = 24 << 10  # bytes that the rows of one vector of positions should take


class ImageSynapse:
    """One synapse as lists of rows; its source holds numbers within low..high."""

    def __init__(self, grid: Grid, low: int, high: int):
        """Take the convolution, its pooling apart."""
        self.grid, self.negative = grid, low < 0
        self.planes = (grid.pool**2).bit_length() if grid.pool > 1 else planes_of(low, high)
        self.lists: dict[int, tuple[NDArray[np.uint32], NDArray[np.uint32]]] = {}

    @cached_property
    def digits(self) -> list[NDArray[np.int8]]:
        """The weights as digits of -1, 0 and 1."""
        return digits_of(self.grid.weight)

    @property
    def rows(self) -> int:
        """How many rows are added at one position, of all output channels and planes."""
        return self.planes * self._counted[0]

    @property
    def levels(self) -> int:
        """How many digits the largest weight has."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[int, int]:
        """Digits that are not 0, and levels; making the digits of a wide layer would take seconds."""
        magnitude = np.abs(self.grid.weight.astype(np.int32))  # weights have 24 bits
        marks = 3 * magnitude ^ magnitude  # a bit for each digit, one place higher
        return int(np.bitwise_count(marks).sum(dtype=np.int64)), max(1, int(marks.max()).bit_length() - 1)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """How much inverted rows count too much, `(out,)`, times -1."""
        total = np.zeros(len(self.grid.weight), np.int64)
        for level, digit in enumerate(self.digits):
            for plane in range(self.planes):
                turned = self.negative and plane == self.planes - 1
                total -= (digit == (1 if turned else -1)).sum((1, 2, 3)) << (level + plane)
        return total

    def window(self, source: ImageWords, frames: int) -> WindowStruct:
        """Return how the source is laid out."""
        grid, (channels, height, width) = self.grid, source.shape
        (pad_y, pad_x), stride_x, kw, wo = grid.padding, grid.stride[1], grid.weight.shape[3], grid.output[1]
        line, rows, planes = self.line(frames), height // grid.pool + 2 * pad_y, len(source.words)
        sizes = (channels, planes, height, width, source.frames, grid.pool, pad_y, pad_x, stride_x, kw, wo, frames, rows, line)
        return WindowStruct(*sizes)

    def line(self, frames: int) -> int:
        """Return the words from line to line: an odd number of cache lines, lest rows share a set of the cache."""
        return (-(-self.grid.output[1] * frames * 8 // LINE) | 1) * LINE // 8

    def listed(self, frames: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the lists of rows: offsets in bytes, and where each list starts."""
        if frames not in self.lists:
            channels, kh, kw = self.grid.weight.shape[1:]
            down, over, right = (np.arange(count) * size for count, size in ((kh, channels * kw), (channels, kw), (kw, 1)))
            offsets = 8 * self.line(frames) * (over[:, None, None] + down[:, None] + right)
            rows = rows_of([digit.reshape(len(digit), -1) for digit in self.digits], offsets.ravel())
            return self.lists.setdefault(frames, rows)  # C gets the addresses: whichever thread is first, its lists stay
        return self.lists[frames]

    def longest(self, frames: int) -> int:
        """Return the length of the longest list."""
        _, starts = self.listed(frames)
        return int(np.diff(starts.astype(np.int64)).max(initial=0))


class ImagesLayer:
    """A layer whose synapses all run in images.c, neurons included."""

    def __init__(self, kernel: Kernel, synapses: Sequence[ImageSynapse], neuron: Lif, timesteps: int, reach: int):
        """Take all synapses; `reach` is the largest magnitude of a sum."""
        self.kernel, self.synapses, self.neuron, self.steps = kernel, synapses, neuron, timesteps
        self.cout, self.output = len(synapses[0].grid.weight), synapses[0].grid.output
        self.planes = reach.bit_length() + 1
        self.bias = np.ascontiguousarray(neuron.bias.reshape(self.cout, -1)[:, 0], np.int32)

    @cached_property
    def start(self) -> NDArray[np.int32]:
        """Where the sum of every output channel starts, modulo 2**32."""
        return sum((synapse.start for synapse in self.synapses), np.zeros(self.cout, np.int64)).astype(np.int32)

    def run(self, sources: Sequence[ImageWords], *, membranes: bool) -> tuple[ImageWords, NDArray[np.int32]]:
        """Return the spikes and, if asked for, the membranes `(H, C, W, T, 64)`."""
        frames = max(source.frames for source in sources)
        shape = (self.output[0], self.cout, self.output[1], self.steps)
        words, after = np.empty((1, *shape), np.uint64), np.empty((*shape, IMAGES if membranes else 0), np.int32)
        results = ImagesResultsStruct(self.bias.ctypes.data, words.ctypes.data, after.ctypes.data if membranes else None)
        pairs = list(zip(self.synapses, sources, strict=True))
        windows = [synapse.window(source, frames) for synapse, source in pairs]
        sizes = [_bytes(window) for window in windows]
        starts = np.cumsum([0, *(size * synapse.planes for size, synapse in zip(sizes, self.synapses, strict=True))])
        longest = max(synapse.longest(frames) for synapse in self.synapses)
        line = max(_line_bytes(window) for window in windows)
        layer = self._struct(frames)
        with scratch(self.kernel.images_scratch(layer, longest) + line + int(starts[-1])) as memory:
            lines, feeds = memory + int(starts[-1]), []
            for (synapse, source), window, size, start in zip(pairs, windows, sizes, starts, strict=False):
                at = memory + int(start)
                self.kernel.images_window(ctypes.byref(window), source.words.ctypes.data, lines, at)
                feeds.append(_feed(synapse, window, size, at))
            listed = (FeedStruct * len(feeds))(*feeds)
            start = self.start  # another thread may replace it
            self.kernel.images_layer(layer, listed, start.ctypes.data, ctypes.byref(results), lines + line)
        return ImageWords(words, sources[0].images), after

    def _struct(self, frames: int) -> ImagesStruct:
        wide = sum(synapse.planes * prod(synapse.grid.weight.shape[1:]) for synapse in self.synapses) * self.kernel.width
        keep, sizes = lif.DECAY_UNITY - int(self.neuron.dv), (self.steps, frames, self.cout, *self.output)
        return ImagesStruct(*sizes, keep, self.neuron.vth, self.planes, max(1, FIRST_CACHE // wide), len(self.synapses))


def _feed(synapse: ImageSynapse, window: WindowStruct, plane: int, at: int) -> FeedStruct:
    """Return what the kernel reads of a synapse, whose window lies at an address, a plane after so many bytes."""
    row = synapse.grid.stride[0] * window.channels * window.kw * window.line * 8
    offsets, starts = synapse.listed(window.frames)
    sizes = len(synapse.digits), synapse.planes, synapse.negative
    return FeedStruct(at, plane, row, offsets.ctypes.data, starts.ctypes.data, *sizes)


def _bytes(window: WindowStruct) -> int:
    """Return the bytes of one plane of a window."""
    return int(window.channels * window.rows * window.kw * window.line * 8)


def _line_bytes(window: WindowStruct) -> int:
    """Return the bytes of the planes of a pooled line, in whole cache lines."""
    return int(-(-5 * window.win * window.frames * 8 // LINE) * LINE)
