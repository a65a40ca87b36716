"""Loihi 2 / Lava: reads and writes `.net`, the HDF5 format of lava.lib.dl.netx, matched to lava-dl 0.6.0.

What netx cannot say (time steps, names, input range, labels, a checksum) lies in a group `snnc`, which netx ignores.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snnc.export.hdf5.tree import Group, Values, own_tree, read_tree
from snnc.export.limits import file_bytes, reading
from snnc.export.netx.foreign import foreign_network
from snnc.export.netx.violations import BIAS_EXPONENT, check
from snnc.export.target import NoOptions, Stated
from snnc.toolchain.errors import FileFormatError, UnstatedTimesteps
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import check_neurons
from snnc.toolchain.network.violation import refuse
from snnc.toolchain.seal import Seal, seal_of, sealed

VERSION = 3


def netx_bytes(network: Network) -> bytes:
    """Return the content of the `.net` file of any network. Raises CannotExport for what netx cannot hold."""
    folded = fold_parallel(network)
    refuse(list(check(folded)), "cannot be a .net file")
    return content(folded)


def content(network: Network, options: NoOptions = NoOptions()) -> bytes:  # noqa: B008 - frozen
    """Return the content of the `.net` file of a network without violations."""
    written = BytesIO()
    with h5py.File(written, "w") as file:
        _write_layers(file.create_group("layer"), network)
        _write_extras(file.create_group("snnc"), network)
    return sealed(written.getvalue())


def read_netx(path: str | Path) -> Network:
    """Read a `.net` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place.

    Who changes a file can seal it again, and netx reads fields that a Network does not have (dilation, groups, delays ...), so
    the whole content is compared with what snnc writes for the network that it holds.
    """
    with reading(path, "a readable .net file"):
        found = file_bytes(path)
        seal = seal_of(found)
        seal.check(Seal.ABSENT)
        file = read_tree(found)
        if "snnc" not in file.members:
            raise UnstatedTimesteps("a file of lava-dl, which does not say the time steps of a sample; add --timesteps")
        seal.check()
        return _read(file)


def adopt_netx(path: str | Path, stated: Stated) -> Network:
    """Read a `.net` file that lava-dl wrote, with the time steps that it does not say.

    Raises FileFormatError, naming the entry, if it is damaged or holds what no Network can.
    """
    with reading(path, "a readable .net file"):
        return foreign_network(read_tree(file_bytes(path)), Path(path).stem, stated)


def _write_layers(group: h5py.Group, network: Network) -> None:
    numbers = iter(range(3 * len(network.layers)))
    entry = group.create_group(str(next(numbers)))
    entry["type"] = np.array([b"input"])
    entry["shape"] = np.array(network.input.shape)
    source_shape = network.input.shape
    for layer in network.layers:
        if isinstance(layer.synapses[0], Dense) and len(source_shape) > 1:
            entry = group.create_group(str(next(numbers)))
            entry["type"] = np.array([b"flatten"])
            entry["shape"] = np.array([np.prod(source_shape)])
        _write_layer(group.create_group(str(next(numbers))), layer)
        source_shape = layer.output_shape


def _write_layer(entry: h5py.Group, layer: Layer) -> None:
    synapse, neuron = layer.synapses[0], layer.neuron
    entry["type"] = np.array([b"conv" if isinstance(synapse, Conv) else b"dense"])
    entry["shape"] = np.array(layer.output_shape)
    entry["weight"] = synapse.weight
    entry["bias"] = _bias_to_file(neuron)
    if isinstance(synapse, Conv):
        entry["stride"], entry["padding"] = np.array(synapse.stride), np.array(synapse.padding)
        entry["dilation"], entry["groups"] = np.array([1, 1]), 1
        entry["kernelSize"] = np.array(synapse.weight.shape[2:])
        entry["outChannels"], entry["inChannels"] = synapse.weight.shape[:2]
    else:
        entry["outFeatures"], entry["inFeatures"] = synapse.weight.shape
    parameters = entry.create_group("neuron")
    parameters["type"] = np.bytes_("CUBA")
    parameters["iDecay"] = _decay_to_file(neuron.du) + 1
    parameters["vDecay"] = _decay_to_file(neuron.dv)
    parameters["vThMant"] = neuron.vth
    parameters["refDelay"] = 1
    parameters["gradedSpike"] = False


def _bias_to_file(neuron: Lif) -> NDArray[np.int32]:
    """Return one bias per channel where that is enough, else one per neuron in netx's W,H,C order."""
    bias = (neuron.bias >> BIAS_EXPONENT).astype(np.int32)
    if bias.ndim == 1:
        return bias
    per_channel = bias[:, 0, 0]
    return per_channel if (bias == per_channel[:, None, None]).all() else bias.transpose(2, 1, 0)


def _decay_to_file(decay: int | NDArray[np.int32]) -> int | NDArray[np.int32]:
    """Return a decay that all neurons share, or one for each in netx's W,H,C order."""
    return decay if isinstance(decay, int) else decay.transpose()


def _write_extras(group: h5py.Group, network: Network) -> None:
    extras = {
        "version": VERSION,
        "digest": network.digest(),
        "name": network.name,
        "data": network.data,
        "timesteps": network.timesteps,
        "readout": network.readout,
        "labels": json.dumps(network.labels),
        "input_minimum": network.input.minimum,
        "input_maximum": network.input.maximum,
        "input_zero_point": network.input.zero_point,
        "layers": json.dumps([layer.name for layer in network.layers]),
        "bias_exponents": json.dumps([layer.neuron.bias_exponent for layer in network.layers]),
    }
    extras |= {"logit_units": network.logit_units} if network.logit_units else {}
    extras |= {"members": network.members} if network.members > 1 else {}
    extras |= {"growth": network.rule.growth} if network.rule.growth > 1 else {}  # run_model.py reads it
    for name, value in extras.items():
        group.attrs[name] = value


def _read(file: Group) -> Network:
    extras: dict[str, Any] = file.group("snnc").attributes
    if int(extras["version"]) != VERSION:
        raise FileFormatError(f"version {extras['version']}, this snnc reads {VERSION}; export it again or update snnc")
    names, exponents = json.loads(extras["layers"]), json.loads(extras["bias_exponents"])
    entries = list(_neural_entries(file.group("layer")))
    check_neurons(_integers(entry, "shape") for entry in entries)
    low, high, zero = (int(extras[f"input_{key}"]) for key in ("minimum", "maximum", "zero_point"))
    layers, source = [], INPUT
    for name, exponent, entry in zip(names, exponents, entries, strict=True):
        layers.append(_read_layer(entry, name, source, int(exponent)))
        source = name
    network = Network(
        name=extras["name"],
        timesteps=int(extras["timesteps"]),
        input=Input(tuple(_integers(file.group("layer/0"), "shape")), low, high, zero),
        layers=tuple(layers),
        readout=extras["readout"],
        labels=tuple(json.loads(extras["labels"])),
        data=extras["data"],
        logit_units=int(extras.get("logit_units", 0)),
        members=int(extras.get("members", 1)),
    )
    if network.digest() != extras["digest"]:
        raise FileFormatError("its checksum does not fit its numbers, so it was damaged or edited; export it again")
    _check_same(file, own_tree(content(network)))
    return network


def _check_same(read: Group, fresh: Group) -> None:
    """Raise FileFormatError where a file differs from what snnc writes, in any name, value or attribute."""
    if set(read.members) != set(fresh.members) or set(read.attributes) != set(fresh.attributes):
        odd = sorted({*read.members, *read.attributes} ^ {*fresh.members, *fresh.attributes})
        raise FileFormatError(
            f"{read.name} differs in {', '.join(odd)} from what snnc writes, so it was edited; export it again"
        )
    for name, entry in fresh.members.items():
        other = read.members[name]
        if isinstance(entry, Group) and isinstance(other, Group):
            _check_same(other, entry)
        elif not _is_same_array(other, entry):
            raise FileFormatError(f"{other.name} is not what snnc writes, so it was edited; export it again")
    for name, value in fresh.attributes.items():
        found = read.attributes[name]
        if type(found) is not type(value) or found != value:
            raise FileFormatError(f"{read.name} says {name} = {found!r}, snnc writes {value!r}; export it again")


def _is_same_array(read: Group | Values, fresh: Group | Values) -> bool:
    if not isinstance(read, Values) or not isinstance(fresh, Values) or read.attributes:
        return False
    return read.array.dtype == fresh.array.dtype and np.array_equal(read.array, fresh.array)


def _neural_entries(group: Group) -> Iterator[Group]:
    for number in range(len(group.members)):
        entry = group.group(str(number))
        if _kind(entry) in (b"conv", b"dense"):
            yield entry


def _kind(entry: Group) -> bytes:
    kind = entry.array("type").ravel()
    if kind.size != 1 or not isinstance(kind[0], bytes):  # bytes(number) would be as many zeros
        raise FileFormatError(f"{entry.name}/type is no text; it was edited, export it again")
    return bytes(kind[0])


def _read_layer(entry: Group, name: str, source: str, exponent: int) -> Layer:
    weight, shape = _integers(entry, "weight"), tuple(_integers(entry, "shape"))
    if _kind(entry) == b"conv":
        stride, padding = tuple(_integers(entry, "stride")), tuple(_integers(entry, "padding"))
        synapse: Synapse = Conv(source, weight, stride, padding)
    else:
        synapse = Dense(source, weight)
    bias = _integers(entry, "bias").astype(np.int64) << BIAS_EXPONENT >> exponent
    if len(shape) == 3:
        bias = bias[:, None, None] if bias.ndim == 1 else bias.transpose(2, 1, 0)
    neuron = entry.group("neuron")
    i_decay, dv = (_integers(neuron, key).transpose() for key in ("iDecay", "vDecay"))
    return Layer(name, (synapse,), Lif(shape, int(_integers(neuron, "vThMant")), dv, bias, exponent, i_decay - 1))


def _integers(entry: Group, key: str) -> NDArray[Any]:
    values = entry.array(key)
    if values.dtype.kind not in "iu":
        raise FileFormatError(f"{entry.name}/{key} is of type {values.dtype}, allowed are integers")
    return values
