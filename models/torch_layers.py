"""Steps of a module of PyTorch become layers: what neurons get is closed into one, in units of its threshold."""

from collections import Counter
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from snnc.models.architecture import Architecture, Join, MaxPart, Part, Projection
from snnc.models.initial import InitialLayer
from snnc.models.torch_graph import DROPOUTS, NORMS, POOLS, TAKEN, WEIGHTS, Forward, Step
from snnc.models.torch_neurons import Membrane, is_neuron, membrane_of
from snnc.models.torch_values import Current, Spikes, Value, Weighted, added, convolution, normalized, pooled
from snnc.toolchain.errors import ConfigError, located
from snnc.toolchain.layers.synapses import Geometry
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import nearest_beta


class Layers:
    """The layers of a forward pass in order, their weights in thresholds, and notes about what changes.

    The module takes `scale * raw + offset`; networks here take raw integers minus a zero point, and weights of the input are
    changed so that they give the same, but for padding, which is 0 of either.
    """

    def __init__(self, input: Input, scale: float, offset: float):
        self.input, self.scale, self.offset = input, scale, offset
        self.parts, self.initial, self.notes = list[Part | MaxPart](), list[InitialLayer](), list[str]()
        self.readers = dict[str, int]()  # how many steps take the spikes of a layer
        self.last_neurons = ""

    def take(self, forward: Forward) -> None:
        """Take all steps, and make what comes last the read-out. Raises ConfigError for what training does not have."""
        shape = tuple(self.input.shape)
        values: dict[str, Value] = {forward.input: Spikes((INPUT,), shape, flat=len(shape) == 1)}
        uses = {step.name: step.uses for step in forward.steps}
        for step in forward.steps:
            with located(step.where):
                taken = [values[name] for name in step.takes]
                values[step.name] = given = self._given(step, taken, alone=uses.get(step.takes[0]) == 1)
                if isinstance(given, Current) and step.uses > 1:
                    raise ConfigError(f"{step.uses} steps take what it gives; put neurons behind it, or give each its own")
        self._end(values[forward.output])

    def architecture(self) -> tuple[Architecture, float]:
        """Return the architecture, and the beta that most of its layers have; the others say theirs."""
        *hidden, final = [part for part in self.parts if isinstance(part, Part)]
        common = Counter(part.beta for part in hidden).most_common(1)[0][0]
        own = [replace(part, beta=None) if isinstance(part, Part) and part.beta == common else part for part in self.parts]
        beta = None if final.beta == common else final.beta
        return Architecture(tuple(own[:-1]), final.pool, beta, final.sources), common or 1.0

    @property
    def last(self) -> str:
        """The name of the last layer, which the next takes if it does not say so."""
        return Architecture(tuple(self.parts)).names[-1] if self.parts else INPUT

    def _given(self, step: Step, taken: list[Value], *, alone: bool) -> Value:
        """Return what a step gives; `alone` says whether it is the only one to take what it takes."""
        value, module = taken[0], step.module
        if module is None:
            value = added(*taken)
        elif is_neuron(module):
            value = self._neuron(step, value, membrane_of(module))
        elif isinstance(module, nn.MaxPool2d):
            value = self._max_pool(module, value)
        elif isinstance(module, POOLS):
            value = pooled(module, value)
        elif isinstance(module, NORMS):
            value = normalized(module, value)
        elif isinstance(module, WEIGHTS):
            value = self._weights(module, value)
        elif isinstance(module, nn.Flatten):
            value = replace(value, flat=True)
        elif isinstance(module, DROPOUTS):
            self._dropout(step.label, module.p, value if alone else None)
        elif not isinstance(module, nn.Identity):
            raise ConfigError(f"it cannot be taken; taken are {TAKEN}")
        return value

    def _weights(self, module: Any, value: Value) -> Current:
        if isinstance(value, Current):
            raise ConfigError("it follows weights without neurons in between; put neurons behind each, or join the two")
        if isinstance(module, nn.Conv2d):
            part = convolution(module, value.pool)
        elif value.flat:
            part = Part(len(module.weight), pool=value.pool)
        else:
            raise ConfigError("it takes an image that was not flattened; put Flatten in front")
        weight = module.weight.detach().double()
        bias = torch.zeros(len(weight)).double() if module.bias is None else module.bias.detach().double()
        if INPUT in value.sources:
            raised = (self.scale * self.input.zero_point + self.offset) * weight.reshape(len(weight), -1).sum(1)
            weight, bias = self.scale * weight, bias + raised
        geometry = Geometry(part.kernel, part.padding, part.pool, stride=part.stride)
        shape = geometry.output_shape(value.shape, part.channels)
        return Current((Weighted(value, part, weight, bias),), shape)

    def _max_pool(self, module: nn.MaxPool2d, value: Value) -> Spikes:
        behind = pooled(module, value)
        averaged = isinstance(value, Spikes) and value.pool > 1
        if INPUT in behind.sources or averaged or len(behind.sources) > 1:
            raise ConfigError("it pools no spikes of one layer; put it right behind neurons")
        self.parts.append(MaxPart(behind.pool, self._named(behind.sources)))
        return Spikes((self.last,), behind.seen)

    def _dropout(self, label: str, share: float, value: Value | None) -> None:
        names = Architecture(tuple(self.parts)).names
        if isinstance(value, Spikes) and len(value.sources) == 1 and value.pool == 1 and share < 1:
            place = names.index(value.sources[0]) if value.sources[0] in names else -1
            part = self.parts[place] if place >= 0 else None
            if isinstance(part, Part) and self.readers[value.sources[0]] == 1:
                self.parts[place] = replace(part, dropout=round(share, 4))
                return
        self.notes.append(f"module {label!r}: dropout that is not right behind neurons is left out")

    def _neuron(self, step: Step, value: Value, membrane: Membrane) -> Spikes:
        if isinstance(value, Spikes):
            raise ConfigError("these neurons follow no weights; put weights in front")
        self.last_neurons = label = step.label
        beta = nearest_beta(membrane.keep)
        if abs(beta - membrane.keep) > 1e-6:
            self.notes.append(
                f"module {label!r}: neurons that keep {membrane.keep:g} of their membrane keep {beta:g}, as a chip can"
            )
        if membrane.note:
            self.notes.append(f"module {label!r}: {membrane.note}")
        self._close(value, beta, membrane.gain / membrane.threshold)
        self.readers[self.last] = step.uses
        return Spikes((self.last,), value.shape, flat=value.flat or len(value.shape) == 1)

    def _close(self, current: Current, beta: float | None, unit: float) -> None:
        """Append a layer; `unit` is what one of the module's units is in thresholds."""
        first, *further = current.weighted
        projections = tuple(
            Projection(each.spikes.sources, each.part.kernel, each.part.padding, each.part.pool, each.part.stride)
            for each in further
        )
        joins = tuple(Join(source, unit) for source in current.joined)
        sources = self._named(first.spikes.sources)
        self.parts.append(replace(first.part, dropout=0.0, beta=beta, sources=sources, projections=projections, joins=joins))
        bias = torch.stack([each.bias for each in current.weighted]).sum(0)
        weights = [(unit * each.weight).numpy() for each in current.weighted]
        self.initial.append(InitialLayer(weights[0], (unit * bias).numpy(), tuple(weights[1:])))

    def _named(self, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Return sources as a layer says them: none if it takes the layer in front."""
        return () if sources == (self.last,) else sources

    def _end(self, value: Value) -> None:
        """Make what the module returns the read-out. Raises ConfigError if it cannot be one."""
        if isinstance(value, Current):
            self._close(value, None, 1.0)
            self.notes.append("the last weights become the read-out, whose membranes leak as those of the layers do")
        else:
            self.notes.append(
                f"module {self.last_neurons!r} becomes the read-out: classes are decided by its membranes, not its spikes"
            )
        final = self.parts[-1] if self.parts else None
        alone = isinstance(value, Current) or (value.sources, value.pool) == ((self.last,), 1)
        if len(self.initial) < 2 or not alone or not isinstance(final, Part) or final.kernel is not None:
            raise ConfigError("the module needs neurons in front of a last Linear, which becomes the read-out")
        if final.projections or final.joins:
            raise ConfigError("several currents are added behind the last Linear; let one Linear come last, behind neurons")
