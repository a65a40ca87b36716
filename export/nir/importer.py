"""Turns NIR graphs of others into networks for the chip: integer-valued weights exactly, float weights by rounding.

Between two populations a NIR graph has a chain of linear nodes; they are folded into one synapse (paths.py). Each population
becomes a layer in real numbers (folding.py) and gets one scale (scale.py): its inputs, biases and threshold are multiplied
by it, so that they become integers without any spike changing, where that is possible.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import nir
import numpy as np

from snnc.export.nir.constants import Floats, common_unit
from snnc.export.nir.crops import Crop, cropped, crops_of
from snnc.export.nir.flat import FlatGraph, flat_graph
from snnc.export.nir.folding import RealLayer, folded
from snnc.export.nir.neurons import INTEGRATING, NEURONS
from snnc.export.nir.paths import Chain, Path, chains_to, path_along
from snnc.export.nir.recognized import recognized
from snnc.export.nir.rules import Rules
from snnc.export.nir.scale import UNIT, Limits, Scale, best_scale, shift_of
from snnc.export.nir.terminals import input_of, output_of
from snnc.toolchain.errors import CannotExport, ConfigError
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import Range, layer_bounds
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.validation import check_neurons

FINEST = 2**20  # parts of one in which floats still add up without rounding
NOTED = 1e-6  # relative distance from which on a number counts as rounded


@dataclass(frozen=True)
class Imported:
    """The network, the node that each of its layers came from, and what had to be recognized or rounded, one line each.

    `real` holds the layers in real numbers and `factors` what each was multiplied with.
    """

    network: Network
    nodes: dict[str, str]
    rounded: list[str]
    one_dimensional: bool = False  # the graph's input is (channels, length), the network's (channels, 1, length)
    recognized: list[str] = field(default_factory=list)
    real: dict[str, RealLayer] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)


def import_nir(
    graph: nir.NIRGraph,
    timesteps: int,
    rules: Rules,
    *,
    pixels: tuple[int, ...] = (0, 1),
    bits: int = 8,
    exponents: tuple[int, ...] = Limits(0).exponents,
) -> Imported:
    """Return the network of a feed-forward graph; `pixels` are least and largest input (and zero point).

    Weights get at most `bits` bits, biases one of the exponents. Raises CannotExport, naming node and reason, for what the
    chip's neurons cannot do, FileFormatError for damaged graphs, ConfigError for a number of bits that no weight has.
    """
    if not 2 <= bits <= 8:
        raise ConfigError(f"--bits {bits} is not possible; a weight on the chip has 2 to 8 bits")
    flat = flat_graph(graph)
    entry, shape, one_dimensional = input_of(flat)
    check_neurons([shape])
    names = {entry: INPUT} | {name: name.replace("/", "_") for name, node in flat.nodes.items() if isinstance(node, NEURONS)}
    ways, shapes = _ways(flat, names, {entry: shape}, rules, one_dimensional=one_dimensional)
    if not ways:
        raise CannotExport("the graph has no spiking neurons (LIF, IF, CubaLIF); there is nothing for the chip to run")
    last = output_of(flat, names)
    crops = crops_of({names[name]: paths for name, paths in ways.items()})
    source_input = Input(shape, *pixels)
    sizes = {names[name]: (each[0], *crops.get(names[name], each[1:])) for name, each in shapes.items()}
    maker = _Maker(rules, timesteps, Limits(2 ** (bits - 1) - 1, exponents), source_input, crops, sizes, silent=names[last])
    order = [*(name for name in ways if name != last), last]  # the read-out is the last layer
    layers = tuple(maker.layer(name, names[name], flat.nodes[name], ways[name]) for name in order)
    readout = "membrane" if isinstance(flat.nodes[last], INTEGRATING) else "spikes"
    network = Network("imported from NIR", timesteps, source_input, layers, readout)  # type: ignore[arg-type]
    nodes = {layer: node for node, layer in names.items() if layer != INPUT}
    return Imported(network, nodes, maker.rounded, one_dimensional, maker.recognized, maker.real, maker.factors)


def _ways(
    flat: FlatGraph, names: dict[str, str], shapes: dict[str, tuple[int, ...]], rules: Rules, *, one_dimensional: bool
) -> tuple[dict[str, list[Path]], dict[str, tuple[int, ...]]]:
    """Return all ways into each population, those of loops last, and the shape of each population."""
    ways, around = dict[str, list[Path]](), list[tuple[Chain, str]]()
    for name in (name for name in flat.nodes if names.get(name, INPUT) != INPUT):
        chains = chains_to(flat, name, names)
        around += [(chain, name) for chain in chains if chain.loops]
        forward = [chain for chain in chains if not chain.loops]
        ways[name] = [path_along(flat, each, shapes, names, rules, one_dimensional=one_dimensional) for each in forward]
        check_neurons([*shapes.values(), *(way.shape for way in ways[name][:1])])
        shapes[name] = ways[name][0].shape if ways[name] else (1,)
    for chain, name in around:
        ways[name].append(path_along(flat, chain, shapes, names, rules, one_dimensional=one_dimensional))
    return ways, shapes


class _Maker:
    """Makes one layer after the other, and keeps what was recognized and rounded."""

    def __init__(
        self,
        rules: Rules,
        timesteps: int,
        limits: Limits,
        pixels: Input,
        crops: dict[str, Crop],
        shapes: dict[str, tuple[int, ...]],
        *,
        silent: str,
    ) -> None:
        self.rules, self.timesteps, self.limits, self.crops, self.silent = rules, timesteps, limits, crops, silent
        self.shapes = shapes
        self.ranges: dict[str, Range] = {**dict.fromkeys(shapes, (0, 1)), INPUT: (pixels.minimum, pixels.maximum)}
        self.rounded, self.recognized = list[str](), list[str]()
        self.real, self.factors = dict[str, RealLayer](), dict[str, float]()

    def layer(self, node: str, name: str, neuron: nir.NIRNode, ways: list[Path]) -> Layer:
        """Return the layer of a population."""
        if isinstance(neuron, INTEGRATING) and name != self.silent:
            raise CannotExport(f"node {node!r} is a leaky integrator inside the network; the chip's neurons send spikes only")
        real = cropped(folded(node, neuron, ways, self.rules, self.timesteps), self.crops.get(name), name)
        scale = best_scale(real, self.rules, self.timesteps, self.limits, lambda s: self._excess(name, real, s))
        made = self._integers(name, real, scale)
        self._note(name, real, scale, made)
        if line := recognized(name, neuron, real, self.rules):
            self.recognized.append(line)
        self.real[name], self.factors[name] = real, scale.factor
        return made

    def _integers(self, name: str, real: RealLayer, scale: Scale) -> Layer:
        weights = [np.rint(weight * scale.factor) for weight in real.weights]
        mantissa, exponent = _mantissa(np.broadcast_to(real.bias * scale.factor * UNIT, real.shape), self.limits)
        vth = lif.VTH_MAX if real.threshold is None else scale.vth(real.threshold, self.rules)
        if vth < 0:
            raise CannotExport(
                f"node {real.node!r}: its threshold of {real.threshold:g} lies below 0, where the chip has none; "
                "it would spike without input"
            )
        dv = min(round((1 - real.keep) * lif.DECAY_UNITY), lif.DV_MAX)
        du = min(max(round((1 - real.alpha) * lif.DECAY_UNITY) - 1, 0), lif.DU_MAX)
        synapses = tuple(path.synapse(weight) for path, weight in zip(real.ways, weights, strict=True))
        return Layer(name, synapses, Lif(real.shape, vth, dv, mantissa, exponent, du))

    def _excess(self, name: str, real: RealLayer, scale: Scale) -> float:
        """Return how many times the worst sums go beyond what the chip's registers hold."""
        made = self._integers(name, real, scale)
        bounds = layer_bounds(made, self.ranges, self.timesteps, self.shapes)
        limits = [(bounds.u, lif.STATE_LIMIT - 1), (bounds.v, lif.MEMBRANE_MAX)]
        worst = max(float(max(-low.min(), high.max())) / limit for (low, high), limit in limits)
        if real.threshold is None:
            worst = max(worst, float(bounds.v[1].max()) / (made.neuron.vth << lif.UNIT_SHIFT))
        return float(worst)

    def _note(self, name: str, real: RealLayer, scale: Scale, made: Layer) -> None:
        """Say what was rounded."""
        neuron, factor = made.neuron, scale.factor
        if scale.whole and (1 / factor).as_integer_ratio()[1] > FINEST and _irrational(real, factor):
            unit = f"multiples of {1 / factor:.6g}, which floats round"
            self.rounded.append(f"layer {name!r}: weights are {unit}; where a sum meets the threshold, spikes may differ")
        for weight, synapse in zip(real.weights, made.synapses, strict=True):
            self._rounding(name, "weights", weight * factor, synapse.weight)
        self._rounding(name, "biases", np.broadcast_to(real.bias * factor * UNIT, real.shape) / UNIT, neuron.bias / UNIT)
        if real.alpha and real.through.any():
            self.rounded.append(f"layer {name!r}: its bias goes through the current; the chip adds its mean over the steps")
        if real.threshold is not None and not scale.keeps(real.threshold, self.rules):
            value = real.threshold * factor
            if scale.whole or abs(value - neuron.vth) > NOTED * max(1.0, abs(value)):
                self.rounded.append(f"layer {name!r}: spikes {self.rules.compare} {value:g} became > {neuron.vth}")
        for what, share, parts in (("decay", real.keep, neuron.dv), ("decay of the current", real.alpha, neuron.du + 1)):
            self._rounding(name, what, np.array((1 - share) * lif.DECAY_UNITY), np.array(parts))
        if (drift := _drift(real, made, self.timesteps)) is not None:
            self.rounded.append(f"layer {name!r}: {drift}")

    def _rounding(self, name: str, what: str, before: Floats, after: Iterable[float] | Floats) -> None:
        distance = np.abs(before - np.asarray(after))
        if (distance > NOTED * np.maximum(np.abs(before), NOTED)).any():
            self.rounded.append(f"layer {name!r}: {what} were rounded by up to {distance.max():.3g} steps of the integer")


def _irrational(real: RealLayer, factor: float) -> bool:
    """Tell whether weights are multiples of a number that no sum of floats hits exactly, and may meet the threshold."""
    values = np.concatenate([np.abs(weight).ravel() for weight in real.weights])
    return common_unit(values) is None


def _drift(real: RealLayer, made: Layer, timesteps: int) -> str | None:
    """Return how far membranes can drift because the chip rounds its leak toward zero, or None if it never does."""
    parts = int(np.bitwise_or.reduce(made.neuron.bias, axis=None))
    for synapse in made.synapses:
        parts |= int(np.bitwise_or.reduce(synapse.weight.astype(np.int64), axis=None)) << lif.UNIT_SHIFT
    free = (parts & -parts).bit_length() - 1 if parts else UNIT
    if all(shift_of(share) * (timesteps - 1) <= free for share in (real.keep, real.alpha)):
        return None
    reach = sum(real.keep**t for t in range(timesteps)) / UNIT
    return f"the chip rounds its leak toward zero, so that membranes drift by up to {reach:.3g} weight units"


def _mantissa(bias: Floats, limits: Limits) -> tuple[Floats, int]:
    """Return mantissa and exponent of biases in membrane units: whole weight units where that is exact."""
    whole = np.rint(bias)
    for exponent in sorted(limits.exponents, key=lambda e: (e != lif.UNIT_SHIFT, e)):
        mantissa = np.rint(bias / 2**exponent)
        fits = np.abs(mantissa).max() <= lif.BIAS_MANTISSA_MAX
        exact = (
            np.array_equal(mantissa * 2**exponent, whole)
            and (np.abs(bias - whole) <= NOTED * np.maximum(np.abs(bias), 1)).all()
        )
        if fits and (exact or exponent != lif.UNIT_SHIFT or len(limits.exponents) == 1):
            return mantissa, exponent
    most = max(limits.exponents)
    return np.clip(np.rint(bias / 2**most), -lif.BIAS_MANTISSA_MAX, lif.BIAS_MANTISSA_MAX), most
