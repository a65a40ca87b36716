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

from snnc.export.limits import DAMAGE
from snnc.export.netx.violations import BIAS_EXPONENT, check
from snnc.export.target import NoOptions
from snnc.toolchain.errors import FileFormatError, SnncError, one_line
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.violation import refuse

VERSION = 2
MOST_VALUES = 2**31  # of one dataset


def netx_bytes(network: Network) -> bytes:
    """Return the content of the `.net` file of any network. Raises CannotExport for what netx cannot hold."""
    refuse(list(check(network)), "cannot be a .net file")
    return content(network)


def content(network: Network, options: NoOptions = NoOptions()) -> bytes:  # noqa: B008 - frozen
    """Return the content of the `.net` file of a network without violations."""
    written = BytesIO()
    with h5py.File(written, "w") as file:
        _write_layers(file.create_group("layer"), network)
        _write_extras(file.create_group("snnc"), network)
    return written.getvalue()


def read_netx(path: str | Path) -> Network:
    """Read a `.net` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place.

    netx reads fields that a Network does not have (dilation, groups, delays ...), so the whole file is compared with what
    snnc writes for the network that it holds.
    """
    if not Path(path).is_file():
        raise FileFormatError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (*DAMAGE, SnncError) as error:
        raise FileFormatError(f"{path}: not a readable .net file ({one_line(error)}); export it again") from None


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
    parameters["iDecay"] = neuron.du + 1
    parameters["vDecay"] = neuron.dv
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
    for name, value in extras.items():
        group.attrs[name] = value


def _read(file: h5py.File) -> Network:
    if "snnc" not in file:
        raise FileFormatError("no group 'snnc', so it was not written by snnc, and netx alone does not say the time steps")
    extras = file["snnc"].attrs
    if int(extras["version"]) != VERSION:
        raise FileFormatError(f"version {extras['version']}, this snnc reads {VERSION}; export it again or update snnc")
    names, exponents = json.loads(extras["layers"]), json.loads(extras["bias_exponents"])
    entries = list(_neural_entries(file["layer"]))
    low, high, zero = (int(extras[f"input_{key}"]) for key in ("minimum", "maximum", "zero_point"))
    layers, source = [], INPUT
    for name, exponent, entry in zip(names, exponents, entries, strict=True):
        layers.append(_read_layer(entry, name, source, int(exponent)))
        source = name
    network = Network(
        name=extras["name"],
        timesteps=int(extras["timesteps"]),
        input=Input(tuple(_integers(file["layer/0"], "shape")), low, high, zero),
        layers=tuple(layers),
        readout=extras["readout"],
        labels=tuple(json.loads(extras["labels"])),
        data=extras["data"],
    )
    if network.digest() != extras["digest"]:
        raise FileFormatError("its checksum does not fit its numbers, so it was damaged or edited; export it again")
    with h5py.File(BytesIO(content(network)), "r") as fresh:
        _check_same(file, fresh)
    return network


def _check_same(read: h5py.Group, fresh: h5py.Group) -> None:
    """Raise FileFormatError where a file differs from what snnc writes, in any name, value or attribute."""
    if set(read) != set(fresh) or set(read.attrs) != set(fresh.attrs):
        odd = sorted((set(read) | set(read.attrs)) ^ (set(fresh) | set(fresh.attrs)))
        raise FileFormatError(
            f"{read.name} differs in {', '.join(odd)} from what snnc writes, so it was edited; export it again"
        )
    for name, entry in fresh.items():
        if isinstance(entry, h5py.Group) and isinstance(read[name], h5py.Group):
            _check_same(read[name], entry)
        elif not _is_same_dataset(read[name], entry):
            raise FileFormatError(f"{read[name].name} is not what snnc writes, so it was edited; export it again")
    for name, value in fresh.attrs.items():
        if read.attrs[name] != value:
            raise FileFormatError(f"{read.name} says {name} = {read.attrs[name]!r}, snnc writes {value!r}; export it again")


def _is_same_dataset(read: Any, fresh: Any) -> bool:
    # The shape first: a hostile file may claim one that no memory holds.
    if not isinstance(read, h5py.Dataset) or not isinstance(fresh, h5py.Dataset) or len(read.attrs):
        return False
    return (read.shape, read.dtype) == (fresh.shape, fresh.dtype) and np.array_equal(read[()], fresh[()])


def _neural_entries(group: h5py.Group) -> Iterator[h5py.Group]:
    for number in range(len(group)):
        entry = group[str(number)]
        if bytes(entry["type"][0]) in (b"conv", b"dense"):
            yield entry


def _read_layer(entry: h5py.Group, name: str, source: str, exponent: int) -> Layer:
    weight, shape = _integers(entry, "weight"), tuple(_integers(entry, "shape"))
    if entry["type"][0] == b"conv":
        stride, padding = tuple(_integers(entry, "stride")), tuple(_integers(entry, "padding"))
        synapse: Synapse = Conv(source, weight, stride, padding)
    else:
        synapse = Dense(source, weight)
    bias = _integers(entry, "bias").astype(np.int64) << BIAS_EXPONENT >> exponent
    if len(shape) == 3:
        bias = bias[:, None, None] if bias.ndim == 1 else bias.transpose(2, 1, 0)
    neuron = entry["neuron"]
    i_decay, dv, vth = (int(_integers(neuron, key)) for key in ("iDecay", "vDecay", "vThMant"))
    return Layer(name, (synapse,), Lif(shape, vth, dv, bias, exponent, i_decay - 1))


def _integers(entry: h5py.Group, key: str) -> NDArray[Any]:
    dataset = entry[key]
    # A damaged or hostile header may claim any shape; only what is really stored is read.
    if dataset.size > MOST_VALUES or dataset.id.get_storage_size() != dataset.size * dataset.dtype.itemsize:
        raise FileFormatError(f"{dataset.name} claims the shape {dataset.shape}, which the file does not hold")
    values: NDArray[Any] = dataset[()]
    if values.dtype.kind not in "iu":
        raise FileFormatError(f"{dataset.name} is of type {values.dtype}, allowed are integers")
    return values
