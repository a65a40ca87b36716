"""What the layers of the fast simulator read: the signal of every source, and the same some steps later."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.simulate.frames import delayed
from snnc.toolchain.simulate.image_words import ImageWords

Bits = NDArray[np.uint64]


@dataclass
class Spikes:
    """What a population sends: made with 64 channels to a word, `(images, T, H, W, ceil(C / 64))`, or 64 images to a word."""

    channels: int
    made: Bits | ImageWords

    @cached_property
    def bits(self) -> Bits:
        """The spikes with 64 channels to a word."""
        return self.made.bits if isinstance(self.made, ImageWords) else self.made

    @cached_property
    def words(self) -> ImageWords:
        """The spikes with 64 images to a word."""
        return self.made if isinstance(self.made, ImageWords) else ImageWords.of_bits(self.made, self.channels)

    @cached_property
    def values(self) -> NDArray[np.int16]:
        """The spikes as numbers `(images, T, H, W, C)`."""
        return unpacked(self.bits, self.channels).astype(np.int16)

    def part(self, start: int, stop: int) -> "Spikes":
        """Return the spikes of some images."""
        return Spikes(self.channels, self.bits[start:stop])


@dataclass
class Pixels:
    """The network's input within low..high: `(images, T, H, W, C)`, or `(images, 1, H, W, C)` if all steps are the same."""

    values: NDArray[np.int16] | NDArray[np.int64]
    low: int
    high: int

    @cached_property
    def bits(self) -> Bits:
        """The input as spikes, for an input of 0 and 1."""
        return packed(self.values != 0)

    @cached_property
    def words(self) -> ImageWords:
        """The bits of the input, 64 images to a word."""
        return ImageWords.of_values(self.values.astype(np.int16, copy=False), self.low, self.high)

    def part(self, start: int, stop: int) -> "Pixels":
        """Return the input of some images."""
        return Pixels(self.values[start:stop], self.low, self.high)


Signal = Spikes | Pixels


def count(signal: Signal) -> int:
    """Return the number of images."""
    made = signal.made if isinstance(signal, Spikes) else signal.values
    return made.images if isinstance(made, ImageWords) else len(made)


class Signals(dict[tuple[str, int], Signal]):
    """Signals by source and delay. Those without delay are put in; delayed ones are made once, when first asked for."""

    def __init__(self, timesteps: int):
        """Take the number of time steps of a sample."""
        super().__init__()
        self.timesteps = timesteps

    def __missing__(self, key: tuple[str, int]) -> Signal:
        """Shift a source along time, zeros in front."""
        source, delay = key
        if not delay:
            raise KeyError(key)
        signal = self[source, 0]
        if isinstance(signal, Spikes):
            later: Signal = Spikes(signal.channels, delayed(signal.bits.swapaxes(0, 1), delay, self.timesteps).swapaxes(0, 1))
        else:
            values = delayed(signal.values.swapaxes(0, 1), delay, self.timesteps).swapaxes(0, 1)
            later = Pixels(values, signal.low, signal.high)
        self[key] = later
        return later


def packed(spikes: NDArray[np.bool_]) -> Bits:
    """Pack `(..., C)` into `(..., ceil(C / 64))` words, the first channel in the lowest bit."""
    spare = -spikes.shape[-1] % 64
    padded = np.pad(spikes, [(0, 0)] * (spikes.ndim - 1) + [(0, spare)])
    return np.ascontiguousarray(np.packbits(padded, -1, bitorder="little")).view("<u8").astype(np.uint64, copy=False)


def unpacked(bits: Bits, channels: int) -> NDArray[np.uint8]:
    """Return 0 and 1 as `(..., channels)` from `(..., words)`."""
    return np.unpackbits(np.ascontiguousarray(bits).view(np.uint8), axis=-1, bitorder="little")[..., :channels]
