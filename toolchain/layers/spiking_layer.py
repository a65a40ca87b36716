"""The trainable layers: pool -> synapses -> sum -> normalize (-> shortcuts) -> LIF, in floats and, once frozen, in integers.

All T time steps of a layer run at once. `spikes` maps sources to `(T, B, ...)`, or `(1, B, ...)` where every step is the same.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.errors import ConfigError, LoweringError
from snnc.toolchain.layers.lif_autograd import ChipLif, Neurons, leaky_sum, statistics
from snnc.toolchain.layers.normalize import Normalize
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.population import WEIGHT_LIMIT, IntegerParameters, Population, largest_scale, repeated
from snnc.toolchain.layers.quantize import POSTERIOR, quantizer, rounded
from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.synapses import Synapses
from snnc.toolchain.network import lif
from snnc.toolchain.network.readout import READOUTS, ReadOutKind

SPIKES_PER_LOGIT = 2  # on digits better than 1 (94.0, not 92.3 %; mlp, alpha 1e-3) and than 4, for 2, 5 and 10 steps


class SpikingLayer(Population):
    """Synapses from one or more sources, normalization of their sum, and a population of LIF neurons of threshold 1.

    Averages over pools of different areas become integers at one scale, the least common multiple of the areas: quantized
    weights of a source are multiplied by that multiple over its own area, so that they may be +-16 beside +-1.
    Shortcuts join behind the normalization: y = norm(sum) + gain * spikes, in thresholds.
    """

    def __init__(
        self,
        name: str,
        synapses: Mapping[str, Synapses],
        neurons: Neurons,
        *,
        weights: str,
        delta: float,
        dropout: float = 0.0,
        shortcuts: Mapping[str, Shortcut] | None = None,
    ):
        """Build a layer; `weights` is a row of WEIGHTS ("float" means 8 bits in the integer phase), `delta` its threshold.

        `dropout` silences whole neurons of a sample over all time steps while training, but not in the integer phase.
        Raises ConfigError for unknown weights, synapses of different shapes, or pools too different for 8-bit weights.
        """
        super().__init__(name, synapses, neurons, shortcuts)
        self.delta, self.dropout = delta, dropout
        self.quantize = quantizer(weights)
        self.has_posterior = weights == POSTERIOR  # the weights are latents (posterior.py)
        self.draws: Callable[..., Tensor] | None = None  # draws weights for each forward pass of training, if set
        self.normalize = Normalize(self.output_shape[0], per_channel=self.quantize is None)
        if self.quantize is not None and max(self._multiples) > WEIGHT_LIMIT:
            pools = ", ".join(f"{each.geometry.pool} x {each.geometry.pool}" for each in self.synapses)
            raise ConfigError(
                f"layer {name!r}: pools of {pools} need {weights} weights of {max(self._multiples)}, allowed are 1 to "
                f"{WEIGHT_LIMIT}; pool its sources by sides of which one is a multiple of the others, or pool less"
            )

    @property
    def _multiples(self) -> list[int]:
        """What the quantized weights of each source are multiplied by in the integer phase."""
        return [self.pool_area // each.pool_area for each in self.synapses]

    def forward(self, spikes: Mapping[str, Tensor]) -> Tensor:
        """Return spikes `(T, B, ...)` of 0 and 1."""
        if self.phase is Phase.INTEGER:
            return self._integers_of_a_draw(spikes) if self.draws and self.training else self.trace(spikes)[0]
        current = self.current(spikes, self.current_weights(), pool_sums=False)
        fired: Tensor = self.normalize(current, self.neurons, self.joined(spikes))
        if self.dropout and self.training:
            fired = fired * F.dropout(torch.ones_like(fired[:1]), self.dropout)
        return fired

    def current_weights(self) -> tuple[Tensor, ...]:
        """Return the weights as the current phase uses them: as they are, quantized, or the chip's whole numbers."""
        if self.phase is Phase.INTEGER:
            return self.integer_parameters().weights
        quantized = self.phase is Phase.QUANTIZED or self.has_posterior
        return self._quantized() if quantized else tuple(each.weight for each in self.synapses)

    def trace(self, spikes: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the spikes and the membranes after reset (int32) of the integer phase, both `(T, B, ...)`."""
        chip = self.integer_parameters()
        current, joined = self.current(spikes, chip.weights, pool_sums=True), self.joined(spikes, self.scale)
        if joined is not None:
            current = current + joined
        return ChipLif.apply(current, chip.bias, chip.vth, self.neurons)  # type: ignore[no-untyped-call,no-any-return]

    def _integers_of_a_draw(self, spikes: Mapping[str, Tensor]) -> Tensor:
        """Return the spikes of the integer phase for one draw of the weights, with the statistics of this very draw."""
        weights = self._whole(self._quantized())
        current = self.current(spikes, weights, pool_sums=True)
        self.take(*self._statistics(current.detach()))
        bias, vth = rounded(self.bias * self.scale), int(torch.round(self.scale))
        joined = self.joined(spikes, self.scale)
        current = current if joined is None else current + joined
        fired, _ = ChipLif.apply(current, bias, vth, self.neurons)  # type: ignore[no-untyped-call]
        return fired  # type: ignore[no-any-return]

    @torch.no_grad()
    def measure(self, spikes: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return mean `(C,)` and variance of what the weights of the current phase give, as the normalization keeps them."""
        return self._statistics(self.current(spikes, self.current_weights(), pool_sums=self.phase is Phase.INTEGER))

    def _statistics(self, current: Tensor) -> tuple[Tensor, Tensor]:
        unit = self.pool_area if self.phase is Phase.INTEGER else 1
        center, per_channel = self.normalize.mean * unit, self.normalize.variance.numel() > 1
        mean, variance = statistics(current, center, self.neurons, per_channel=per_channel)
        return mean / unit, variance / unit**2

    @torch.no_grad()
    def take(self, mean: Tensor, variance: Tensor) -> None:
        """Normalize by these statistics from now on; in the integer phase the threshold follows them."""
        self.normalize.mean.copy_(mean)
        self.normalize.variance.copy_(variance)
        if self.phase is Phase.INTEGER:
            self.scale.copy_(self.deviation[0] * self.pool_area)

    @property
    def deviation(self) -> Tensor:
        """What synapses must give to reach the threshold from the mean, one value per channel or one per layer."""
        return self.normalize.deviation * self.neurons.threshold

    @property
    def bias(self) -> Tensor:
        """What normalization adds to the input, one value per channel, in units of the threshold."""
        return self.normalize.shift - self.normalize.mean / self.deviation

    @torch.no_grad()
    def freeze(self, input_limits: Sequence[int]) -> None:
        """Fix how many weight units the threshold gets: the deviation where weights have no scale, else the most that fits.

        `input_limits` holds the largest magnitude of what each of the synapses takes, a value or a sum of several. Raises
        LoweringError for a layer without any weight left, or whose threshold or bias does not fit the chip.
        """
        deviation = self.deviation
        if self.quantize is None:
            per_threshold = [each.weight / each.per_output(deviation * each.pool_area) for each in self.synapses]
            limits = [limit * each.pool_area for limit, each in zip(input_limits, self.synapses, strict=True)]
            for each in self.shortcuts.values():
                per_threshold.append(torch.full((self.output_shape[0], 1), each.gain / each.pool_area).to(deviation))
                limits.append(each.pool_area)
            self.scale.copy_(largest_scale(per_threshold, self.bias, limits, self.neurons))
            return
        if not any(bool(weight.any()) for weight in self._quantized()):
            raise LoweringError(f"layer {self.name!r}: all weights are 0 after quantization; lower delta ({self.delta})")
        self.scale.copy_(deviation[0] * self.pool_area)
        self.check_fits()

    @torch.no_grad()
    def check_fits(self) -> None:
        """Raise LoweringError if the threshold or a bias does not fit the chip."""
        for what, value, most in (
            ("threshold", self.scale, lif.VTH_MAX),
            ("bias", self.bias * self.scale, lif.BIAS_MANTISSA_MAX),
        ):
            if not bool(value.abs().max() <= most):
                reached = f"{what} of {float(value.abs().max()):.0f} weight units"
                raise LoweringError(
                    f"layer {self.name!r}: {reached} is outside 0..{most}; lower the learning rate or the width"
                )

    def integer_parameters(self) -> IntegerParameters:
        """Return the folded integers: y >= 1 becomes `v > vth`, with y = (a - mean) / deviation + shift."""
        deviation, scale = self.deviation, self.scale
        if self.quantize is not None:
            weights = self._whole(self._quantized())
        else:
            scales = [each.per_output(scale / (deviation * each.pool_area)) for each in self.synapses]
            weights = tuple(rounded(each.weight * own, WEIGHT_LIMIT) for each, own in zip(self.synapses, scales, strict=True))
        return IntegerParameters(weights, rounded(self.bias * scale), vth=int(torch.round(scale)))

    def _whole(self, quantized: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return quantized weights in the unit that all sources share."""
        multiples = zip(quantized, self._multiples, strict=True)
        return tuple(weight if multiple == 1 else weight * multiple for weight, multiple in multiples)

    def _quantized(self) -> tuple[Tensor, ...]:
        if self.draws and self.training:
            draw, exact = self.draws, self.phase is not Phase.FLOAT
            return tuple(draw(each.weight, exact=exact) for each in self.synapses)
        quantize = self.quantize
        return tuple(each.weight if quantize is None else quantize(each.weight, self.delta) for each in self.synapses)


class SpikingReadOut(SpikingLayer):
    """The last layer where spikes say the class: neurons with 8-bit weights, whose spikes add up to the logits."""

    def __init__(self, name: str, synapses: Mapping[str, Synapses], neurons: Neurons, kind: ReadOutKind = "spikes"):
        """Build a read-out with one neuron per class; `kind` is a spiking row of READOUTS."""
        super().__init__(name, synapses, neurons, weights="float", delta=0.0)
        self.kind: ReadOutKind = kind
        self.rule = READOUTS[kind]

    @property
    def logit_units(self) -> int:
        """How many units of the integer score one logit has: spikes at all steps make as many logits in every read-out."""
        counted = self.rule.weights(self.neurons.timesteps)
        return round(SPIKES_PER_LOGIT * sum(counted) / len(counted))

    def logits(self, spikes: Tensor) -> tuple[Tensor, Tensor]:
        """Return what spikes `(T, B, classes)` add to the scores step by step, in 32-bit floats, and the units of a logit."""
        counted = torch.tensor(self.rule.weights(len(spikes)), dtype=torch.float32, device=spikes.device)
        return spikes * counted.reshape(-1, 1, 1), torch.full_like(self.scale, self.logit_units)


class ReadOut(Population):
    """The last layer: leaky neurons that never spike; the logits are their membranes summed over the time steps."""

    def __init__(self, name: str, synapses: Mapping[str, Synapses], neurons: Neurons):
        """Build a read-out with one neuron per class and 8-bit weights in the integer phase.

        One spike counts in all later membranes, so Kaiming's weights are divided by how often it does: undivided, the first
        logits are several times too large (on digits six epochs gave 84 to 86 % instead of 95 to 96 %, measured with 1/10).
        """
        super().__init__(name, synapses, neurons)
        repeats = leaky_sum(torch.ones(neurons.timesteps, 1), neurons.beta).sum()
        self.repeats = repeats
        for each in self.synapses:
            each.weight.data.div_(self.repeats)
        self.bias = nn.Parameter(torch.zeros(self.output_shape[0]))

    def spiking(self, kind: ReadOutKind) -> SpikingReadOut:
        """Return a read-out of spikes with these weights, as they were before they were divided."""
        for each in self.synapses:
            each.weight.data.mul_(self.repeats)
        return SpikingReadOut(self.name, dict(self.by_source(self.synapses)), self.neurons, kind)

    def forward(self, spikes: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the membranes `(T, B, classes)`, and their units per logit: weight units in the integer phase, else 1."""
        timesteps, beta = self.neurons.timesteps, self.neurons.beta
        if self.phase is not Phase.INTEGER:
            current = self.current(spikes, self.current_weights(), pool_sums=False) + self.bias
            return leaky_sum(repeated(current, timesteps), beta), torch.ones_like(self.scale)
        chip = self.integer_parameters()
        current = rounded(self.current(spikes, chip.weights, pool_sums=True))
        # Gradients take the real-number path; values are the chip's.
        exact = leaky_sum(repeated(current, timesteps) + chip.bias, beta)
        _, membranes = self._chip_steps(current.detach(), chip)
        weight_units = membranes.to(exact) / 2**lif.UNIT_SHIFT
        return weight_units + (exact - exact.detach()), self.scale

    def current_weights(self) -> tuple[Tensor, ...]:
        """Return the weights as the current phase uses them: as they are, or the chip's whole numbers."""
        if self.phase is Phase.INTEGER:
            return self.integer_parameters().weights
        return tuple(each.weight for each in self.synapses)

    def trace(self, spikes: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return spikes (none, if lowering's proof holds) and membranes `(T, B, classes)` of the integer phase."""
        chip = self.integer_parameters()
        return self._chip_steps(self.current(spikes, chip.weights, pool_sums=True), chip)

    def _chip_steps(self, current: Tensor, chip: IntegerParameters) -> tuple[Tensor, Tensor]:
        return ChipLif.apply(current, chip.bias.detach(), chip.vth, self.neurons)  # type: ignore[no-untyped-call,no-any-return]

    @torch.no_grad()
    def freeze(self, input_limits: Sequence[int]) -> None:
        """Choose how many weight units a logit gets, so that worst-case sums, biases and weights fit the chip.

        `input_limits` holds the largest magnitude of what each of the synapses takes, a value or a sum of several.
        """
        weights = [each.weight / each.pool_area for each in self.synapses]
        limits = [limit * each.pool_area for limit, each in zip(input_limits, self.synapses, strict=True)]
        self.scale.copy_(largest_scale(weights, self.bias, limits, self.neurons))

    def integer_parameters(self) -> IntegerParameters:
        """Return 8-bit weights, the bias, and the largest threshold there is, which no membrane may reach."""
        weights = tuple(rounded(each.weight * (self.scale / each.pool_area), WEIGHT_LIMIT) for each in self.synapses)
        return IntegerParameters(weights, rounded(self.bias * self.scale), vth=lif.VTH_MAX)
