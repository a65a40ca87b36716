"""The trainable network: a graph of spiking layers that ends in a read-out, run over T time steps."""

from collections.abc import MutableSequence
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError, DataError, LoweringError
from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.forks import compute_alone_in_forks
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer, SpikingReadOut
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.network.readout import ReadOutKind
from snnc.toolchain.simulate.trace import Trace

compute_alone_in_forks()


class Logits(NamedTuple):
    """What the read-out gives at each step `(T, B, classes)`, and how many of its units one logit has.

    Membranes, 1 unit a logit outside the integer phase; or spikes, each as often as it counts in the integer score.

    A tuple, since Lightning Fabric and torch's DistributedDataParallel look for tensors in those.
    """

    values: Tensor
    scale: Tensor

    @property
    def total(self) -> Tensor:
        """The logits `(B, classes)` as a chip decides by them: membranes or spikes summed over the steps."""
        return self.values.sum(0) / self.scale

    @property
    def decided(self) -> Tensor:
        """The class `(B,)` of the largest score, the first of equal ones; undivided, since division can make scores equal."""
        return self.values.detach().sum(0).argmax(1)

    @property
    def steps(self) -> Tensor:
        """The logits of every step `(T, B, classes)`."""
        return self.values / self.scale


class SpikingNetwork(nn.Module):
    """A graph of spiking layers that ends in a read-out, run over `timesteps` steps; build it layer by layer with `add`.

    Call it with whole numbers `(B, *input.shape)`, the same at every step, or time first, `(T, B, *input.shape)`; it returns
    `Logits`. Tensors of integers are best: half precision would round large whole numbers.
    """

    def __init__(self, architecture: str, timesteps: int, input: Input):
        """Start without layers."""
        super().__init__()
        self.architecture, self.timesteps, self.input = architecture, timesteps, input
        self.layers = cast(MutableSequence[SpikingLayer | MaxPool | ReadOut], nn.ModuleList())
        self.phase = Phase.FLOAT
        self.source = ""  # the text of the Python file that built it, if one did: a checkpoint keeps it
        self._last_use: dict[str, str] = {}  # source -> the last layer that takes it, so that its spikes can be freed

    def add(self, layer: SpikingLayer | MaxPool | ReadOut) -> str:
        """Append a layer and return its name, which later layers may take as a source.

        Raises ConfigError for a name that is taken, a source that is unknown or has another shape, another number of time
        steps, or a layer after the read-out.
        """
        where = f"layer {layer.name!r}"
        if self.layers and isinstance(self.layers[-1], ReadOut | SpikingReadOut):
            raise ConfigError(f"{where}: nothing may come after the read-out {self.layers[-1].name!r}; add it last, and once")
        if layer.name in (INPUT, *(other.name for other in self.layers)):
            raise ConfigError(f"{where}: the name is taken; give each layer its own, and none the name {INPUT!r}")
        if layer.neurons.timesteps != self.timesteps:
            raise ConfigError(f"{where}: got {layer.neurons.timesteps} time steps, the network has {self.timesteps}; use those")
        for source, synapses in layer.inputs:
            if synapses.source_shape != self.shape(source, where):
                raise ConfigError(
                    f"{where}: its synapses take a source of shape {synapses.source_shape}, {source!r} has "
                    f"{self.shape(source)}; build them with network.shape({source!r})"
                )
        self.layers.append(layer)
        self._last_use |= dict.fromkeys((*(source for source, _ in layer.inputs), layer.name), layer.name)
        layer.phase = self.phase
        return layer.name

    def shape(self, source: str, where: str = "network") -> tuple[int, ...]:
        """Return the shape of "input" or of a layer. Raises ConfigError, beginning with `where`, if there is none."""
        shapes = {INPUT: tuple(self.input.shape)} | {layer.name: layer.output_shape for layer in self.layers}
        if source not in shapes:
            raise ConfigError(f"{where}: source {source!r} is unknown; allowed are {', '.join(shapes)}: add it before")
        return shapes[source]

    def limit(self, source: str) -> int:
        """Return the largest magnitude of one value of a source: that of the input range, or 1 for spikes."""
        return max(abs(self.input.minimum), abs(self.input.maximum)) if source == INPUT else 1

    @property
    def hidden(self) -> list[SpikingLayer]:
        """The spiking layers that are trained, in front of the read-out, in order."""
        return [each for each in self.layers if isinstance(each, SpikingLayer) and not isinstance(each, SpikingReadOut)]

    @property
    def spiking(self) -> list[SpikingLayer | MaxPool]:
        """All layers in front of the read-out, in order."""
        return [layer for layer in self.layers if not isinstance(layer, ReadOut | SpikingReadOut)]

    @property
    def readout(self) -> ReadOut | SpikingReadOut:
        """The last layer. Raises ConfigError if it has not been added."""
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, ReadOut | SpikingReadOut):
            raise ConfigError(f"network {self.architecture!r} has no read-out; add a ReadOut as its last layer")
        return last

    def read_spikes(self, kind: ReadOutKind = "spikes") -> None:
        """Let spikes of the last layer say the class, not its membranes; for a network that is not trained yet.

        `kind` is a spiking row of READOUTS.
        """
        readout = self.readout
        if isinstance(readout, ReadOut):
            self.layers[-1] = readout.spiking(kind)
            self.layers[-1].phase = self.phase

    def set_phase(self, phase: Phase, *, freeze: bool = True) -> None:
        """Switch the forward pass to a phase, and fix all scales on the way into the integer phase. Raises LoweringError.

        Without `freeze`, the scales stay: those of loaded weights were fixed when they were trained.
        """
        if freeze and phase is Phase.INTEGER and self.phase is not Phase.INTEGER:
            for layer in self.layers:
                layer.freeze([sum(map(self.limit, summed)) for summed in layer.summed])
        for layer in self.layers:
            layer.phase = phase
        self.phase = phase

    def cut_temporal_gradient(self) -> None:
        """Let no gradient flow from step to step in hidden layers: SLTT (Meng et al. 2023, arXiv 2302.14311)."""
        for layer in self.hidden:
            layer.neurons = replace(layer.neurons, temporal_gradient=False)

    def lay_out(self) -> None:
        """Store convolutions' weights channels last, as all activations are: convolutions and neurons then copy nothing."""
        for weight in self.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor, rates: list[Tensor] | None = None) -> Logits:
        """Return the logits; append the firing rate of each hidden layer to `rates`. Raises DataError for another shape."""
        # Half precision holds no sums of more than a few hundred, so the integer phase never computes in it.
        exact = torch.autocast(x.device.type, enabled=False) if self.phase is Phase.INTEGER else nullcontext()
        with exact:
            spikes = {INPUT: self.with_time(x)}
            for layer in self.spiking:
                spikes[layer.name] = layer(spikes)
                if rates is not None and isinstance(layer, SpikingLayer):
                    rates.append(spikes[layer.name].mean(dtype=torch.float32))
                for source in {*(source for source, _ in layer.inputs), layer.name}:
                    if self._last_use[source] == layer.name:
                        del spikes[source]
            readout = self.readout
            if isinstance(readout, SpikingReadOut):
                return Logits(*readout.logits(readout(spikes)))
            return Logits(*readout(spikes))

    @torch.no_grad()
    def trace(self, samples: NDArray[np.int64]) -> Trace:
        """Return spikes and membranes of a forward pass in the integer phase, in evaluation mode; samples as for `forward`.

        Raises LoweringError in another phase, and DataError for another input shape.
        """
        if self.phase is not Phase.INTEGER:
            raise LoweringError(f"the model is in phase {self.phase.name.lower()!r}; only the integer phase computes integers")
        spikes = {INPUT: self.with_time(torch.as_tensor(samples, dtype=torch.float32, device=self.readout.bias.device))}
        membranes = {}
        with evaluating(self):
            for layer in self.layers:
                spikes[layer.name], membranes[layer.name] = layer.trace(spikes)
        del spikes[INPUT]
        fired = {name: each.bool().cpu().numpy() for name, each in spikes.items()}
        return Trace("torch", fired, {name: after.cpu().numpy() for name, after in membranes.items()})

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
