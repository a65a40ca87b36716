"""Max pooling of spikes: a population of OR neurons, which the chip has as weights of 1 and a threshold of 0."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.synapses import Synapses
from snnc.toolchain.network.network import INPUT, Layer, Lif
from snnc.toolchain.network.synapse import Conv


class MaxPool(nn.Module):
    """Neurons that spike exactly when any of `pool` x `pool` neurons of their channel does.

    Each adds up the spikes of its patch with a weight of 1 and has a threshold of 0, so that one spike is enough. Without a
    spike nothing is added, and a spike resets: its membrane is 0 after every step, whatever its decay. Patches that do not
    fill a pool are left out, as in PyTorch.

    Example:
        >>> import snnc
        >>> snnc.MaxPool("pool", "conv", (8, 7, 5), 2, snnc.Neurons(5, 0.5)).output_shape
        (8, 3, 2)
    """

    def __init__(self, name: str, source: str, shape: tuple[int, ...], pool: int, neurons: Neurons):
        """Pool the spikes of a layer `(C, H, W)`. Raises ConfigError for the input, whose values are no spikes, or no image."""
        super().__init__()
        if source == INPUT:
            raise ConfigError(f"layer {name!r}: max pooling takes spikes, {INPUT!r} has none; put a layer of neurons in front")
        if len(shape) != 3 or min(shape[1:]) < pool:
            raise ConfigError(
                f"layer {name!r}: max pooling {pool} x {pool} needs a source (C, H, W) with sides of at least {pool}, got "
                f"{shape}; take larger images"
            )
        self.name, self.sources, self.source_shape, self.pool = name, (source,), shape, pool
        self.summed = (self.sources,)
        self.neurons, self.phase = neurons, Phase.FLOAT
        self.output_shape: tuple[int, ...] = (shape[0], *(side // pool for side in shape[1:]))
        self.synapses: Sequence[Synapses] = ()  # none that could be trained
        self.shortcuts: dict[str, Shortcut] = {}

    @property
    def scale(self) -> Tensor:
        """The weight units of one spike, which is all that it takes."""
        return torch.ones(())

    @property
    def inputs(self) -> "list[tuple[str, Any]]":
        """The source, and what leads from it: the layer itself says its source's shape."""
        return [(self.sources[0], self)]

    def forward(self, spikes: Mapping[str, Tensor]) -> Tensor:
        """Return spikes `(T, B, ...)` of 0 and 1, or the maxima of real values."""
        source = spikes[self.sources[0]]
        pooled: Tensor = F.max_pool2d(source.flatten(0, 1), self.pool)
        return pooled.reshape(*source.shape[:2], *self.output_shape)

    def current(self, spikes: Mapping[str, Tensor], weights: Sequence[Tensor], *, pool_sums: bool) -> Tensor:
        """Return the spikes of each patch, added up, `(T, B, *output_shape)`."""
        source = spikes[self.sources[0]]
        sums = F.avg_pool2d(source.flatten(0, 1), self.pool, divisor_override=1)
        return sums.reshape(*source.shape[:2], *self.output_shape)

    def current_weights(self) -> tuple[Tensor, ...]:
        """Return no weights: none are trained."""
        return ()

    def trace(self, spikes: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the spikes and the membranes after reset (int32), which are 0."""
        fired = self(spikes)
        return fired, torch.zeros_like(fired, dtype=torch.int32)

    def freeze(self, input_limits: Sequence[int]) -> None:
        """Fix nothing: a threshold of 0 is one at any scale."""

    def lowered(self) -> Layer:
        """Return the layer of the integer network."""
        one_to_one = torch.eye(self.source_shape[0], dtype=torch.int64)[:, :, None, None].numpy()
        synapse = Conv(self.sources[0], one_to_one).behind_pool(self.pool, self.source_shape)
        return Layer(self.name, (synapse,), Lif(self.output_shape, 0, self.neurons.dv))
