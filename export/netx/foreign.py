"""Reads the `.net` files that lava-dl (slayer) wrote, as lava-dl 0.6.0's netx understands them, and refuses what it cannot say.

The layer of entry `layer/3` is called `l3`. What netx ignores (refDelay, wgtExp, kernelSize ...) is ignored here too.
"""

from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snnc.export.hdf5.tree import Group
from snnc.export.netx.entries import dense_delays, integers, kernel, kind_of, of_neurons, one_integer, pair, shape_of
from snnc.export.target import Stated
from snnc.toolchain.errors import FileFormatError, NetworkError, located
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import layer_bounds
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import Shape, check_neurons

MOST_CHANNELS = 2**13  # of input neurons, whose identity synapses are a matrix over channels
NEURONS = ("LOIHI", "CUBA")  # two names of one neuron
DENSE_MIN, DENSE_MAX = -256, 254  # what a dense synapse of 8 bits and a sign holds; netx clips what is beyond
SUM = Lif((1,), vth=lif.VTH_MAX, dv=0)  # of an entry without neurons: the running sum of its input, which never spikes
BIASED_SUM = Lif((1,), vth=lif.VTH_MAX, dv=lif.DECAY_UNITY, du=-1)  # the same beside a bias, which is not summed


def foreign_network(file: Group, name: str, stated: Stated) -> Network:
    """Return the network of a file. Raises FileFormatError, naming the entry, for what no Network or no netx can do."""
    group = file.group("layer")
    count = len(group.members) if stated.entries is None else min(stated.entries, len(group.members))
    reader = _Reader(stated)
    for index in range(count):
        with located(f"layer/{index}"):
            reader.read(index, group.group(str(index)))
    return reader.network(name)


class _Reader:
    """The layers read so far, and what the next one is fed by."""

    def __init__(self, stated: Stated) -> None:
        self.stated, self.layers = stated, list[Layer]()
        self.source, self.shape = INPUT, Shape()  # an empty shape: not known yet
        self.input_shape, self.range = Shape(), (0, 1)
        self.flattened = False

    def read(self, index: int, entry: Group) -> None:
        kind = kind_of(entry)
        if kind == "input":
            self._input(f"l{index}", entry)
        elif kind == "flatten":
            self.flattened = True
        elif kind == "conv":
            self._add(f"l{index}", *self._conv(entry))
        elif kind in ("dense", "dense_rec"):
            self._add(f"l{index}", *self._dense(f"l{index}", entry, recurrent=kind == "dense_rec"))
        else:
            raise FileFormatError(
                f"type {kind!r} cannot be run: netx refuses it or leaves it out without a word; "
                "allowed are input, conv, dense, dense_rec, flatten (--entries reads only the first ones)"
            )

    def network(self, name: str) -> Network:
        if not self.layers:
            raise FileFormatError("no layers with neurons; it is no file of lava-dl, or damaged")
        low, high = self.stated.input_range or self.range
        pixels = Input(self.input_shape, low, high)
        made = Network(name, self.stated.timesteps, pixels, tuple(self.layers), "spikes")
        return Network(name, made.timesteps, pixels, made.layers, _readout(made))

    def _input(self, name: str, entry: Group) -> None:
        if self.layers or self.input_shape:
            raise FileFormatError("an input entry must be the first; the file is damaged")
        self.shape = self.input_shape = shape_of(entry)
        if "neuron" not in entry.members:
            return
        # Its neurons are driven through their bias, which their current does not see: as synapses without current memory do.
        neuron = _neuron(entry, self.shape, drive=True)
        scale = one_integer(entry, "weight") if "weight" in entry.members else 64
        offset = one_integer(entry, "bias") if "bias" in entry.members else 0
        self.range = (offset - abs(scale), offset + abs(scale))  # round(scale * x + offset) for x in -1..1
        self._add(name, self.shape, [_identity(self.shape)], neuron)

    def _add(self, name: str, shape: Shape, synapses: list[Synapse], neuron: Lif) -> None:
        check_neurons([shape, *(layer.output_shape for layer in self.layers)])  # in all, before biases are made
        self.layers.append(Layer(name, tuple(synapses), neuron))
        self.source, self.shape, self.flattened = name, shape, False

    def _conv(self, entry: Group) -> tuple[Shape, list[Synapse], Lif]:
        shape = shape_of(entry)
        if len(self.shape) != 3 or len(shape) != 3:
            raise FileFormatError(
                f"a convolution from {self.shape or 'an unknown shape'} to {shape}; both must be (channels, height, width): "
                "export the network with its input layer"
            )
        neuron = _neuron(entry, shape)
        synapse = Conv(self.source, kernel(entry, self.shape[0]), pair(entry, "stride", 1), pair(entry, "padding", 0))
        if "delay" in entry.members and integers(entry, "delay").any():
            raise FileFormatError("a delay of a convolution, which netx ignores; use dense layers for delays")
        if synapse.output_shape(self.shape) != shape:
            raise FileFormatError(
                f"shape {shape}, but its weights give {synapse.output_shape(self.shape)}; the file is damaged"
            )
        return shape, [synapse], neuron

    def _dense(self, name: str, entry: Group, *, recurrent: bool) -> tuple[Shape, list[Synapse], Lif]:
        shape = (prod(shape_of(entry)),)
        neuron = _neuron(entry, shape) if "neuron" in entry.members else _running_sum(entry, shape)
        weight = _matrix(entry, "weight", shape[0])
        self._check_source(weight)
        parts = [(self.source, weight)]
        if recurrent:
            if "delay" in entry.members:
                raise FileFormatError("a delay of a dense_rec entry, for which netx takes other weights; leave the delay out")
            parts.append((name, _matrix(entry, "weight_rec", shape[0])))
        _check_weights(np.concatenate([part.ravel() for _, part in parts]))
        delays = dense_delays(entry, weight.shape)
        first: list[Synapse] = [
            Dense(self.source, np.where(delays == delay, weight, 0), int(delay))
            for delay in np.unique(delays)
            if weight[delays == delay].any() or (delays == delay).all()
        ] or [Dense(self.source, weight)]
        back = [Dense(source, part, delay=1) for source, part in parts[1:]]
        return shape, [*first, *back], neuron

    def _check_source(self, weight: NDArray[np.int64]) -> None:
        if not self.shape:
            self.shape = self.input_shape = (weight.shape[1],)
        if prod(self.shape) != weight.shape[1]:
            raise FileFormatError(f"weight {weight.shape} from a population of {self.shape}; the file is damaged")
        if not self.flattened and sum(size > 1 for size in self.shape) > 1:
            raise FileFormatError(f"dense synapses from a population of {self.shape}; netx needs a flatten entry between")


def _identity(shape: Shape) -> Synapse:
    if shape[0] > MOST_CHANNELS:
        raise FileFormatError(
            f"{shape[0]:,} channels of input neurons are too many; allowed are {MOST_CHANNELS:,}: use an image"
        )
    ones = np.eye(shape[0], dtype=np.int8)
    return Conv(INPUT, ones[:, :, None, None]) if len(shape) == 3 else Dense(INPUT, ones)


def _matrix(entry: Group, key: str, out: int) -> NDArray[np.int64]:
    """Return the weight of a dense entry as a matrix; one of a single axis holds its rows one after the other."""
    weight = integers(entry, key, truncated=True)
    if weight.ndim not in (1, 2) or weight.size % out or (weight.ndim == 2 and len(weight) != out):
        raise FileFormatError(f"{key} of shape {weight.shape} for {out} neurons; the file is damaged")
    return weight.reshape(out, -1)


def _check_weights(weight: NDArray[np.int64]) -> None:
    low, high = int(weight.min()), int(weight.max())
    if low < DENSE_MIN or high > (DENSE_MAX if low < 0 else DENSE_MAX + 1):
        raise FileFormatError(
            f"dense weights {low}..{high} are outside {DENSE_MIN}..{DENSE_MAX}, so netx clips them; train with a smaller scale"
        )


def _neuron(entry: Group, shape: Shape, *, drive: bool = False) -> Lif:
    """Return the neurons of an entry; those with a `drive` get their input through their bias, so they have no other."""
    neuron = entry.group("neuron")
    kind = kind_of(neuron)
    if kind not in NEURONS:
        raise FileFormatError(f"neurons of type {kind!r} are no LIF neurons; allowed are {' and '.join(NEURONS)}")
    du, dv, vth = (of_neurons(integers(neuron, key), key, shape) for key in ("iDecay", "vDecay", "vThMant"))
    if (vth != vth.flat[0]).any():
        raise FileFormatError(f"thresholds {vth.min()}..{vth.max()} within one layer; a network has one for each layer")
    try:
        made = Lif(shape, int(vth.flat[0]), dv, 0, du=lif.DU_MAX if drive else du - 1)
    except NetworkError as error:
        raise FileFormatError(f"{error} (du is iDecay - 1, dv is vDecay)") from None
    return made if drive else _of_shape(made, entry, shape)


def _running_sum(entry: Group, shape: Shape) -> Lif:
    has_bias = "bias" in entry.members and bool(integers(entry, "bias", truncated=True).any())
    return _of_shape(BIASED_SUM if has_bias else SUM, entry, shape)


def _of_shape(neuron: Lif, entry: Group, shape: Shape) -> Lif:
    """Return neurons with the bias of an entry: whole weight units, for all, for each channel or for each neuron."""
    bias = of_neurons(integers(entry, "bias", truncated=True), "bias", shape) if "bias" in entry.members else 0
    return Lif(shape, neuron.vth, neuron.dv, bias, lif.UNIT_SHIFT, neuron.du)


def _readout(network: Network) -> Literal["membrane", "spikes"]:
    """Return how outputs are read: by the membranes where the last layer never spikes, else by its spikes."""
    last = network.layers[-1]
    if last.neuron.vth < lif.VTH_MAX or any(synapse.source == last.name for synapse in last.synapses):
        return "spikes"
    reached = layer_bounds(last, network.ranges, network.timesteps, network.shapes).v[1].max()
    return "membrane" if reached <= last.neuron.vth << lif.UNIT_SHIFT else "spikes"
