"""The best scale of a layer: what its weights, biases and threshold are multiplied with to become the chip's integers.

Weights that are whole multiples of one number stay exact. Where nothing at all need be rounded, the smallest such scale is
taken; else the largest that keeps the threshold whole, fits the bits of the weights, the biases and the threshold, and cannot
overflow. Weights that are no multiples are rounded, by the scale with the least error.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from snnc.export.nir.constants import Floats, common_unit, is_whole, settled
from snnc.export.nir.folding import RealLayer
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network import lif

UNIT = 2**lif.UNIT_SHIFT
ROUNDS_UP = 0.499  # what a weight may exceed the largest integer by
CANDIDATES = 64  # scales below the largest that are tried
COARSE = 8  # thresholds below which keeping them whole costs more of the weights than it saves
ACTIVE = 0.25  # share of the inputs that is taken to spike, for the error of a sum
UNKNOWN = 99  # more bits than any decay of the chip moves
SAMPLE = 2**16  # weights that the error is measured on


@dataclass(frozen=True)
class Limits:
    """What the integers must fit: the largest weight and threshold, the exponents of biases of 13 bits."""

    weight: int
    exponents: tuple[int, ...] = tuple(range(lif.BIAS_EXPONENT_MAX + 1))
    threshold: int = lif.VTH_MAX

    @property
    def bias(self) -> float:
        """The largest bias in weight units."""
        return lif.BIAS_MANTISSA_MAX * 2.0 ** (max(self.exponents) - lif.UNIT_SHIFT)

    @property
    def bias_step(self) -> float:
        """The finest bias in weight units."""
        return 2.0 ** (min(self.exponents) - lif.UNIT_SHIFT)


@dataclass(frozen=True)
class Scale:
    """A factor, whether all weights are whole after it, and what all membranes are multiples of (0: not known)."""

    factor: float
    whole: bool = False
    grain: float = 0.0

    def vth(self, threshold: float, rules: Rules) -> int:
        """Return the chip's threshold: spikes are strictly above it."""
        value = settled(threshold * self.factor)
        if not self.whole:
            return int(np.rint(value))
        return int(np.floor(value)) if rules.compare == ">" else int(np.ceil(value)) - 1

    def keeps(self, threshold: float, rules: Rules) -> bool:
        """Tell whether no membrane lies between the threshold and the chip's, so that every spike is the same."""
        value, vth = settled(threshold * self.factor), self.vth(threshold, rules)
        if not self.grain:
            return value == vth and rules.compare == ">"
        below = np.floor(settled(vth / self.grain))  # the highest membrane that does not spike on the chip
        meant = settled(value / self.grain)
        return bool(below == (np.floor(meant) if rules.compare == ">" else np.ceil(meant) - 1))


def best_scale(layer: RealLayer, rules: Rules, timesteps: int, limits: Limits, excess: Callable[[Scale], float]) -> Scale:
    """Return the scale of a layer; `excess` says how many times the sums at a scale go beyond what the chip holds.

    Raises CannotExport, with the likely cause, if no scale fits.
    """
    largest = max(float(np.abs(weight).max()) for weight in layer.weights)
    cap = _cap(layer, limits)
    unit = _unit(layer, largest, limits)
    most, remaining = min(cap, (limits.weight + ROUNDS_UP) / largest if largest else cap), 8
    while remaining:
        scale = _whole_scale(layer, rules, timesteps, unit, most, limits) if unit else _rounded_scale(layer, most, limits)
        if scale is None:
            break
        beyond = excess(scale)
        if beyond <= 1:
            return scale
        most, remaining = min(scale.factor / beyond, scale.factor * (1 - 1e-6)), remaining - 1
        if unit and most * unit < 1:
            unit = None  # whole multiples no longer fit: rounded ones may
    raise CannotExport(_why_none(layer, largest, cap))


def _cap(layer: RealLayer, limits: Limits) -> float:
    """Return the largest factor that biases and threshold allow."""
    caps = [float(limits.threshold)]
    if (bias := float(np.abs(layer.bias).max())) > 0:
        caps.append(limits.bias / bias)
    if layer.threshold:
        caps.append(limits.threshold / abs(layer.threshold))
    return min(caps)


def _unit(layer: RealLayer, largest: float, limits: Limits) -> float | None:
    """Return the largest number that all weights are whole multiples of, few enough for the bits; or None."""
    if largest == 0:
        return 1.0
    values = np.unique(np.concatenate([np.abs(weight).ravel() for weight in layer.weights]))
    unit = common_unit(values, loose=True)
    return unit if unit is not None and largest / unit <= limits.weight + ROUNDS_UP else None


def _whole_scale(layer: RealLayer, rules: Rules, timesteps: int, unit: float, most: float, limits: Limits) -> Scale | None:
    """Return the smallest whole multiple of 1 / unit at which nothing is rounded, else the largest with a whole threshold."""
    steps = int(np.floor(settled(most * unit)))
    grain = _grain(layer, timesteps, unit)
    scales = [Scale(times / unit, True, grain * times / unit) for times in range(1, min(steps, 2**12) + 1)]
    if not scales:
        return None
    exact = (
        scale
        for scale in sorted(scales, key=lambda scale: scale.factor != 1)  # whole weights stay as they are, if they can
        if _is_exact(layer, rules, scale, limits) and not _truncates(layer, timesteps, scale, unit)
    )
    if (best := next(exact, None)) is not None:
        return best
    kept = [scale for scale in scales if layer.threshold is None or scale.keeps(layer.threshold, rules)]
    if kept and (layer.alpha or layer.keep):
        exact_threshold = [scale for scale in kept if _is_exact(layer, rules, scale, limits)]
        return (exact_threshold or kept)[-1]
    return min(reversed(scales[-CANDIDATES:]), key=lambda scale: _threshold_error(layer, scale, rules))


def _grain(layer: RealLayer, timesteps: int, unit: float) -> float:
    """Return what all membranes are whole multiples of, where leaks shift bits and biases share a unit with weights; else 0."""
    shift, bias = max(shift_of(layer.keep), shift_of(layer.alpha)), np.abs(layer.bias).ravel()
    shared = common_unit(np.append(bias, unit)) if bias.any() else unit
    return shared * 2.0 ** (-shift * (timesteps - 1)) if shared is not None and shift < UNKNOWN else 0.0


def _is_exact(layer: RealLayer, rules: Rules, scale: Scale, limits: Limits) -> bool:
    biases = layer.bias * scale.factor / limits.bias_step
    return is_whole(biases) and (layer.threshold is None or scale.keeps(layer.threshold, rules))


def _truncates(layer: RealLayer, timesteps: int, scale: Scale, unit: float) -> bool:
    """Tell whether the chip ever rounds a membrane or a current of whole weights on the way."""
    times, bias = round(scale.factor * unit), np.rint(layer.bias * scale.factor * UNIT).astype(np.int64)
    parts = int(np.bitwise_or.reduce(bias, axis=None)) | (times << lif.UNIT_SHIFT)
    free = (parts & -parts).bit_length() - 1
    return any(shift_of(share) * (timesteps - 1) > free for share in (layer.keep, layer.alpha))


def shift_of(share: float) -> int:
    """Return by how many bits a step that keeps this share of a number moves its last bit, or UNKNOWN."""
    if share == 0:
        return 0
    parts = share * lif.DECAY_UNITY
    if parts != round(parts):
        return UNKNOWN
    return (lif.DECAY_UNITY.bit_length() - 1) - ((int(parts) & -int(parts)).bit_length() - 1)


def _threshold_error(layer: RealLayer, scale: Scale, rules: Rules) -> float:
    if layer.threshold is None:
        return 0.0
    value = settled(layer.threshold * scale.factor)
    return abs(value - scale.vth(layer.threshold, rules)) / scale.factor


def _rounded_scale(layer: RealLayer, most: float, limits: Limits) -> Scale | None:
    """Return the scale with the least expected error of a membrane, of those that keep the threshold whole and the largest."""
    rows = [_sample(weight) for weight in layer.weights]
    if most <= 0 or max(float(np.abs(weight).max()) for weight in layer.weights) * most < 0.5:
        return None
    found = min(_factors(layer.threshold, most), key=lambda factor: _error(layer, rows, factor, limits))
    return Scale(found)


def _factors(threshold: float | None, most: float) -> Iterator[float]:
    whole = int(np.floor(most * threshold)) if threshold is not None else 0
    if threshold is not None and threshold > 0:
        yield from (times / threshold for times in range(whole, max(whole - CANDIDATES, whole // 2, 0), -1))
    if whole < COARSE:  # there is no threshold, or its steps are coarse
        yield from (most * (1 - step / (2 * CANDIDATES)) for step in range(CANDIDATES))


def _sample(weight: Floats) -> Floats:
    rows = weight.reshape(len(weight), -1)
    return rows[:: max(1, rows.size // SAMPLE)]


def _error(layer: RealLayer, rows: list[Floats], factor: float, limits: Limits) -> float:
    """Return the expected error of a membrane in the graph's own units."""
    squares = sum(float((((np.rint(row * factor) / factor) - row) ** 2).sum(1).mean()) for row in rows) * ACTIVE
    step = limits.bias_step / factor
    bias = float(((np.rint(layer.bias / step) * step - layer.bias) ** 2).mean())
    at = 0.0 if layer.threshold is None else (layer.threshold - np.rint(layer.threshold * factor) / factor) ** 2
    return float(np.sqrt((squares + bias) / max(1 - layer.keep, 0.05) + at))


def _why_none(layer: RealLayer, largest: float, cap: float) -> str:
    threshold = f", the threshold is {layer.threshold:g}" if layer.threshold is not None else ""
    what = f"an input adds at most {largest:.3g}, a bias {float(np.abs(layer.bias).max()):.3g}{threshold}"
    if largest * cap < 1:
        return (
            f"node {layer.node!r}: {what}, which no 8-bit weights can hold beside each other; the conventions may be another "
            "writer's: try --writer auto, or state --dt or --gain"
        )
    return (
        f"node {layer.node!r}: {what}; no scale keeps its sums within the chip's 24 bits: state a smaller --input-range or "
        "fewer --timesteps"
    )
