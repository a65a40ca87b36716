"""Trainable synapses behind average pooling: the weights, their initialization, and what they give a population."""

from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError


@dataclass(frozen=True)
class Geometry:
    """How synapses reach: a square `kernel` over channels (None: all-to-all), behind `pool` x `pool` average pooling."""

    kernel: int | None = None
    padding: int = 0
    pool: int = 1


class Synapses(nn.Module):
    """Pooling and weights; `forward` gives what the population receives, in the unit of the weights it is given."""

    def __init__(self, source: tuple[int, ...], out: int, geometry: Geometry):
        """Shape the weights for a source `(C, H, W)` or `(features,)`; Kaiming initialization (He et al. 2015)."""
        super().__init__()
        self.geometry = geometry
        pooled = _pooled_shape(source, geometry.pool)
        if geometry.kernel is None:
            shape: tuple[int, ...] = (out, prod(pooled))
            self.output_shape: tuple[int, ...] = (out,)
        else:
            shape = (out, pooled[0], geometry.kernel, geometry.kernel)
            grown = 2 * geometry.padding - geometry.kernel + 1
            self.output_shape = (out, pooled[1] + grown, pooled[2] + grown)
        self.weight = nn.Parameter(torch.empty(shape))
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
            x = F.conv2d(x, weight, padding=self.geometry.padding)
        return x.reshape(*source.shape[:2], *self.output_shape)


def _pooled_shape(source: tuple[int, ...], pool: int) -> tuple[int, ...]:
    if pool == 1:
        return source
    if len(source) != 3 or source[1] % pool or source[2] % pool:
        raise ConfigError(
            f"pooling {pool} x {pool} needs a source (C, H, W) with sides that are multiples of {pool}, got {source}; "
            "resize the input or take fewer pools"
        )
    return (source[0], source[1] // pool, source[2] // pool)
