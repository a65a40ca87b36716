"""Weights of a NIR graph as training has them: the average pool that is folded into them, and shortcuts, which have none.

A path into a population holds its pools within its kernel or matrix (paths.py), and so do the files that snnc writes. A pool
of the graph's own is taken as it is, another is found again as patches of equal weights, a shortcut as spikes that reach the
neurons of their own channel equally strongly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd

import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.paths import Path
from snnc.toolchain.errors import CannotExport


@dataclass(frozen=True)
class Weights:
    """Weights `(out, in, k, k)` or `(out, in)`, in thresholds, of the added spikes of `sources` behind an average pool."""

    sources: tuple[str, ...]
    shape: tuple[int, ...]  # of each source
    weight: Floats
    stride: int = 1
    padding: int = 0
    pool: int = 1

    @property
    def kernel(self) -> int | None:
        """The side of its kernel, None for all-to-all."""
        return self.weight.shape[2] if self.weight.ndim == 4 else None

    @property
    def strength(self) -> float | None:
        """What a patch of spikes adds to each neuron of its own channel; None of weights that do anything else.

        A population may have several times as many channels, which take those of the source in turn.
        """
        out, given = self.weight.shape[:2]
        reach = (self.kernel or 1, self.stride, self.padding)
        tiled = len(self.shape) == self.weight.ndim - 1 and not any(side % self.pool for side in self.shape[1:])
        if reach != (1, 1, 0) or not tiled or out % given:
            return None
        each = self.weight.reshape(out, given)
        if not each[0, 0] > 0:
            return None
        same = np.array_equal(each, each[0, 0] * np.tile(np.eye(given), (out // given, 1)))
        return float(each[0, 0]) if same else None

    def adds_up_with(self, other: "Weights") -> bool:
        """Tell whether other weights are the same, so that they take the added spikes of both; all weights of 0 would be."""
        alike = (self.shape, self.stride, self.padding, self.pool) == (other.shape, other.stride, other.padding, other.pool)
        return alike and bool(self.weight.any()) and np.array_equal(self.weight, other.weight)


def unfolded(node: str, path: Path, weight: Floats) -> Weights:
    """Return the weights of a path into a node, in front of which its pool stands again.

    Raises CannotExport, naming the node, for padding that no pool of whole patches has behind it.
    """
    if weight.ndim == 2:
        return _dense(path, weight)
    found = _convolution(path, weight)
    if path.crop is not None and [side - side % found.pool for side in path.source_shape[1:]] != list(path.crop):
        raise CannotExport(f"node {node!r}: a pool drops rows or columns in front of padding; pool evenly")
    return found


def _convolution(path: Path, weight: Floats) -> Weights:
    side, stride, padding = weight.shape[2], path.stride[0], path.padding[0]
    sides = path.crop or path.source_shape[1:]
    common = gcd(side, stride, padding)
    for pool in _pools(path, weight, common):
        tiles = common % pool == 0 and not (padding and any(each % pool for each in sides))  # padding must see whole patches
        if tiles and (taps := _taps(weight, pool)) is not None:
            return Weights((path.source,), path.source_shape, taps, stride // pool, padding // pool, pool)
    return Weights((path.source,), path.source_shape, weight, stride, padding)


def _dense(path: Path, weight: Floats) -> Weights:
    if len(path.source_shape) == 3:
        image = weight.reshape(len(weight), *path.source_shape)
        height, width = path.source_shape[1:]
        for pool in _pools(path, weight, min(height, width)):
            rows, columns = height - height % pool, width - width % pool
            if image[:, :, rows:].any() or image[:, :, :, columns:].any():
                continue
            if (taps := _taps(image[:, :, :rows, :columns], pool)) is not None:
                return Weights((path.source,), path.source_shape, taps.reshape(len(weight), -1), pool=pool)
    return Weights((path.source,), path.source_shape, weight)


def _pools(path: Path, weight: Floats, most: int) -> Iterable[int]:
    """Return the pools that weights may stand behind: those of the graph as one, else any; weights of 0 tell of none."""
    if path.windows is not None:
        return (path.windows.counts.shape[0],)
    return range(most, 1, -1) if weight.any() else ()


def _taps(weight: Floats, pool: int) -> Floats | None:
    """Return one weight for each patch's average, None if the weights of some patch differ."""
    out, given, height, width = weight.shape
    patches = weight.reshape(out, given, height // pool, pool, width // pool, pool)
    first = patches[:, :, :, :1, :, :1]
    return first[:, :, :, 0, :, 0] * pool**2 if (patches == first).all() else None
