"""Turns NIR graphs of others into networks for the chip: integer-valued weights exactly, float weights by rounding.

Between two populations a NIR graph has a chain of linear nodes; they are folded into one synapse. Each population gets one
scale: its inputs, biases and threshold are multiplied by it, so that they become integers without any spike changing,
where that is possible.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import nir
import numpy as np

from snnc.export.nir.dialects import exactness
from snnc.export.nir.flat import FlatGraph, Floats, flat_graph
from snnc.export.nir.interpreter import NEURONS
from snnc.export.nir.paths import Path, integer_synapse, path_to
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import CannotExport, ConfigError, FileFormatError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.validation import check_neurons

UNIT = 2**lif.UNIT_SHIFT
EXACT = 1e-6  # relative distance at which a float counts as the whole number that was meant: roundings of float32
FINEST = 2**20  # parts of one in which floats still add up without rounding
LARGEST_GROWTH = 64  # that whole weights are multiplied with for the sake of a threshold


@dataclass(frozen=True)
class Imported:
    """The network, the node that each of its layers came from, and what had to be rounded, one line each."""

    network: Network
    nodes: dict[str, str]
    rounded: list[str]
    one_dimensional: bool  # the graph's input is (channels, length), the network's (channels, 1, length)


def import_nir(
    graph: nir.NIRGraph, timesteps: int, rules: Rules, *, pixels: tuple[int, ...] = (0, 1), bits: int = 8
) -> Imported:
    """Return the network of a feed-forward graph; `pixels` are least and largest input (and zero point).

    Raises CannotExport, naming node and reason, for what the chip's neurons cannot do, FileFormatError for damaged graphs,
    ConfigError for a number of bits that no weight has.
    """
    if not 2 <= bits <= 8:
        raise ConfigError(f"--bits {bits} is not possible; a weight on the chip has 2 to 8 bits")
    flat = flat_graph(graph)
    inputs = [name for name, node in flat.nodes.items() if isinstance(node, nir.Input) and not flat.sources[name]]
    if len(inputs) != 1:
        raise FileFormatError(f"the graph has {len(inputs)} inputs; allowed is one")
    shape = tuple(int(size) for size in np.ravel(flat.nodes[inputs[0]].input_type["input"]))
    check_neurons([shape])
    layers: list[Layer] = []
    shapes, names, rounded = {inputs[0]: _chw(shape)}, {inputs[0]: INPUT}, list[str]()
    for name, node in flat.nodes.items():
        if isinstance(node, NEURONS):
            ways = [path_to(flat, source, shapes, names, one_dimensional=len(shape) == 2) for source in flat.sources[name]]
            names[name] = name.replace("/", "_")
            check_neurons([*(layer.output_shape for layer in layers), *(way.shape for way in ways[:1])])
            layers.append(_layer(name, names[name], node, ways, rules, timesteps, bits, rounded))
            shapes[name] = layers[-1].output_shape
    if not layers:
        raise CannotExport("the graph has no spiking neurons (LIF, IF); there is nothing for the chip to run")
    last = _output(flat, names)
    _check_integrators(flat, last)
    if layers[-1].name != names[last]:  # the read-out is the last layer
        layers.append(layers.pop(next(i for i, layer in enumerate(layers) if layer.name == names[last])))
    readout = "membrane" if isinstance(flat.nodes[last], nir.LI) else "spikes"
    pixels_in = Input(_chw(shape), *pixels)
    network = Network("imported from NIR", timesteps, pixels_in, tuple(layers), readout)  # type: ignore[arg-type]
    if drift := exactness(network):
        rounded.append(drift)
    return Imported(network, {layer: node for node, layer in names.items() if layer != INPUT}, rounded, len(shape) == 2)


def _chw(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape  # a signal of length N is an image of height 1


def _output(flat: FlatGraph, names: dict[str, str]) -> str:
    """Return the population whose activity the graph sends out."""
    outputs = [name for name, node in flat.nodes.items() if isinstance(node, nir.Output) and not _targets(flat, name)]
    if len(outputs) != 1:
        raise CannotExport(f"the graph has {len(outputs)} outputs; allowed is one")
    name = outputs[0]
    while name not in names:
        if not isinstance(flat.nodes[name], nir.Output) or len(flat.sources[name]) != 1:
            raise CannotExport(
                f"node {name!r} lies between the last neurons and the output; end the graph with neurons (LIF, IF, LI)"
            )
        name = flat.sources[name][0]
    unused = [other for other in names if other != name and names[other] != INPUT and not _targets(flat, other)]
    if unused or names[name] == INPUT:
        raise CannotExport(f"node {(unused or [name])[0]!r} leads to no output; remove it")
    return name


def _targets(flat: FlatGraph, name: str) -> list[str]:
    return [after for after, sources in flat.sources.items() if name in sources]


def _check_integrators(flat: FlatGraph, last: str) -> None:
    for name, node in flat.nodes.items():
        if isinstance(node, nir.LI) and name != last:
            raise CannotExport(f"node {name!r} is a leaky integrator inside the network; the chip's neurons send spikes only")


def _layer(
    node: str, name: str, neuron: nir.NIRNode, ways: list[Path], rules: Rules, steps: int, bits: int, rounded: list[str]
) -> Layer:
    if not ways:
        raise FileFormatError(f"node {node!r} has no source; connect or remove it")
    keep, threshold = _snapped(_uniform(node, "decay", rules.kept(neuron))), 0.0
    if not 0 <= keep <= 1:
        raise CannotExport(
            f"node {node!r}: a step of {rules.dt:g} s leaves {keep:g} of the membrane, the chip keeps 0 to 1; set --dt"
        )
    if not isinstance(neuron, nir.LI):
        threshold = _uniform(node, "threshold", neuron.v_threshold)
        _check_reset(node, neuron, rules)
    gain, drive = _uniform(node, "gain", rules.gain(neuron)), rules.drive(neuron)
    weights = [gain * (path.identity(node) if path.weight is None else path.weight) for path in ways]
    shape = ways[0].shape
    _check_shapes(node, neuron, [path.shape for path in ways])
    leak = np.asarray(drive).reshape(shape) if np.size(drive) == prod(shape) else np.asarray(drive)
    bias = sum((_per_neuron(gain * np.asarray(path.bias), shape) for path in ways), leak)
    scale = _factor(weights, bias, threshold, rules, keep, steps, bits)
    if scale.grain and (1 / scale.factor).as_integer_ratio()[1] > FINEST:
        unit = f"multiples of {1 / scale.factor:.6g}, which floats round"
        rounded.append(f"layer {name!r}: weights are {unit}; where a sum meets the threshold, spikes may differ")
    whole = [np.rint(weight * scale.factor) for weight in weights]
    for weight, integers in zip(weights, whole, strict=True):
        _note(rounded, name, "weights", weight * scale.factor, integers)
    mantissa, exponent = _mantissa(node, np.broadcast_to(bias * scale.factor * UNIT, shape), rounded, name)
    vth = lif.VTH_MAX if isinstance(neuron, nir.LI) else scale.vth(threshold, rules)
    if not 0 <= vth <= lif.VTH_MAX:
        raise CannotExport(
            f"node {node!r}: its threshold becomes {vth} weight units, allowed are 0..{lif.VTH_MAX}; lower --bits"
        )
    if not isinstance(neuron, nir.LI) and not scale.keeps(threshold, rules):
        rounded.append(f"layer {name!r}: spikes {rules.compare} {threshold * scale.factor:g} became > {vth}")
    dv = min(round((1 - keep) * lif.DECAY_UNITY), lif.DV_MAX)
    _note(rounded, name, "decay", np.array((1 - keep) * lif.DECAY_UNITY), np.array(dv))
    synapses = tuple(integer_synapse(path, weight) for path, weight in zip(ways, whole, strict=True))
    return Layer(name, synapses, Lif(shape, vth, dv, mantissa, exponent))


def _snapped(keep: float) -> float:
    """Return the decay that was meant where a float32 time constant missed one of the chip's by a rounding."""
    near = round(keep * lif.DECAY_UNITY) / lif.DECAY_UNITY
    return near if abs(keep - near) < 1e-6 else keep


def _check_shapes(node: str, neuron: nir.NIRNode, shapes: list[tuple[int, ...]]) -> None:
    sizes = {
        np.size(value) for key, value in neuron.to_dict().items() if key in ("tau", "r", "v_leak", "v_threshold", "v_reset")
    }
    if len(set(shapes)) > 1 or not sizes <= {1, prod(shapes[0])}:
        raise FileFormatError(
            f"node {node!r}: its {max(sizes)} neurons do not fit inputs of shape {' and '.join(map(str, shapes))}"
        )


def _check_reset(node: str, neuron: nir.NIRNode, rules: Rules) -> None:
    if rules.reset == "subtract":
        raise CannotExport(
            f"node {node!r}: its reset subtracts the threshold, the chip's LIF is set to 0; train it with a reset to zero"
        )
    if rules.reset_delay:
        raise CannotExport(
            f"node {node!r}: its reset comes {rules.reset_delay} step late, the chip's at once; train it without a delay"
        )
    if np.any(np.asarray(neuron.v_reset)):
        raise CannotExport(f"node {node!r}: it is reset to {np.ravel(neuron.v_reset)[0]:g}, the chip's LIF to 0")


def _uniform(node: str, what: str, values: Floats) -> float:
    found = np.unique(np.asarray(values, np.float64))
    if len(found) != 1 or not np.isfinite(found[0]):
        raise CannotExport(f"node {node!r}: its {what} is {found[0]:g} to {found[-1]:g}, a population on the chip has one")
    return float(found[0])


def _per_neuron(bias: Floats, shape: tuple[int, ...]) -> Floats:
    values = np.broadcast_to(bias, shape[:1]) if np.ndim(bias) < 2 else bias
    return values.reshape(-1, *[1] * (len(shape) - 1)) if values.ndim == 1 else values


def _factor(weights: list[Floats], bias: Floats, threshold: float, rules: Rules, keep: float, steps: int, bits: int) -> "Scale":
    """Return what a population's inputs, biases and threshold are multiplied with.

    Weights that are whole multiples of one number stay exact, and are grown by 2, 4 ... if the threshold needs it; for others
    it is the largest power of two that the bits allow.
    """
    largest, limit = max(float(np.abs(weight).max()) for weight in weights), 2 ** (bits - 1) - 1
    unit = 1.0 if largest == 0 else _common_unit(weights, bias, threshold, limit)
    if unit is None:
        return Scale(float(2.0 ** np.floor(np.log2(limit / largest))), 0.0)
    multiples = np.asarray(bias) / unit
    grain = keep ** (steps - 1) if keep in (0.25, 0.5, 1) and _whole(multiples) else 0.0
    scale = Scale(1 / unit, grain)
    while not scale.keeps(threshold, rules) and scale.factor * largest * 2 <= limit and scale.factor * unit < LARGEST_GROWTH:
        scale = Scale(scale.factor * 2, scale.grain * 2)
    return scale


@dataclass(frozen=True)
class Scale:
    """A factor, and what all membranes are whole multiples of after it (0 if that is not known)."""

    factor: float
    grain: float

    def value(self, threshold: float) -> float:
        """Return the threshold in weight units; what missed a whole number by a rounding of float64 is that number."""
        value = threshold * self.factor
        return round(value) if abs(value - round(value)) <= 1e-12 * max(1.0, abs(value)) else value

    def vth(self, threshold: float, rules: Rules) -> int:
        """Return the chip's threshold: spikes are strictly above it."""
        value = self.value(threshold)
        return int(np.floor(value)) if rules.compare == ">" else int(np.ceil(value)) - 1

    def keeps(self, threshold: float, rules: Rules) -> bool:
        """Tell whether no membrane lies between the threshold and the chip's, so that every spike is the same."""
        above = self.value(threshold) - self.vth(threshold, rules)
        return above == 0 or (above < self.grain if rules.compare == ">" else above <= self.grain)


def _common_unit(weights: list[Floats], bias: Floats, threshold: float, limit: int) -> float | None:
    """Return the largest number that all weights are whole multiples of, at most `limit` times; or None.

    1 for whole weights; else one that biases and threshold are multiples of too, if there is one.
    """
    values = np.unique(np.abs(np.concatenate([weight.ravel() for weight in weights])))
    values = values[values > 0]
    able = [unit for unit in (1.0, *(values[0] / divisor for divisor in range(1, 17))) if values[-1] / unit <= limit + 0.5]
    able = [unit for unit in able if _whole(values / unit) and values[-1] / unit > 0.5]
    also = np.append(np.ravel(bias), threshold)
    best = next((unit for unit in able if _whole(also / unit)), able[0] if able else None)
    return best if best is None or best == 1.0 else float(values[-1] / np.rint(values[-1] / best))


def _whole(values: Floats) -> bool:
    return bool((np.abs(values - np.rint(values)) <= EXACT * np.maximum(np.abs(values), EXACT)).all())


def _mantissa(node: str, bias: Floats, rounded: list[str], name: str) -> tuple[Floats, int]:
    """Return mantissa and exponent of biases in membrane units: whole weight units where that is exact."""
    limit = lif.BIAS_MANTISSA_MAX
    exact = _whole(bias)
    for exponent in (lif.UNIT_SHIFT, *range(lif.BIAS_EXPONENT_MAX + 1)):
        mantissa = np.rint(bias / 2**exponent)
        fits = np.abs(mantissa).max() <= limit
        if fits and (exponent != lif.UNIT_SHIFT or (exact and np.array_equal(mantissa * 2**exponent, np.rint(bias)))):
            _note(rounded, name, "biases", bias, mantissa * 2**exponent)
            return mantissa, exponent
    raise CannotExport(
        f"node {node!r}: a bias becomes {np.abs(bias).max() / UNIT:g} weight units, the chip holds {limit * 2}; lower --bits"
    )


def _note(rounded: list[str], name: str, what: str, before: Floats, after: Iterable[float] | Floats) -> None:
    distance = float(np.abs(before - np.asarray(after)).max())
    if (np.abs(before - np.asarray(after)) > EXACT * np.maximum(np.abs(before), EXACT)).any():
        rounded.append(f"layer {name!r}: {what} were rounded by up to {distance:.3g} steps of the integer")
