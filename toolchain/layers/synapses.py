"""Trainable synapses behind average pooling: the weights, their initialization, and what they give a population."""

from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError


@dataclass(frozen=True)
class Geometry:
    """How synapses reach: a square `kernel` over channels (None: all-to-all), behind `pool` x `pool` average pooling.

    The kernel moves by `stride` pooled values.

    Pools that do not tile their source leave out its last rows and columns, as PyTorch's do. `tile` makes a convolution give
    sides that are multiples of it, without the rows that the next pool would leave out: padding behind that must not see them.
    """

    kernel: int | None = None
    padding: int = 0
    pool: int = 1
    tile: int = 1
    stride: int = 1

    def output_shape(self, source: tuple[int, ...], out: int) -> tuple[int, ...]:
        """Return the shape of a population of `out` channels or neurons. Raises ConfigError if the source does not fit."""
        pooled = self.pooled_shape(source)
        if self.kernel is None:
            return (out,)
        sides = tuple((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in pooled[1:])
        if len(pooled) != 3 or min(sides) < 1:
            raise ConfigError(
                f"a kernel of {self.kernel} x {self.kernel} with padding {self.padding} needs a source (C, H, W) with sides of "
                f"at least {self.kernel - 2 * self.padding} after pooling, got {pooled}; take a smaller kernel or fewer pools"
            )
        if min(sides) < self.tile:
            raise ConfigError(f"an image of {sides[0]} x {sides[1]} is smaller than the pool behind it; take larger images")
        return (out, *(side - side % self.tile for side in sides))

    def pooled_shape(self, source: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a source after pooling. Raises ConfigError if it cannot be pooled."""
        if self.pool == 1:
            return source
        if len(source) != 3 or min(source[1:]) < self.pool:
            raise ConfigError(
                f"pooling {self.pool} x {self.pool} needs a source (C, H, W) with sides of at least {self.pool}, got {source}; "
                "take larger images"
            )
        if self.padding and (source[1] % self.pool or source[2] % self.pool):
            raise ConfigError(
                f"a padded kernel behind pooling {self.pool} x {self.pool} needs a source (C, H, W) with sides that are "
                f"multiples of {self.pool}, got {source}; give the layer in front Geometry(tile={self.pool})"
            )
        return (source[0], source[1] // self.pool, source[2] // self.pool)


class Synapses(nn.Module):
    """Pooling and weights; `forward` gives what the population receives, in the unit of the weights it is given."""

    def __init__(self, source: tuple[int, ...], out: int, geometry: Geometry):
        """Shape the weights for a source `(C, H, W)` or `(features,)`; Kaiming initialization (He et al. 2015).

        Raises ConfigError if the geometry does not fit the source.
        """
        super().__init__()
        self.geometry, self.source_shape = geometry, source
        self.output_shape = geometry.output_shape(source, out)
        pooled, kernel = geometry.pooled_shape(source), geometry.kernel
        self.weight = nn.Parameter(torch.empty((out, prod(pooled)) if kernel is None else (out, pooled[0], kernel, kernel)))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    @property
    def pool_area(self) -> int:
        """The number of neurons that one pooled value sums."""
        return self.geometry.pool**2

    def per_output(self, values: Tensor) -> Tensor:
        """Shape one value per output channel so that it broadcasts over the weight."""
        return values.reshape(-1, *[1] * (self.weight.dim() - 1))

    def per_neuron(self, values: Tensor) -> Tensor:
        """Shape one value per output channel so that it broadcasts over `output_shape`."""
        return values.reshape(-1, *[1] * (len(self.output_shape) - 1))

    def forward(self, source: Tensor, weight: Tensor, *, pool_sums: bool) -> Tensor:
        """Return the input `(T, B, *output_shape)` that `source` gives; pooling averages, or sums if `pool_sums`."""
        x = source.flatten(0, 1)
        if self.geometry.pool > 1:
            x = F.avg_pool2d(x, self.geometry.pool, divisor_override=1 if pool_sums else None)
        if self.geometry.kernel is None:
            x = F.linear(x.flatten(1), weight)
        else:
            x = F.conv2d(x, weight, stride=self.geometry.stride, padding=self.geometry.padding)
            if self.geometry.tile > 1:
                x = x[..., : self.output_shape[1], : self.output_shape[2]]
        return x.reshape(*source.shape[:2], *self.output_shape)
