"""Samples that stay in a .npy file: the pages that a batch needs are read, nothing else takes memory."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.integers import Quantizer
from snnc.toolchain.data.streamed import OnDisk


@dataclass(frozen=True, eq=False)
class Mapped(OnDisk):
    """Samples of a mapped array `(N, ...)`, or `(N, T, ...)` if `timed`, made integers when they are read."""

    read_ahead: ClassVar[bool] = False  # nothing to decode: a thread would only wait for the other one

    array: NDArray[Any]
    quantizer: Quantizer
    low: int
    high: int
    sample_shape: tuple[int, ...]
    chosen: NDArray[np.int64]
    timed: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the integers."""
        return self.quantizer.kind

    def min(self) -> int:
        """Return the least value of all samples of the file."""
        return self.low

    def max(self) -> int:
        """Return the largest value of all samples of the file."""
        return self.high

    def select(self, which: slice | NDArray[Any]) -> "Mapped":
        """Return some of the samples, which stay on disk."""
        return replace(self, chosen=self.chosen[which])

    def read(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Read samples by their places in the file."""
        return self.quantizer(np.asarray(self.array[places]))
