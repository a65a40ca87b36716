"""ONNX: writes networks as self-contained integer graphs, and reads the files that snnc wrote."""

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, numpy_helper

from snnc.export.description import rebuild
from snnc.export.limits import file_bytes, reading
from snnc.export.onnx.graph import TIMED, TRACES, onnx_model
from snnc.export.onnx.neurons import KEPT
from snnc.export.onnx.sums import weight_in
from snnc.export.onnx.violations import OnnxOptions
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.network import Network


def content(network: Network, options: OnnxOptions = OnnxOptions()) -> bytes:  # noqa: B008 - frozen
    """Return the content of the file of a network without violations.

    `timed` inputs hold one frame for each step. With `traces` the spikes and membranes of every layer are outputs as well.
    """
    timed = network.input.binary if options.timed is None else options.timed
    model = onnx_model(network, timed=timed, traces=options.traces)
    return bytes(model.SerializeToString(deterministic=True))


def read_onnx(path: str | Path) -> Network:
    """Read an `.onnx` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place."""
    with reading(path, "a readable .onnx file of snnc", DecodeError, checker.ValidationError):
        found = file_bytes(path)
        return _read(onnx.load_model_from_string(found), found)


def describe(network: Network, path: Path) -> str:
    """Return opset, input and output of a model that read_onnx has accepted, for people."""
    model = onnx.load_model_from_string(path.read_bytes())
    (image,) = model.graph.input
    sizes = ", ".join(size.dim_param or str(size.dim_value) for size in image.type.tensor_type.shape.dim)
    kind = TensorProto.DataType.Name(image.type.tensor_type.elem_type).lower()
    output = f"output: logits (batch, {network.layers[-1].neurons}) int64"
    return f"ONNX, opset {model.opset_import[0].version}, input: {image.name} ({sizes}) {kind}, {output}"


def _read(model: ModelProto, found: bytes) -> Network:
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if "snnc" not in properties:
        raise FileFormatError("no property 'snnc', so it was not written by snnc; only such graphs are networks of neurons")
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in stored.values()):
        raise FileFormatError("it keeps weights in other files, which snnc never does; export it again")

    def array(name: str) -> NDArray[np.integer]:
        return numpy_helper.to_array(stored[name])

    network = rebuild(
        properties["snnc"],
        weight=lambda layer, index: weight_in(stored, layer, index),
        bias=lambda layer: array(f"{layer}/bias"),
        decay=lambda layer, name: KEPT[name] - array(f"{layer}/keep_{name[1]}"),
    )
    options = OnnxOptions(timed=properties[TIMED] == "True", traces=properties[TRACES] == "True")
    if content(network, options) != found:
        raise FileFormatError("it differs from what snnc writes, so it was edited; export it again")
    return network
