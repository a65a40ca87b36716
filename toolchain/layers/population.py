"""What spiking layers and read-outs share: neurons fed by synapses from named sources, and the scale of their integers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import lcm
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.synapses import Synapses
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT

Each = TypeVar("Each")
WEIGHT_LIMIT = 127  # of 8-bit weights; symmetric, so that no sign is favored
HEADROOM = 0.8  # of the chip's ranges that is used when scales are chosen, since weights still move afterwards


@dataclass(frozen=True)
class IntegerParameters:
    """The chip's numbers of one layer: whole numbers in floats (with gradients), weights per source, bias in weight units."""

    weights: tuple[Tensor, ...]
    bias: Tensor
    vth: int


class Population(nn.Module):
    """Neurons of one shape that add up what the synapses of each source give them.

    A source is "input" or the name of an earlier layer. Spikes of a source are `(T, B, ...)`, or `(1, B, ...)` where every
    step is the same. Sources may share their synapses, one object for all of them, which then take the sum of their spikes.
    """

    def __init__(
        self, name: str, synapses: Mapping[str, Synapses], neurons: Neurons, shortcuts: Mapping[str, Shortcut] | None = None
    ):
        """Take synapses and shortcuts by source. Raises ConfigError unless all give the same shape."""
        super().__init__()
        self.shortcuts: dict[str, Shortcut] = dict(shortcuts or {})  # without weights, so no state to register
        shapes = [(source, each.output_shape) for source, each in (*synapses.items(), *self.shortcuts.items())]
        if not synapses or len({shape for _, shape in shapes}) != 1:
            got = ", ".join(f"{shape} from {source!r}" for source, shape in shapes) if synapses else "no sources"
            raise ConfigError(f"layer {name!r}: got {got}; allowed is one or more synapses of one output shape")
        if INPUT in self.shortcuts:
            raise ConfigError(f"layer {name!r}: a shortcut carries spikes, so it cannot start at {INPUT!r}; name a layer")
        self.name, self.neurons = name, neurons
        # Lists, since the name of a module must not hold a dot, and the name of a layer may.
        self.synapses = cast(Sequence[Synapses], nn.ModuleList(dict.fromkeys(synapses.values())))
        self.summed = tuple(tuple(source for source in synapses if synapses[source] is each) for each in self.synapses)
        self.output_shape: tuple[int, ...] = self.synapses[0].output_shape
        self.phase = Phase.FLOAT
        self.register_buffer("scale", torch.ones(()))  # weight units per threshold or logit, fixed by freeze()
        self.scale: Tensor

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of all synapses, those of the same synapses side by side."""
        return tuple(source for summed in self.summed for source in summed)

    def by_source(self, each: "Sequence[Each]") -> "list[tuple[str, Each]]":
        """Return what the synapses have each, such as their weights, with the name of every source."""
        return [(source, own) for sources, own in zip(self.summed, each, strict=True) for source in sources]

    @property
    def inputs(self) -> list[tuple[str, Synapses | Shortcut]]:
        """All that leads to the population, with the name of its source: synapses, then shortcuts."""
        return [*self.by_source(self.synapses), *self.shortcuts.items()]

    @property
    def pool_area(self) -> int:
        """The least common multiple of the pool areas of all synapses."""
        return lcm(*(each.pool_area for each in self.synapses))

    def current(self, spikes: Mapping[str, Tensor], weights: Sequence[Tensor], *, pool_sums: bool) -> Tensor:
        """Return the summed input `(T, B, *output_shape)` of all sources; pooling averages, or sums if `pool_sums`.

        Its first axis has length 1 if that of all sources has.
        """
        values = (reduce(torch.add, (spikes[source] for source in sources)) for sources in self.summed)
        synapses = zip(values, self.synapses, weights, strict=True)
        currents = (each(value, weight, pool_sums=pool_sums) for value, each, weight in synapses)
        total: Tensor = reduce(torch.add, currents)
        return total

    def joined(self, spikes: Mapping[str, Tensor], scale: Tensor | None = None) -> Tensor | None:
        """Return what all shortcuts bring, None without any: thresholds, or weight units where a threshold has `scale`."""
        brought = (
            each(spikes[source], None if scale is None else each.strength(scale)) for source, each in self.shortcuts.items()
        )
        return reduce(torch.add, brought) if self.shortcuts else None


@torch.no_grad()
def largest_scale(weights: Sequence[Tensor], bias: Tensor, input_limits: Sequence[int], neurons: Neurons) -> Tensor:
    """Return the largest scale at which rounded weights fit 8 bits, biases 13 bits, and no sum or membrane can overflow.

    `weights` and `input_limits`, the largest magnitude of what they take, have one entry for each of the synapses.
    """
    piled_up = sum(neurons.beta**t for t in range(neurons.timesteps))  # what equal inputs at all steps sum to
    worst = [weight.flatten(1).abs().sum(1) * limit for weight, limit in zip(weights, input_limits, strict=True)]
    reach = reduce(torch.add, worst) + bias.abs()
    limits = [
        *(WEIGHT_LIMIT / weight.abs().max() for weight in weights),
        HEADROOM * lif.BIAS_MANTISSA_MAX / bias.abs().max(),
        HEADROOM * lif.INPUT_MAX / (piled_up * reach.max()),
        torch.tensor(float(lif.VTH_MAX), device=bias.device),
    ]
    return torch.stack([limit.to(bias) for limit in limits]).min()


def repeated(current: Tensor, timesteps: int) -> Tensor:
    """Repeat an input that is the same at every step, `(1, B, ...)`, over `(T, B, ...)` without copying it."""
    return current.expand(timesteps, *current.shape[1:]) if current.shape[0] == 1 else current
