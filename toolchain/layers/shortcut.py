"""Weightless shortcuts: spikes of a source that join a population's current behind its normalization.

Published binary networks add real values (Bi-Real Net, ReActNet); spikes are what a chip can send, so here a shortcut is an
integer synapse of one strength k on its diagonal. That it carries spikes, averages over pools and repeats channels is our
decision; arXiv 2508.12609 (SEI-BWSNN) says no more than that several shortcuts help.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

STRONGEST = 127  # of 8-bit weights


class Shortcut(nn.Module):
    """What a source's spikes add to a population of the same shape, in units of its threshold: `gain` times their average.

    The average is over pool x pool neurons, so a patch in which all neurons spike brings as much as one spike without a pool.
    Where the population has m times as many channels, its channel c takes channel c modulo the source's (ReActNet-A's
    concatenation). On the chip every spike weighs k = round(gain * threshold / pool^2) units, 1..127.

    Example:
        >>> import snnc
        >>> shortcut = snnc.Shortcut((8, 4, 4), (16, 2, 2))
        >>> shortcut.pool
        2
        >>> shortcut.synapse("conv1", strength=3).text()
        'conv 16x8x2x2 /2 from conv1'
    """

    def __init__(self, source: tuple[int, ...], target: tuple[int, ...], gain: float = 1.0):
        """Lead from a source `(C, H, W)` or `(features,)` to a population; the pool follows from the sides.

        Raises ConfigError for shapes that need learned weights, or for a gain that is not above 0.
        """
        super().__init__()
        self.source_shape, self.output_shape, self.gain = source, target, gain
        self.pool = source[1] // target[1] if len(source) == len(target) == 3 else 1
        pooled = (source[0], *(side // self.pool for side in source[1:])) if self.pool else ()
        divides = self.pool and all(side % self.pool == 0 for side in source[1:])
        if not divides or pooled[1:] != target[1:] or target[0] % source[0]:
            raise ConfigError(
                f"a shortcut from {source} to {target} would need weights; allowed are sides divided by one whole number "
                "and a multiple of the channels: change the shapes, or leave the shortcut out"
            )
        if not gain > 0:
            raise ConfigError(
                f"a shortcut's gain is {gain}; allowed is above 0 thresholds: leave out a shortcut of no strength"
            )

    @property
    def pool_area(self) -> int:
        """The number of neurons whose spikes one target neuron receives."""
        return self.pool**2

    def strength(self, scale: Tensor) -> Tensor:
        """Return k, the weight units of one spike where the threshold has `scale` of them."""
        return torch.round(self.gain * scale / self.pool_area).clamp(1, STRONGEST)

    def forward(self, spikes: Tensor, strength: Tensor | float | None = None) -> Tensor:
        """Return what joins `(F, B, *target)`, in thresholds, or in weight units if a spike has a `strength` of them."""
        x = spikes.flatten(0, 1)
        if self.pool > 1:
            x = F.avg_pool2d(x, self.pool, divisor_override=1)
        x = x * (self.gain / self.pool_area if strength is None else strength)
        repeats = self.output_shape[0] // self.source_shape[0]
        if repeats > 1:
            x = x.repeat(1, repeats, *[1] * (x.dim() - 2))
        return x.reshape(*spikes.shape[:2], *self.output_shape)

    def synapse(self, source: str, strength: int) -> Synapse:
        """Return the integer synapse that gives the same."""
        repeats = self.output_shape[0] // self.source_shape[0]
        weight = strength * np.tile(np.eye(self.source_shape[0], dtype=np.int64), (repeats, 1))
        if len(self.output_shape) == 1:
            return Dense(source, weight)
        return Conv(source, weight[:, :, None, None]).behind_pool(self.pool, self.source_shape)
