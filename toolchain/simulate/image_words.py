"""Signals with 64 images to a word, as the kernel of images.c reads and writes them, and how they are turned."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import load_kernel

IMAGES = 64  # to a word

Words = NDArray[np.uint64]


@dataclass
class ImageWords:
    """What a source sends, one word for 64 images: `(planes, H, C, W, F)`.

    F is T, or 1 where all time steps are the same. Plane k counts 2**k; if `negative`, the last one counts -2**k.
    """

    words: Words
    images: int
    negative: bool = False

    @classmethod
    def of_bits(cls, bits: Words, channels: int) -> "ImageWords":
        """Turn spikes `(images, T, H, W, ceil(C / 64))`, of which there are at most 64 images."""
        bits = np.ascontiguousarray(bits)
        images, steps, height, width, _ = bits.shape
        words = np.empty((1, height, channels, width, steps), np.uint64)
        load_kernel().image_words["images_from_channels"](
            images, steps, height, width, channels, bits.ctypes.data, words.ctypes.data
        )
        return cls(words, images)

    @classmethod
    def of_values(cls, values: NDArray[np.int16], low: int, high: int) -> "ImageWords":
        """Turn numbers `(images, F, H, W, C)` within low..high, of which there are at most 64 images."""
        values = np.ascontiguousarray(values)
        images, frames, height, width, channels = values.shape
        planes = planes_of(low, high)
        words = np.empty((planes, height, channels, width, frames), np.uint64)
        sizes = (images, frames, height, width, channels, planes)
        load_kernel().image_words["images_from_values"](*sizes, values.ctypes.data, words.ctypes.data)
        return cls(words, images, negative=low < 0)

    @property
    def frames(self) -> int:
        """Time steps that differ: T or 1."""
        return int(self.words.shape[-1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        _, height, channels, width, _ = self.words.shape
        return channels, height, width

    @cached_property
    def bits(self) -> Words:
        """Spikes as `(images, T, H, W, ceil(C / 64))`."""
        channels, height, width = self.shape
        bits = np.empty((self.images, self.frames, height, width, -(-channels // 64)), np.uint64)
        sizes = (self.images, self.frames, height, width, channels)
        load_kernel().image_words["images_to_channels"](*sizes, self.words.ctypes.data, bits.ctypes.data)
        return bits


def planes_of(low: int, high: int) -> int:
    """Return the bits of numbers within low..high, in two's complement if any are negative."""
    return max(high.bit_length(), (-1 - low).bit_length() if low < 0 else 0, 1) + (low < 0)


def in_order(numbers: NDArray[np.int32], images: int) -> NDArray[np.int32]:
    """Return numbers `(H, C, W, T, 64)`, lanes as images.c leaves them, as `(images, T, H, W, C)`."""
    height, channels, width, steps, _ = numbers.shape
    lanes = numbers.reshape(height, channels, width, steps, 8, 8).swapaxes(4, 5).reshape(*numbers.shape)
    return lanes[..., :images].transpose(4, 3, 0, 2, 1)


def digits_of(weight: NDArray[np.integer]) -> list[NDArray[np.int8]]:
    """Return arrays of -1, 0 and 1 whose sum, the k-th times 2**k, is the weight, with as few digits as there can be.

    That is the non-adjacent form (Reitwiesner 1960).
    """
    rest: NDArray[np.int64] = weight.astype(np.int64)
    digits: list[NDArray[np.int8]] = []
    while rest.any() or not digits:
        digit = np.where(rest & 1, 2 - (rest & 3), 0)
        digits.append(digit.astype(np.int8))
        rest = (rest - digit) >> 1
    return digits


def rows_of(digits: Sequence[NDArray[np.int8]], offsets: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """List the offsets of all digits `(out, taps)` by channel, sign (minus first) and level; say where each list starts."""
    levels, out = len(digits), len(digits[0])
    counts, keys, listed = np.zeros((out, 2, levels), np.int64), [], []
    for sign, value in enumerate((-1, 1)):
        for level, digit in enumerate(digits):
            channel, tap = np.nonzero(digit == value)
            counts[:, sign, level] = np.bincount(channel, minlength=out)
            keys.append((channel * 2 + sign) * levels + level)
            listed.append(offsets[tap])
    order = np.argsort(np.concatenate(keys), kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate(listed)[order].astype(np.uint32), starts.astype(np.uint32)
