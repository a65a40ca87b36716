"""One population of a NIR graph and all that leads to it as one layer in real numbers, as the chip's neurons have it.

Gains go into the weights, and so do thresholds that differ, since the chip has one for a population; leaks and resets
other than 0 go into biases. None of that changes a spike.
"""

from dataclasses import dataclass
from math import prod

import nir
import numpy as np

from snnc.export.nir.constants import Floats, computed
from snnc.export.nir.neurons import RealNeurons, real_neurons
from snnc.export.nir.paths import Path, per_channel
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import CannotExport, FileFormatError


@dataclass(frozen=True)
class RealLayer:
    """A layer in real numbers: one threshold, one decay of the membrane and one of the current, weights and biases.

    `drive` goes into the membrane at each step and `through` into the current; both broadcast to `shape`. The chip has a bias
    of the membrane only, so that what goes through the current is taken as its mean over the steps.
    """

    node: str
    ways: list[Path]
    weights: list[Floats]
    drive: Floats
    through: Floats
    threshold: float | None  # None: it integrates and sends no spikes
    keep: float
    alpha: float
    shape: tuple[int, ...]
    neurons: RealNeurons
    timesteps: int

    @property
    def bias(self) -> Floats:
        """What the membrane gets at each step, on average over the steps; broadcasts to `shape`."""
        if not self.alpha:
            return self.drive + self.through
        sums = [sum(self.alpha**k for k in range(t + 1)) for t in range(self.timesteps)]
        return self.drive + self.through * float(np.mean(sums))


def folded(node: str, neuron: nir.NIRNode, ways: list[Path], rules: Rules, timesteps: int) -> RealLayer:
    """Return the layer of a population. Raises CannotExport for what the chip's neurons cannot do."""
    if not ways:
        raise FileFormatError(f"node {node!r} has no source; connect or remove it")
    shape = ways[0].shape
    _check_shapes(node, neuron, [path.shape for path in ways])
    real = real_neurons(neuron, rules)
    keep, alpha = (_decay(node, what, values, rules) for what, values in (("membrane", real.keep), ("current", real.alpha)))
    gain, drive = _per_output(node, "gain", real.total_gain, shape), _everywhere(real.drive, shape)
    threshold, offset = None, np.zeros((1,) * len(shape))
    if real.threshold is not None:
        _check_reset(node, real, rules)
        drive = drive - _everywhere(real.reset, shape) * (1 - keep)
        threshold, factors = _one_threshold(node, _everywhere(real.threshold - real.reset, shape), shape)
        gain, drive = gain * factors, drive * factors.reshape(-1, *[1] * (len(shape) - 1))
    weights = [computed_weights(path.weight, gain) for path in ways if path.weight is not None]
    through = sum((_everywhere(gain * path.bias, shape) for path in ways), offset)
    return RealLayer(node, ways, weights, drive, through, threshold, keep, alpha, shape, real, timesteps)


def computed_weights(weight: Floats, gain: Floats) -> Floats:
    """Return weights times one gain for each output."""
    return weight * gain.reshape(-1, *[1] * (weight.ndim - 1))


def _decay(node: str, what: str, values: Floats, rules: Rules) -> float:
    found = np.unique(values)
    if len(found) != 1 or not np.isfinite(found[0]):
        raise CannotExport(
            f"node {node!r}: a step leaves {found[0]:g} to {found[-1]:g} of the {what}, a population on the chip has one "
            "decay; split it into populations"
        )
    share = float(found[0])
    if not 0 <= share <= 1 or (what == "current" and share == 1):
        raise CannotExport(
            f"node {node!r}: a step of {rules.dt:g} s leaves {share:g} of the {what}, the chip keeps 0 to 1; "
            "state the time step with --dt, or let --writer auto find the conventions"
        )
    return share


def _one_threshold(node: str, values: Floats, shape: tuple[int, ...]) -> tuple[float, Floats]:
    """Return one threshold for all, and what the weights of each output are multiplied with for it."""
    if (values == values.flat[0]).all():
        return float(values.flat[0]), np.ones(shape[0])
    each = per_channel_or(node, "threshold", values)
    if (each <= 0).any():
        raise CannotExport(
            f"node {node!r}: its thresholds differ and reach {each.min():g}, the chip has one; above 0 they could be folded "
            "into the weights"
        )
    common = float(each.max())
    return common, computed(common / each)


def per_channel_or(node: str, what: str, values: Floats) -> Floats:
    """Return one value for each output. Raises CannotExport, naming the parameter, where they differ within a channel."""
    try:
        return per_channel(node, values)
    except CannotExport:
        raise CannotExport(
            f"node {node!r}: its {what} differs between neurons of one channel, which shares its weights; "
            f"give each channel one {what}"
        ) from None


def _per_output(node: str, what: str, values: Floats, shape: tuple[int, ...]) -> Floats:
    return per_channel_or(node, what, np.broadcast_to(_everywhere(values, shape), shape))


def _everywhere(values: Floats, shape: tuple[int, ...]) -> Floats:
    """Return parameters so that they broadcast to a population: one, one for each output, or one for each neuron."""
    array = np.asarray(values, np.float64)
    if array.size == 1:
        return array.reshape((1,) * len(shape))
    if array.size == shape[0] and array.size != prod(shape):
        return array.reshape(-1, *[1] * (len(shape) - 1))
    return array.reshape(shape)


def _check_shapes(node: str, neuron: nir.NIRNode, shapes: list[tuple[int, ...]]) -> None:
    keys = ("tau", "tau_mem", "tau_syn", "r", "w_in", "v_leak", "v_threshold", "v_reset")
    sizes = {np.size(value) for key, value in neuron.to_dict().items() if key in keys}
    if len(set(shapes)) > 1 or not sizes <= {1, shapes[0][0], prod(shapes[0])}:
        raise FileFormatError(
            f"node {node!r}: its {max(sizes)} neurons do not fit inputs of shape {' and '.join(map(str, shapes))}"
        )


def _check_reset(node: str, real: RealNeurons, rules: Rules) -> None:
    if rules.reset == "subtract":
        raise CannotExport(
            f"node {node!r}: its reset subtracts the threshold, the chip's LIF is set to 0; train it with a reset to zero, and "
            "import it with --reset zero"
        )
    if rules.reset_delay:
        raise CannotExport(
            f"node {node!r}: its reset comes {rules.reset_delay} step late, the chip's at once; train it without a delay and "
            "import it with --reset-delay 0 (right for snnTorch's Leaky with reset 'zero' as well)"
        )
    wrong = np.broadcast_arrays(real.reset, real.start)
    if (wrong[0] != wrong[1]).any() and (real.keep != 0).any():
        raise CannotExport(
            f"node {node!r}: its membrane begins at {np.ravel(real.start)[0]:g} and is reset to {np.ravel(real.reset)[0]:g}; "
            "the chip's begin where they are reset to: if the writer's do, state --start reset (snnc import) or start='reset' "
            "(snnc.from_nir)"
        )
