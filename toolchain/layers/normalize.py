"""Batch normalization in front of the neurons, with running statistics that lowering folds into threshold and bias."""

import torch
from torch import Tensor, nn

from snnc.toolchain.layers.lif_autograd import EPSILON, Neurons, NormalizedLif


class Normalize(nn.Module):
    """Batch normalization with a mean and a shift per channel; the scale is per channel or, as the chip needs it, per layer.

    A ternary layer has one threshold for all its neurons and no spare weight bits, so only one scale can be folded away.
    """

    def __init__(self, channels: int, *, per_channel: bool, momentum: float = 0.1):
        """Start from mean 0, variance 1 and shift 0."""
        super().__init__()
        self.momentum = momentum
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels if per_channel else 1))
        self.mean: Tensor
        self.variance: Tensor

    @property
    def deviation(self) -> Tensor:
        """The standard deviation, one value per channel or one per layer."""
        return torch.sqrt(self.variance + EPSILON)

    def forward(self, x: Tensor, neurons: Neurons, added: Tensor | None = None) -> Tensor:
        """Return the spikes of `x` `(F, B, C, ...)`, normalized by the batch while training, else by the running statistics.

        `added`, of the same shape and in thresholds, joins behind the normalization.
        """
        spikes, mean, variance = NormalizedLif.apply(  # type: ignore[no-untyped-call]
            x, self.shift, self.mean, self.variance, neurons, self.training, added
        )
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        return spikes  # type: ignore[no-any-return]
