"""ONNX: writes networks as self-contained integer graphs, and reads the files that snnc wrote."""

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, numpy_helper

from snnc.export.description import rebuild
from snnc.export.onnx.graph import OFFSET, TIMED, TRACES, onnx_model
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import FileFormatError, SnncError, located
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network

FAULTS = (
    *(DecodeError, checker.ValidationError, LookupError, TypeError, ValueError),
    *(AttributeError, ArithmeticError, RuntimeError, MemoryError),
)


def write_onnx(network: Network, path: str | Path, *, timed: bool | None = None, traces: bool = False) -> None:
    """Write the network as `.onnx`; the file is complete or unchanged.

    `timed` inputs hold one frame for each step; None means so for events (0 and 1). With `traces` the spikes and membranes of
    every layer are outputs as well. Raises CannotExport for sums beyond 32
    bits, NetworkError if a sum could overflow or a membrane read-out spike, and SnncError if the file cannot be written.
    """
    with located("cannot be an .onnx file"):
        prove(network)
    write_atomically(path, onnx_bytes(network, timed=timed, traces=traces))


def onnx_bytes(network: Network, *, timed: bool | None = None, traces: bool = False) -> bytes:
    """Return the content of the file. Raises CannotExport as write_onnx."""
    model = onnx_model(network, timed=network.input.binary if timed is None else timed, traces=traces)
    return bytes(model.SerializeToString(deterministic=True))


def read_onnx(path: str | Path) -> Network:
    """Read an `.onnx` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place."""
    if not Path(path).is_file():
        raise FileFormatError(f"{path}: no such file")
    content = Path(path).read_bytes()
    try:
        return _read(onnx.load_model_from_string(content), content)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (*FAULTS, SnncError) as error:
        reason = " ".join(str(error).split())[:160]
        raise FileFormatError(f"{path}: not a readable .onnx file of snnc ({reason}); export it again") from None


def input_of(path: str | Path) -> str:
    """Return name, shape and type of the input of a model that read_onnx has accepted, for people."""
    model = onnx.load_model_from_string(Path(path).read_bytes())
    (image,) = model.graph.input
    sizes = ", ".join(size.dim_param or str(size.dim_value) for size in image.type.tensor_type.shape.dim)
    kind = TensorProto.DataType.Name(image.type.tensor_type.elem_type).lower()
    return f"opset {model.opset_import[0].version}, input: {image.name} ({sizes}) {kind}"


def _read(model: ModelProto, content: bytes) -> Network:
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if "snnc" not in properties:
        raise FileFormatError("no property 'snnc', so it was not written by snnc; only such graphs are networks of neurons")
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in stored.values()):
        raise FileFormatError("it keeps weights in other files, which snnc never does; export it again")
    transposed = {node.input[1] for node in model.graph.node if node.op_type == "MatMulInteger"}

    def weight(layer: str, index: int) -> NDArray[np.integer]:
        name = f"{layer}/weight{index}"
        array = numpy_helper.to_array(stored[name])
        return array.T.astype(np.int16) - OFFSET if name in transposed else array

    network = rebuild(properties["snnc"], weight, lambda layer: numpy_helper.to_array(stored[f"{layer}/bias"]))
    if onnx_bytes(network, timed=properties[TIMED] == "True", traces=properties[TRACES] == "True") != content:
        raise FileFormatError("it differs from what snnc writes, so it was edited; export it again")
    return network
