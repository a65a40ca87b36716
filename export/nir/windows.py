"""Pools in front of weights, folded into them: what a convolution or a matrix behind pools takes from the spikes themselves."""

from dataclasses import dataclass

import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.flat import check_values
from snnc.toolchain.errors import CannotExport

Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """Sums over windows of an image, each of its values counted as often as `counts` `(kh, kw)` says."""

    counts: Floats
    stride: Pair
    padding: Pair
    source: Pair  # height and width of the image
    pooled: Pair  # of the sums
    crop: Pair  # height and width of the part of the image that may be seen, all of it or less

    def behind(self, node: str, size: Pair, stride: Pair, padding: Pair) -> "Windows":
        """Return the windows of a pool of this size behind these."""
        counts, inner, step, pad, crop = self._joined(node, np.ones((1, 1, *size)), stride, padding)
        pooled = tuple((inner[i] + 2 * padding[i] - size[i]) // stride[i] + 1 for i in (0, 1))
        if min(pooled) < 1:
            raise CannotExport(f"node {node!r}: its pool of {size} is larger than its padded image of {inner}; mend the file")
        return Windows(counts[0, 0], step, pad, self.source, (pooled[0], pooled[1]), crop)

    def kernel(self, node: str, weight: Floats, stride: Pair, padding: Pair) -> tuple[Floats, Pair, Pair, Pair]:
        """Return weight, stride, padding and crop of the convolution that does to the image what this one does to the sums."""
        weight, _, step, pad, crop = self._joined(node, weight, stride, padding)
        return weight, step, pad, crop

    def matrix(self, node: str, weight: Floats) -> Floats:
        """Return the columns, one for each value of the image, of a matrix whose own stand for the sums, in C,H,W order."""
        (height, width), (ph, pw), (sy, sx), (py, px) = self.source, self.pooled, self.stride, self.padding
        tall, wide = self.counts.shape
        channels = weight.shape[1] // (ph * pw)
        check_values(node, "pooled weights written out", len(weight), channels, height, width)
        pooled = weight.reshape(len(weight), channels, ph, pw)
        whole = np.zeros((len(weight), channels, (ph - 1) * sy + tall + height, (pw - 1) * sx + wide + width))
        for y in range(tall):
            for x in range(wide):
                rows, columns = slice(y, y + ph * sy, sy), slice(x, x + pw * sx, sx)
                whole[:, :, rows, columns] += pooled * self.counts[y, x]
        return whole[:, :, py : py + height, px : px + width].reshape(len(weight), -1)

    def _joined(self, node: str, weight: Floats, stride: Pair, padding: Pair) -> tuple[Floats, Pair, Pair, Pair, Pair]:
        tall, wide = self.counts.shape
        (sy, sx), size = self.stride, weight.shape[2:]
        grown = ((size[0] - 1) * sy + tall, (size[1] - 1) * sx + wide)
        check_values(node, "pooled weights written out", *weight.shape[:2], *grown)
        whole = np.zeros((*weight.shape[:2], *grown))
        for y in range(size[0]):
            for x in range(size[1]):
                part = whole[:, :, y * sy : y * sy + tall, x * sx : x * sx + wide]
                part += weight[:, :, y, x][:, :, None, None] * self.counts
        crop = [self._seen(node, axis, size[axis], stride[axis], padding[axis]) for axis in (0, 1)]
        step = (sy * stride[0], sx * stride[1])
        pad = (self.padding[0] + sy * padding[0], self.padding[1] + sx * padding[1])
        return whole, self.pooled, step, pad, (crop[0], crop[1])

    def _seen(self, node: str, axis: int, size: int, stride: int, padding: int) -> int:
        """Return how much of the image may be seen along an axis, so that what is padded behind the pool finds nothing.

        Raises CannotExport where a padded sum would overlap with a real one.
        """
        reach, step, before = self.counts.shape[axis], self.stride[axis], self.padding[axis]
        count = self.pooled[axis]
        last = ((count + 2 * padding - size) // stride) * stride - padding + size - 1
        behind = count * step - before  # where the first sum would begin that is padded behind the last real one
        if (padding and reach > step + before) or (last >= count and behind < min(self.crop[axis], self.source[axis])):
            if reach > step:
                raise CannotExport(
                    f"node {node!r}: a convolution with padding behind a pool of overlapping patches has no counterpart on the "
                    "chip; take a stride as large as the pool, or no padding behind it"
                )
            return behind
        return self.crop[axis]


def whole_image(shape: tuple[int, ...]) -> Windows:
    """Return the windows that pass on each value of an image `(C, H, W)` as it is."""
    size = (shape[1], shape[2])
    return Windows(np.ones((1, 1)), (1, 1), (0, 0), size, size, size)
