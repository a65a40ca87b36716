"""The trainable network: spiking layers in a row and a read-out, run over T time steps."""

from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snnc.toolchain.errors import DataError, LoweringError
from snnc.toolchain.layers.spiking_layer import Phase, ReadOut, SpikingLayer
from snnc.toolchain.network.network import Input
from snnc.toolchain.simulate.trace import Trace


class Logits(NamedTuple):
    """The read-out's membranes `(T, B, classes)`, and how many of their units one logit has: 1 outside the integer phase.

    A tuple, since Lightning Fabric and torch's DistributedDataParallel look for tensors in those.
    """

    membranes: Tensor
    scale: Tensor

    @property
    def total(self) -> Tensor:
        """The logits `(B, classes)` as a chip decides by them: membranes summed over the steps."""
        return self.membranes.sum(0) / self.scale

    @property
    def steps(self) -> Tensor:
        """The logits of every step `(T, B, classes)`."""
        return self.membranes / self.scale


class SpikingNetwork(nn.Module):
    """Logits from integers `(B, *input.shape)` repeated at every step, or `(T, B, *input.shape)`.

    Whole numbers may come as integers: half precision, which holds few of them, then cannot round them.
    """

    def __init__(self, architecture: str, timesteps: int, input: Input, layers: list[SpikingLayer], readout: ReadOut):
        """Take layers whose shapes already fit."""
        super().__init__()
        self.architecture, self.timesteps, self.input = architecture, timesteps, input
        self.layers = nn.ModuleList(layers)
        self.readout: ReadOut = readout
        self.phase = Phase.FLOAT

    @property
    def hidden(self) -> list[SpikingLayer]:
        """The spiking layers in order, typed."""
        return [layer for layer in self.layers if isinstance(layer, SpikingLayer)]

    @property
    def populations(self) -> list[SpikingLayer | ReadOut]:
        """All layers in order, the read-out last."""
        return [*self.hidden, self.readout]

    @property
    def input_limit(self) -> int:
        """The largest magnitude that one input value can have."""
        return max(abs(self.input.minimum), abs(self.input.maximum))

    def enter(self, phase: Phase) -> None:
        """Switch the forward pass to a phase; entering the integer phase fixes all scales. Raises LoweringError."""
        limit = self.input_limit
        for layer in self.populations:
            if phase is Phase.INTEGER and layer.phase is not Phase.INTEGER:
                layer.freeze(limit)
            layer.phase = phase
            limit = 1  # spikes
        self.phase = phase

    def lay_out(self) -> None:
        """Store convolutions' weights channels last, as all activations are: convolutions and neurons then copy nothing."""
        for weight in self.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def hold(self, phase: Phase) -> None:
        """Be in a phase that loaded weights and scales were trained in, without fixing anything anew."""
        for layer in self.populations:
            layer.phase = phase
        self.phase = phase

    def forward(self, x: Tensor, rates: list[Tensor] | None = None) -> Logits:
        """Return the logits; append the firing rate of each hidden layer to `rates`. Raises DataError for another shape."""
        # Half precision holds no sums of more than a few hundred, so the integer phase never computes in it.
        exact = torch.autocast(x.device.type, enabled=False) if self.phase is Phase.INTEGER else nullcontext()
        with exact:
            source = self.with_time(x)
            for layer in self.hidden:
                source = layer(source)
                if rates is not None:
                    rates.append(source.mean(dtype=torch.float32))
            return Logits(*self.readout(source))

    @torch.no_grad()
    def trace(self, samples: NDArray[np.int64]) -> Trace:
        """Return spikes and membranes of a forward pass in the integer phase; samples as for `forward`.

        Raises LoweringError in another phase, and DataError for another input shape.
        """
        if self.phase is not Phase.INTEGER:
            raise LoweringError(f"the model is in phase {self.phase.name.lower()!r}; only the integer phase computes integers")
        source = self.with_time(torch.as_tensor(samples, dtype=torch.float32, device=self.readout.bias.device))
        seen = {}
        for layer in self.hidden:
            seen[layer.name] = layer.trace(source)
            source = seen[layer.name][0]
        seen[self.readout.name] = self.readout.trace(source)
        spikes = {name: fired.bool().cpu().numpy() for name, (fired, _) in seen.items()}
        return Trace("torch", spikes, {name: after.cpu().numpy() for name, (_, after) in seen.items()})

    def with_time(self, x: Tensor) -> Tensor:
        """Return an input with its time axis, which has length 1 if all steps are the same. Raises DataError."""
        x = x.to(self.readout.bias)
        shape = tuple(self.input.shape)
        if tuple(x.shape[1:]) == shape:
            return x.unsqueeze(0)
        if tuple(x.shape[2:]) == shape and x.shape[0] == self.timesteps:
            return x
        raise DataError(
            f"input of shape {tuple(x.shape)} does not fit: allowed are (B, {', '.join(map(str, shape))}) and "
            f"({self.timesteps}, B, {', '.join(map(str, shape))})"
        )
