"""What the steps of a module of PyTorch give: spikes, alone or added up, and currents that wait for their neurons."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import nn

from snnc.models.architecture import Part
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import INPUT

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Spikes:
    """The added spikes of layers of one shape, or the input, and the average pooling in front of what takes them."""

    sources: tuple[str, ...]
    shape: Shape
    pool: int = 1
    flat: bool = False

    @property
    def seen(self) -> Shape:
        """The shape behind the pooling, as the module has it."""
        pooled = (self.shape[0], *(side // self.pool for side in self.shape[1:]))
        return (prod(pooled),) if self.flat else pooled


@dataclass(frozen=True)
class Weighted:
    """Weights and biases, in the module's own unit, and the spikes that they take; `part` says how the weights reach."""

    spikes: Spikes
    part: Part
    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class Current:
    """What neurons will get: weighted spikes, and those of layers that join without weights."""

    weighted: tuple[Weighted, ...]
    shape: Shape
    joined: tuple[str, ...] = ()
    flat: bool = False

    @property
    def seen(self) -> Shape:
        """The shape, as the module has it."""
        return (prod(self.shape),) if self.flat else self.shape


Value = Spikes | Current


def added(one: Value, other: Value) -> Value:
    """Return a sum. Raises ConfigError for one that no neurons can get."""
    if one.seen != other.seen:
        raise ConfigError(f"it adds {one.seen} and {other.seen}, which broadcasts; give both the same channels and sides")
    if any(isinstance(each, Spikes) and INPUT in each.sources for each in (one, other)):
        raise ConfigError("it adds the input, whose values are no spikes; put weights and neurons behind the input first")
    if isinstance(one, Spikes):
        return _added_spikes(one, other) if isinstance(other, Spikes) else _joined(other, one)
    return _joined(one, other) if isinstance(other, Spikes) else _added_currents(one, other)


def _added_spikes(one: Spikes, other: Spikes) -> Spikes:
    if (one.shape, one.pool) != (other.shape, other.pool):
        raise ConfigError("it adds spikes behind different pools; pool their sum, or put weights and neurons behind each pool")
    return replace(one, sources=_once(one.sources, other.sources))


def _added_currents(one: Current, other: Current) -> Current:
    sources = [tuple(source for part in each.weighted for source in part.spikes.sources) for each in (one, other)]
    if both := set(sources[0]) & set(sources[1]):
        raise ConfigError(f"it adds what two weights give of the same spikes ({_names(both)}); make one kernel of the two")
    if one.flat or other.flat:
        raise ConfigError("it adds flattened images in front of neurons; put Flatten behind the neurons")
    return Current((*one.weighted, *other.weighted), one.shape, _once(one.joined, other.joined))


def _joined(current: Current, spikes: Spikes) -> Current:
    if current.flat or (spikes.flat and len(spikes.shape) > 1):
        raise ConfigError("it adds flattened images in front of neurons; add in front of Flatten, or put a Linear behind it")
    return replace(current, joined=_once(current.joined, spikes.sources))


def _once(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of both. Raises ConfigError for one that both have."""
    if both := set(one) & set(other):
        raise ConfigError(f"it adds the same spikes twice ({_names(both)}); add them once, and double the weights behind")
    return one + other


def _names(sources: set[str]) -> str:
    return ", ".join(sorted(sources))


def normalized(module: Any, value: Value) -> Current:
    """Return a current with a normalization folded into its weights. Raises ConfigError for one that has none, or several."""
    if isinstance(value, Spikes):
        raise ConfigError("it follows no weights; put it between weights and neurons")
    if value.joined or len(value.weighted) > 1:
        raise ConfigError("it normalizes a sum; put a normalization behind each of the weights instead, in front of the sum")
    if module.running_mean is None:
        raise ConfigError("it has no running statistics; train it with track_running_stats=True")
    (each,) = value.weighted
    if len(module.running_mean) != len(each.weight):
        raise ConfigError(f"it has {len(module.running_mean)} channels, the weights in front give {len(each.weight)}")
    factor = 1 / torch.sqrt(module.running_var.double() + module.eps)
    factor, shift = (factor * module.weight, module.bias) if module.affine else (factor, 0)
    factor, shift = factor.detach(), shift.detach() if isinstance(shift, torch.Tensor) else shift
    weight = each.weight * factor.reshape(-1, *[1] * (each.weight.dim() - 1))
    bias = (each.bias - module.running_mean.double()) * factor + shift
    return replace(value, weighted=(replace(each, weight=weight, bias=bias),))


def pooled(module: Any, value: Value) -> Spikes:
    """Return spikes behind a pool of square tiles, an average unless they are to be pooled otherwise. Raises ConfigError."""
    if isinstance(value, Current):
        raise ConfigError("it pools the input of neurons; put it behind the neurons, so that spikes are pooled")
    side = _side(module, value)
    if value.flat:
        raise ConfigError("it pools what was flattened; put it in front of Flatten")
    return replace(value, pool=value.pool * side)


def _side(module: Any, value: Spikes) -> int:
    if isinstance(module, nn.AdaptiveAvgPool2d):
        sides = set(value.seen[1:])
        if module.output_size not in (1, (1, 1)) or len(sides) != 1:
            raise ConfigError("only the average of a whole square image is taken; take AvgPool2d")
        return sides.pop()
    side, stride, padding = (same(each) for each in (module.kernel_size, module.stride, module.padding))
    if side != stride or padding or module.ceil_mode or getattr(module, "dilation", 1) != 1:
        raise ConfigError("its pools are not square tiles; take kernel_size = stride, no padding and ceil_mode=False")
    return side


def convolution(module: nn.Conv2d, pool: int) -> Part:
    """Return a convolution as text has it. Raises ConfigError for one that training does not have."""
    kernel, stride = same(module.kernel_size), same(module.stride)
    if module.groups != 1 or same(module.dilation) != 1 or module.padding_mode != "zeros":
        raise ConfigError("it has groups, dilation or a padding that is not 0; take a plain convolution")
    padding = {"valid": 0, "same": kernel // 2}.get(module.padding) if isinstance(module.padding, str) else same(module.padding)
    if padding is None or (module.padding == "same" and kernel % 2 == 0):
        raise ConfigError(f"padding {module.padding!r} of an even kernel is not the same on all sides; take an odd kernel")
    return Part(module.out_channels, kernel, padding, pool, stride)


def same(pair: Any) -> int:
    """Return the number that both sides have. Raises ConfigError if they differ."""
    sides = set(pair) if isinstance(pair, tuple | list) else {pair}
    if len(sides) != 1:
        raise ConfigError(f"its sides differ ({tuple(pair)}); training has square kernels, strides, paddings and pools")
    return int(sides.pop())
