"""The integer network that a chip runs: frozen, validated when made, arrays copied and read-only, no floats.

Data flows dataset -> model -> train -> checkpoint -> lower -> Network -> {exporters, simulators}. All that comes after
training works on this description alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnc.toolchain.errors import NetworkError, unstorable
from snnc.toolchain.network import lif, plain
from snnc.toolchain.network.order import check_layers
from snnc.toolchain.network.plain import omitted_if
from snnc.toolchain.network.readout import READOUTS, ReadOutKind, ReadOutRule
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.text import html, table
from snnc.toolchain.network.validation import (
    Int64s,
    Shape,
    bounded_integer,
    broadcast,
    check_neurons,
    checked_integers,
    frozen_array,
    frozen_field,
    positive_shape,
    shared_or_each,
)

INPUT = "input"  # the name by which synapses refer to the network's input
INPUT_LIMIT = 2**23  # no sum of so many as fit memory leaves 64 bits
LOGIT_UNITS_MAX = 2**53
EXACT_SUM = 2**53  # up to which 64-bit floats hold every integer


@dataclass(frozen=True)
class Input:
    """What the chip is fed at every step: integers `minimum..maximum` of one shape `(C, H, W)` or `(features,)`.

    Images hold `pixel - zero_point`; events hold 0 and 1 with zero point 0.
    """

    shape: Shape
    minimum: int
    maximum: int
    zero_point: int = 0

    def __post_init__(self) -> None:
        """Raise NetworkError unless the shape is positive and the range is one within +-2**23."""
        frozen_field(self, "shape", positive_shape(self.shape, "input"))
        for name in ("minimum", "maximum", "zero_point"):
            frozen_field(self, name, bounded_integer(getattr(self, name), f"input {name}", INPUT_LIMIT, -INPUT_LIMIT))
        if self.minimum > self.maximum:
            raise NetworkError(f"input: minimum {self.minimum} is above maximum {self.maximum}; swap them")

    @property
    def binary(self) -> bool:
        """True for events, which are 0 or 1."""
        return self.minimum >= 0 and self.maximum <= 1


@dataclass(frozen=True, eq=False, init=False)
class Lif:
    """One population of Loihi LIF neurons: a shared threshold, one bias for each neuron, decays for all or for each.

    `vth` is 0..2**23 weight units, `du` is -1..4095 and `dv` 0..4096 (chips hold 0..4095), the bias of a neuron is
    mantissa << exponent in 1/64 weight units, at most 24 bits in all. Mantissas and decays that broadcast to `shape` are
    enough; a decay that all neurons share is kept as an int, others as an array of one for each neuron. Matches Lava's LIF
    and LIFReset. What one chip holds of these ranges is a matter of chips.py.
    """

    shape: Shape
    vth: int
    dv: int | NDArray[np.int32]
    bias_mantissa: NDArray[np.int32]
    bias_exponent: int
    du: int | NDArray[np.int32]

    def __init__(
        self,
        shape: Sequence[int],
        vth: int,
        dv: ArrayLike,
        bias_mantissa: ArrayLike = 0,
        bias_exponent: int = lif.UNIT_SHIFT,
        du: ArrayLike = lif.DU_MAX,
    ) -> None:
        """Raise NetworkError for a parameter outside what the arithmetic computes: 24-bit states, 12-bit decays."""
        frozen_field(self, "shape", positive_shape(shape, "population"))
        check_neurons([self.shape])
        for name, value, limit in (("vth", vth, lif.STATE_LIMIT), ("bias_exponent", bias_exponent, lif.STATE_BITS - 1)):
            frozen_field(self, name, bounded_integer(value, name, limit))
        for name, decay, least in (("dv", dv, 0), ("du", du, -1)):
            frozen_field(self, name, shared_or_each(decay, name, least, least + lif.DECAY_UNITY, self.shape))
        most = lif.MEMBRANE_MAX >> self.bias_exponent
        mantissa = checked_integers(
            bias_mantissa, "bias mantissa", -most, most, "a bias has 24 bits at most, exponent included: rescale the layer"
        )
        mantissas = broadcast(mantissa, "bias mantissa", self.shape)
        frozen_field(self, "bias_mantissa", frozen_array(mantissas, np.int32))

    @property
    def beta(self) -> float | NDArray[np.float64]:
        """The share of the membrane kept per step, (4096 - dv) / 4096; one for each neuron where dv is."""
        return (lif.DECAY_UNITY - self.dv) / lif.DECAY_UNITY

    @property
    def has_current_memory(self) -> bool:
        """True if any neuron keeps some of its current from one step to the next (du below 4095)."""
        return bool(np.any(np.asarray(self.du) < lif.DU_MAX))

    @property
    def bias(self) -> Int64s:
        """The bias of every neuron in membrane units (1/64 weight unit)."""
        return self.bias_mantissa.astype(np.int64) << self.bias_exponent

    @property
    def finest_input(self) -> int:
        """The largest power of two, in membrane units, of which a weight unit and every bias are multiples: 1..64."""
        parts: int = int(np.bitwise_or.reduce(self.bias, axis=None)) | 2**lif.UNIT_SHIFT
        return parts & -parts


@dataclass(frozen=True, eq=False)
class Layer:
    """One population and the synapses that feed it; their inputs are summed."""

    name: str
    synapses: tuple[Synapse, ...]
    neuron: Lif

    def __post_init__(self) -> None:
        """Raise NetworkError for a name that files cannot hold, or for a layer without synapses."""
        frozen_field(self, "synapses", tuple(self.synapses))
        if not self.name or self.name == INPUT or any(c in self.name for c in "/\n") or self.name.startswith("."):
            raise NetworkError(f"layer name {self.name!r} is not allowed; use letters, digits, '_' and '-', and not {INPUT!r}")
        if not self.synapses:
            raise NetworkError(f"layer {self.name!r} has no synapses; give it at least one")

    @property
    def output_shape(self) -> Shape:
        """The shape of the population, without time and batch."""
        return self.neuron.shape

    @property
    def neurons(self) -> int:
        """The number of neurons."""
        return prod(self.output_shape)


@dataclass(frozen=True, eq=False)
class Network:
    """An integer network over `timesteps` steps.

    Within a step spikes pass all layers in their order. A synapse whose source is its own layer or a later one is recurrent:
    it needs a delay of at least one step.

    `readout` is "membrane" (each output's membrane summed over the steps; the last layer must never spike, see
    bounds.prove), "spikes" (counts) or "first-spike" (who spikes first, see readout.py). `labels` names the outputs, `data` the
    dataset that it was trained on ("" if unknown).
    `logit_units` is how many of the read-out's units one logit has, for probabilities (0: unknown); of a committee of several
    `members` side by side, the outputs are those of one member after the other, and `labels` names those of one.
    Two networks are equal if every number and name in them is.
    """

    name: str
    timesteps: int
    input: Input
    layers: tuple[Layer, ...]
    readout: ReadOutKind = "membrane"
    labels: tuple[str, ...] = ()
    data: str = ""
    logit_units: int = omitted_if(0)
    members: int = omitted_if(1)

    def __post_init__(self) -> None:
        """Raise NetworkError where layers do not fit together."""
        frozen_field(self, "layers", tuple(self.layers))
        frozen_field(self, "labels", tuple(str(label) for label in self.labels))
        if odd := unstorable([self.name, self.data, *self.labels, *(layer.name for layer in self.layers)]):
            raise NetworkError(f"no file can hold the name {odd!r}; rename what it names")
        frozen_field(self, "timesteps", bounded_integer(self.timesteps, "timesteps", 2**15, least=1))
        if self.readout not in READOUTS:
            raise NetworkError(f"readout {self.readout!r} is unknown; allowed are {', '.join(READOUTS)}")
        if reason := self.rule.excess(self.timesteps):
            raise NetworkError(reason)
        if not self.layers:
            raise NetworkError("the network has no layers; give it at least one")
        check_layers(self.layers, self.shapes)
        _check_sums(self)
        outputs = self.layers[-1].neurons
        frozen_field(self, "logit_units", bounded_integer(self.logit_units, "logit_units", LOGIT_UNITS_MAX))
        frozen_field(self, "members", bounded_integer(self.members, "members", outputs, least=1))
        if outputs % self.members:
            raise NetworkError(f"{outputs} outputs are not those of {self.members} members; give each member as many")
        if self.labels and len(self.labels) != self.classes:
            raise NetworkError(f"got {len(self.labels)} labels for {self.classes} outputs; name each output once")

    def __eq__(self, other: object) -> bool:
        """Compare every number and name."""
        return isinstance(other, Network) and self.digest() == other.digest()

    def __hash__(self) -> int:
        """Hash the digest, so that equal networks are one key."""
        return hash(self.digest())

    def __str__(self) -> str:
        """Return a table of the layers for people."""
        return table(self)

    def _repr_html_(self) -> str:
        """Return the same table for notebooks."""
        return html(self)

    def digest(self) -> str:
        """Return a SHA-256 over every number and name of the network, as hexadecimal digits."""
        return plain.digest(self)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every source by name, without time and batch; the input's is the first."""
        return {INPUT: self.input.shape} | {layer.name: layer.output_shape for layer in self.layers}

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """The least and the largest value that every source can send: the input's range, and 0 and 1 for spikes."""
        return {INPUT: (self.input.minimum, self.input.maximum)} | dict.fromkeys((layer.name for layer in self.layers), (0, 1))

    def is_readout(self, layer: Layer) -> bool:
        """Tell whether a layer is a membrane read-out: the last one, whose neurons must never spike."""
        return not self.rule.spiking and layer is self.layers[-1]

    @property
    def rule(self) -> ReadOutRule:
        """How the last layer says the class."""
        return READOUTS[self.readout]

    def over(self, timesteps: int) -> "Network":
        """Return the same network over another number of steps; spikes at all steps make as many logits as before.

        Raises NetworkError for a number that the network or its read-out cannot have.
        """
        changed = replace(self, timesteps=timesteps)
        now, before = (sum(weights) / len(weights) for weights in map(self.rule.weights, (timesteps, self.timesteps)))
        return replace(changed, logit_units=max(round(self.logit_units * now / before), min(self.logit_units, 1)))  # 0: unknown

    @property
    def classes(self) -> int:
        """The number of outputs, of one member of a committee."""
        return self.layers[-1].neurons // self.members

    @property
    def macs(self) -> int:
        """Multiply-accumulates that a dense simulator does for one sample, all steps together."""
        shapes = self.shapes
        return self.timesteps * sum(s.macs(shapes[s.source]) for layer in self.layers for s in layer.synapses)

    @property
    def truncation_free(self) -> bool:
        """True if no rounding of a membrane is ever felt, so that real-number LIF neurons give the same spikes.

        Holds without current memory if k * (timesteps - 1) <= n: a step keeps an odd number of 2**-k of a membrane, which moves
        its last bit by k, and inputs and biases leave n bits free; 6 for whole weight units, of which biases may have parts.
        """
        return all(_truncation_free(layer.neuron, self.timesteps) for layer in self.layers)


def _check_sums(network: Network) -> None:
    """Raise NetworkError unless every sum of weights and inputs is exact in 64-bit floats, which simulators compute with."""
    for layer in network.layers:
        reach = 0
        for synapse in layer.synapses:
            fan_in = synapse.weight.size // len(synapse.weight)
            largest = max(int(synapse.weight.max()), -int(synapse.weight.min()))
            reach += fan_in * largest * max(map(abs, network.ranges[synapse.source]))
        if reach >= EXACT_SUM:
            raise NetworkError(
                f"layer {layer.name!r}: its sums can reach {reach}, allowed is below 2**53; use smaller weights or inputs"
            )


def _truncation_free(neuron: Lif, timesteps: int) -> bool:
    kept = (lif.DECAY_UNITY - int(dv) for dv in np.unique(neuron.dv))
    shift = max((_trailing_zeros(lif.DECAY_UNITY) - _trailing_zeros(share) for share in kept if share), default=0)
    return not neuron.has_current_memory and shift * (timesteps - 1) <= _trailing_zeros(neuron.finest_input)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
