"""The trainable layers: pool -> synapses -> normalize -> LIF, in floats and, once frozen, in the chip's integers.

All T time steps of a layer run at once: its input is `(T, B, ...)`, or `(1, B, ...)` where every step has the same input.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import LoweringError
from snnc.toolchain.layers.lif_autograd import EPSILON, ChipLif, Neurons, NormalizedLif, leaky_sum
from snnc.toolchain.layers.quantize import quantizer, rounded
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network import lif

WEIGHT_LIMIT = 127  # of 8-bit layers; symmetric, so that no sign is favored
HEADROOM = 0.8  # of the chip's ranges that is used when scales are chosen, since weights still move afterwards


class Phase(IntEnum):
    """The three phases of training; each builds on the one before."""

    FLOAT = 1  # full precision
    QUANTIZED = 2  # ternary or binary weights in the forward pass, statistics live
    INTEGER = 3  # statistics frozen, everything rounded: the forward pass computes the chip's integers


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

    def forward(self, x: Tensor, neurons: Neurons) -> Tensor:
        """Return the spikes of `x` `(F, B, C, ...)`, normalized by the batch while training, else by the running statistics."""
        spikes, mean, variance = NormalizedLif.apply(  # type: ignore[no-untyped-call]
            x, self.shift, self.mean, self.variance, neurons, self.training
        )
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        return spikes  # type: ignore[no-any-return]


@dataclass(frozen=True)
class IntegerParameters:
    """What the chip gets of one layer: whole numbers in floats (with gradients), the bias in weight units."""

    weight: Tensor
    bias: Tensor
    vth: int


class SpikingLayer(nn.Module):
    """Synapses, normalization and a population of LIF neurons of threshold 1."""

    def __init__(
        self,
        name: str,
        source: tuple[int, ...],
        out: int,
        geometry: Geometry,
        *,
        weights: str,
        delta: float,
        neurons: Neurons,
        dropout: float = 0.0,
    ):
        """Build a layer; `weights` is a row of WEIGHTS ("float" means 8 bits in the integer phase), `delta` its threshold.

        `dropout` silences whole neurons of a sample over all time steps while training, but not in the integer phase.
        """
        super().__init__()
        self.name, self.delta, self.neurons, self.dropout = name, delta, neurons, dropout
        self.quantize = quantizer(weights)
        self.synapses = Synapses(source, out, geometry)
        self.normalize = Normalize(out, per_channel=self.quantize is None)
        self.phase = Phase.FLOAT
        self.register_buffer("unit", torch.ones(()))  # weight units per threshold, fixed by freeze()
        self.unit: Tensor

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the population."""
        return self.synapses.output_shape

    def forward(self, source: Tensor) -> Tensor:
        """Return spikes `(T, B, ...)` of 0 and 1."""
        if self.phase is Phase.INTEGER:
            return self.trace(source)[0]
        spikes: Tensor = self.normalize(self.synapses(source, self.current_weight(), pool_sums=False), self.neurons)
        if self.dropout and self.training:
            spikes = spikes * F.dropout(torch.ones_like(spikes[:1]), self.dropout)
        return spikes

    def current_weight(self) -> Tensor:
        """Return the weights as the current phase uses them: as they are, quantized, or the chip's whole numbers."""
        if self.phase is Phase.INTEGER:
            return self.integer_parameters().weight
        if self.phase is Phase.QUANTIZED and self.quantize is not None:
            return self.quantize(self.synapses.weight, self.delta)
        return self.synapses.weight

    def trace(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spikes and the membranes after reset (int32) of the integer phase, both `(T, B, ...)`."""
        chip = self.integer_parameters()
        current = self.synapses(source, chip.weight, pool_sums=True)
        return ChipLif.apply(current, chip.bias, chip.vth, self.neurons)  # type: ignore[no-untyped-call,no-any-return]

    @property
    def bias(self) -> Tensor:
        """What normalization adds to the input, one value per channel, in units of the threshold."""
        return self.normalize.shift - self.normalize.mean / self.normalize.deviation

    @torch.no_grad()
    def freeze(self, input_limit: int) -> None:
        """Fix how many weight units the threshold gets: the deviation where weights have no scale, else the most that fits.

        `input_limit` is the largest magnitude of one input. Raises LoweringError for a layer without any weight left, or
        whose threshold or bias does not fit the chip.
        """
        area, deviation = self.synapses.pool_area, self.normalize.deviation
        if self.quantize is None:
            per_unit = self.synapses.weight / self.synapses.per_output(deviation * area)
            self.unit.copy_(largest_unit(per_unit, self.bias, input_limit * area, self.neurons))
            return
        if not self.quantize(self.synapses.weight, self.delta).any():
            raise LoweringError(f"layer {self.name!r}: all weights are 0 after quantization; lower delta ({self.delta})")
        self.unit.copy_(deviation[0] * area)
        for what, value, most in (
            ("threshold", self.unit, lif.VTH_MAX),
            ("bias", self.bias * self.unit, lif.BIAS_MANTISSA_MAX),
        ):
            if not bool(value.abs().max() <= most):
                reached = f"{what} of {float(value.abs().max()):.0f} weight units"
                raise LoweringError(
                    f"layer {self.name!r}: {reached} is outside 0..{most}; lower the learning rate or the width"
                )

    def integer_parameters(self) -> IntegerParameters:
        """Return the folded integers: y >= 1 becomes `v > vth`, with y = (a - mean) / deviation + shift (DESIGN.md, 4)."""
        deviation, unit = self.normalize.deviation, self.unit
        if self.quantize is not None:
            weight = self.quantize(self.synapses.weight, self.delta)
        else:
            scale = unit / (deviation * self.synapses.pool_area)
            weight = rounded(self.synapses.weight * self.synapses.per_output(scale), WEIGHT_LIMIT)
        return IntegerParameters(weight, rounded(self.bias * unit), vth=int(torch.round(unit)))


class ReadOut(nn.Module):
    """The last layer: leaky neurons that never spike; the logits are their membranes summed over the time steps."""

    def __init__(self, name: str, source: tuple[int, ...], out: int, geometry: Geometry, *, neurons: Neurons):
        """Build a read-out of `out` classes with 8-bit weights in the integer phase.

        One spike counts in all later membranes, so Kaiming's weights are divided by how often it does: undivided, the first
        logits are several times too large (on digits six epochs gave 84 to 86 % instead of 95 to 96 %, measured with 1/10).
        """
        super().__init__()
        self.name, self.neurons = name, neurons
        self.synapses = Synapses(source, out, geometry)
        repeats = leaky_sum(torch.ones(neurons.timesteps, 1), neurons.beta).sum()
        self.synapses.weight.data.div_(repeats)
        self.bias = nn.Parameter(torch.zeros(out))
        self.phase = Phase.FLOAT
        self.register_buffer("unit", torch.ones(()))  # weight units per logit, fixed by freeze()
        self.unit: Tensor

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the population: one neuron for each class."""
        return self.synapses.output_shape

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the membranes `(T, B, classes)`, and their units per logit: weight units in the integer phase, else 1."""
        neurons = self.neurons
        if self.phase is not Phase.INTEGER:
            current = self.synapses(source, self.synapses.weight, pool_sums=False) + self.bias
            return leaky_sum(repeated(current, neurons.timesteps), neurons.beta), torch.ones_like(self.unit)
        chip = self.integer_parameters()
        current = rounded(self.synapses(source, chip.weight, pool_sums=True))
        # Gradients take the real-number path; values are the chip's.
        exact = leaky_sum(repeated(current, neurons.timesteps) + chip.bias, neurons.beta)
        _, membranes = self._chip_steps(current.detach(), chip)
        weight_units = membranes.to(exact) / 2**lif.UNIT_SHIFT
        return weight_units + (exact - exact.detach()), self.unit

    def current_weight(self) -> Tensor:
        """Return the weights as the current phase uses them: as they are, or the chip's whole numbers."""
        return self.integer_parameters().weight if self.phase is Phase.INTEGER else self.synapses.weight

    def _chip_steps(self, current: Tensor, chip: IntegerParameters) -> tuple[Tensor, Tensor]:
        return ChipLif.apply(current, chip.bias.detach(), chip.vth, self.neurons)  # type: ignore[no-untyped-call,no-any-return]

    def trace(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return spikes (none, if lowering's proof holds) and membranes `(T, B, classes)` of the integer phase."""
        chip = self.integer_parameters()
        return self._chip_steps(self.synapses(source, chip.weight, pool_sums=True), chip)

    @torch.no_grad()
    def freeze(self, input_limit: int) -> None:
        """Choose how many weight units a logit gets, so that worst-case sums, biases and weights fit the chip."""
        area = self.synapses.pool_area
        self.unit.copy_(largest_unit(self.synapses.weight / area, self.bias, input_limit * area, self.neurons))

    def integer_parameters(self) -> IntegerParameters:
        """Return 8-bit weights, the bias, and the largest threshold there is, which no membrane may reach."""
        weight = rounded(self.synapses.weight * (self.unit / self.synapses.pool_area), WEIGHT_LIMIT)
        return IntegerParameters(weight, rounded(self.bias * self.unit), vth=lif.VTH_MAX)


@torch.no_grad()
def largest_unit(weight: Tensor, bias: Tensor, input_limit: int, neurons: Neurons) -> Tensor:
    """Return the largest scale at which rounded weights fit 8 bits, biases 13 bits, and no sum or membrane can overflow."""
    piled_up = sum(neurons.beta**t for t in range(neurons.timesteps))  # what equal inputs at all steps sum to
    reach = weight.flatten(1).abs().sum(1) * input_limit + bias.abs()
    limits = [
        WEIGHT_LIMIT / weight.abs().max(),
        HEADROOM * lif.BIAS_MANTISSA_MAX / bias.abs().max(),
        HEADROOM * lif.INPUT_MAX / (piled_up * reach.max()),
        torch.tensor(float(lif.VTH_MAX), device=weight.device),
    ]
    return torch.stack([limit.to(weight) for limit in limits]).min()


def repeated(current: Tensor, timesteps: int) -> Tensor:
    """Repeat an input that is the same at every step, `(1, B, ...)`, over `(T, B, ...)` without copying it."""
    return current.expand(timesteps, *current.shape[1:]) if current.shape[0] == 1 else current
