"""Synapses of the integer network: what they connect, and the exact sums that they give.

Weights are integers of up to 24 bits, kept in 8 where those are enough; ternary layers hold exactly -1, 0 and 1.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network import lif, plain
from snnc.toolchain.network.validation import (
    SIZE_MAX,
    Int64s,
    Shape,
    Weights,
    bounded_integer,
    checked_integers,
    frozen_array,
    frozen_field,
    integer_pair,
)


@dataclass(frozen=True, eq=False, init=False)
class Conv:
    """A 2-D convolution (cross-correlation, as in PyTorch) from `source`; weight `(out, in, height, width)`.

    It brings what the source did `delay` time steps before, and nothing in the first `delay` steps.
    """

    source: str
    weight: Weights
    stride: tuple[int, int]
    padding: tuple[int, int]
    delay: int = plain.omitted_if(0)

    def __init__(
        self,
        source: str,
        weight: ArrayLike,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        delay: int = 0,
    ) -> None:
        """Take whole numbers of any type; raise NetworkError for numbers that no convolution has."""
        frozen_field(self, "source", source)
        frozen_field(self, "weight", _weights(weight, dimensions=4))
        frozen_field(self, "delay", bounded_integer(delay, "delay", SIZE_MAX))
        frozen_field(self, "stride", integer_pair(stride, "stride", least=1))
        frozen_field(self, "padding", integer_pair(padding, "padding", least=0))

    def behind_pool(self, pool: int, source: Shape) -> "Conv":
        """Return synapses that give from `source` what these give from its pool x pool sums.

        Taps are repeated pool x pool; stride and padding grow alike.
        """
        grown = self.weight.repeat(pool, axis=2).repeat(pool, axis=3)
        stride, padding = ((pool * pair[0], pool * pair[1]) for pair in (self.stride, self.padding))
        return Conv(self.source, grown, stride, padding, self.delay)

    def text(self) -> str:
        """Return a short description for people."""
        stride = f" /{self.stride[0]}" if max(self.stride) > 1 else ""
        return f"conv {'x'.join(map(str, self.weight.shape))}{stride} from {self.source}{_delayed(self.delay)}"

    def output_shape(self, source: Shape) -> Shape:
        """Return `(out, H', W')` for a source of shape `(in, H, W)`; raise NetworkError if they do not fit."""
        out, channels, *kernel = self.weight.shape
        if len(source) != 3 or source[0] != channels:
            raise NetworkError(
                f"convolution of weight {self.weight.shape} from {self.source!r}: got a source of shape {source}, "
                f"allowed is ({channels}, height, width)"
            )
        sizes = [
            (size + 2 * pad - k) // step + 1
            for size, pad, k, step in zip(source[1:], self.padding, kernel, self.stride, strict=True)
        ]
        if min(sizes) < 1:
            raise NetworkError(f"convolution from {self.source!r}: kernel {tuple(kernel)} is larger than its padded source")
        return (out, sizes[0], sizes[1])

    def macs(self, source: Shape) -> int:
        """Return the multiply-accumulates of one dense step, taps in the padding included."""
        return self.weight.size * prod(self.output_shape(source)[1:])

    def sums(self, source: NDArray[np.generic]) -> Int64s:
        """Return the synaptic input `(B, out, H', W')` that a source `(B, in, H, W)` gives; exact."""
        (above, left), (down, right) = self.padding, self.stride
        padded = np.pad(source, ((0, 0), (0, 0), (above, above), (left, left))).astype(np.float64)
        windows = sliding_window_view(padded, self.weight.shape[2:], axis=(2, 3))  # type: ignore[call-overload]
        windows = windows[:, :, ::down, ::right]
        # Integers in float64 are exact below 2**53, which a Network holds its sums to, and use fast BLAS.
        summed = np.tensordot(windows, self.weight.astype(np.float64), axes=([1, 4, 5], [1, 2, 3]))
        return np.ascontiguousarray(summed.transpose(0, 3, 1, 2)).astype(np.int64)


@dataclass(frozen=True, eq=False, init=False)
class Dense:
    """All-to-all synapses from `source`, flattened in C,H,W order, with weight `(out, in)`; `delay` as for Conv."""

    source: str
    weight: Weights
    delay: int = plain.omitted_if(0)

    def __init__(self, source: str, weight: ArrayLike, delay: int = 0) -> None:
        """Take whole numbers of any type; raise NetworkError unless the weight is a matrix and the delay a count of steps."""
        frozen_field(self, "source", source)
        frozen_field(self, "weight", _weights(weight, dimensions=2))
        frozen_field(self, "delay", bounded_integer(delay, "delay", SIZE_MAX))

    def behind_pool(self, pool: int, source: Shape) -> "Dense":
        """Return synapses that give from `source` `(C, H, W)` what these give from its pool x pool sums: columns repeated."""
        if pool == 1:
            return self
        channels, height, width = source
        columns = self.weight.reshape(-1, channels, height // pool, width // pool)
        grown = columns.repeat(pool, axis=2).repeat(pool, axis=3)
        left_out = [(0, height % pool), (0, width % pool)]  # no pool takes the last rows and columns
        whole = np.pad(grown, [(0, 0), (0, 0), *left_out]).reshape(len(self.weight), -1)
        return Dense(self.source, whole, self.delay)

    def text(self) -> str:
        """Return a short description for people."""
        return f"dense {'x'.join(map(str, self.weight.shape))} from {self.source}{_delayed(self.delay)}"

    def output_shape(self, source: Shape) -> Shape:
        """Return `(out,)`; raise NetworkError if the source has another number of neurons than the weight has columns."""
        if prod(source) != self.weight.shape[1]:
            raise NetworkError(
                f"dense synapses of weight {self.weight.shape} from {self.source!r}: got a source of shape {source} = "
                f"{prod(source)} neurons, allowed are {self.weight.shape[1]}"
            )
        return (self.weight.shape[0],)

    def macs(self, source: Shape) -> int:
        """Return the multiply-accumulates of one dense step."""
        return self.weight.size

    def sums(self, source: NDArray[np.generic]) -> Int64s:
        """Return the synaptic input `(B, out)` that a source `(B, ...)` gives; exact, see Conv.sums."""
        flat = source.reshape(len(source), self.weight.shape[1]).astype(np.float64)
        return (flat @ self.weight.T.astype(np.float64)).astype(np.int64)


Synapse = Conv | Dense


def _delayed(delay: int) -> str:
    return f" delay {delay}" if delay else ""


def _weights(values: ArrayLike, dimensions: int) -> Weights:
    array = checked_integers(values, "weight", -lif.MEMBRANE_MAX, lif.MEMBRANE_MAX, "quantize before lowering")
    if array.ndim != dimensions or array.size == 0:
        raise NetworkError(
            f"weight of shape {array.shape} is not allowed; it needs {dimensions} dimensions, none of them empty"
        )
    narrow = array.min() >= lif.WEIGHT_MIN and array.max() <= lif.WEIGHT_MAX
    return frozen_array(array, np.int8) if narrow else frozen_array(array, np.int32)
