"""A network as an ONNX graph of integers: standard operators, exact in any runtime that follows their definition.

Spikes of all steps are one tensor `(T, B, ...)` of uint8. Synapses are ConvInteger and MatMulInteger over T*B samples at
once; a Scan over T steps the neurons of a layer, or of several that feed each other, in int64, as toolchain/network/lif.py
does. ONNX divides integers toward zero, as the chip rounds its decay.
"""

from math import prod

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from snnc.export.description import describe
from snnc.export.onnx.neurons import neurons_over_time
from snnc.export.onnx.nodes import IMAGE, Graph, Part, Shape
from snnc.export.onnx.sums import synaptic_input
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Network
from snnc.toolchain.network.order import stages

OPSET, IR_VERSION = 21, 10
LOGITS, TIMED, TRACES = "logits", "timed", "traces"


def onnx_model(network: Network, *, timed: bool, traces: bool = False) -> ModelProto:
    """Return the model, checked in full; its input is `(T, B, ...)` if `timed`, else `(B, ...)` and the same at every step.

    Input: raw values (chip value plus zero point), uint8 if they fit, else int32. Output: read-out `(B, outputs)` int64, and
    with `traces` what trace_outputs names. Raises CannotExport for sums beyond 32 bits.
    """
    graph = Graph()
    for name, value in {"4096": lif.DECAY_UNITY, "64": 1 << lif.UNIT_SHIFT, "0": 0}.items():
        graph.constant(name, value)
    graph.constant("time", [0])
    sources = {INPUT: _bytes_of_input(graph, network, timed=timed)}
    for stage in stages(network.layers):
        names = {layer.name for layer in stage}
        for layer in stage:
            synaptic_input(graph, network, layer, sources, timed=timed, inner=names)
        neurons_over_time(graph, network, stage)
        sources |= {name: [Part(f"{name}/spikes", 1, 0)] for name in names}
    logits = _readout(graph, network)
    shape: Shape = [*([network.timesteps] if timed else []), "batch", *network.input.shape]
    inputs = [helper.make_tensor_value_info(IMAGE, _input_type(network.input), shape)]
    output = helper.make_tensor_value_info(logits, TensorProto.INT64, ["batch", network.layers[-1].neurons])
    initializers = [numpy_helper.from_array(value, name) for name, value in graph.constants.items()]
    outputs = [output, *(trace_outputs(network) if traces else [])]
    body = helper.make_graph(graph.nodes, "snnc", inputs, outputs, initializers)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, {"snnc": describe(network), TIMED: str(timed), TRACES: str(traces)})
    model.producer_name = "snnc"
    checker.check_model(model, full_check=True)
    return model


def trace_outputs(network: Network) -> list[ValueInfoProto]:
    """Return what to add to a model's outputs in order to see the spikes and membranes of every layer, `(T, B, ...)`."""
    found = []
    for layer in network.layers:
        shape: Shape = [network.timesteps, "batch", *layer.output_shape]
        found.append(helper.make_tensor_value_info(f"{layer.name}/spikes", TensorProto.UINT8, shape))
        found.append(helper.make_tensor_value_info(f"{layer.name}/membranes", TensorProto.INT64, shape))
    return found


def _input_type(pixels: Input) -> int:
    fits = pixels.minimum + pixels.zero_point >= 0 and pixels.maximum + pixels.zero_point <= 255
    return int(TensorProto.UINT8 if fits else TensorProto.INT32)


def _bytes_of_input(graph: Graph, network: Network, *, timed: bool) -> list[Part]:
    """Return the input as bytes `(B, ...)`, or `(T*B, ...)` if timed: convolutions take no wider integers."""
    pixels = network.input
    folded = IMAGE
    if timed:
        folded = graph.add("Reshape", [IMAGE, graph.constant("input/shape", [-1, *pixels.shape])], "input/folded")
    if _input_type(pixels) == TensorProto.UINT8 and 0 <= pixels.zero_point <= 255:
        return [Part(folded, 1, pixels.zero_point)]
    base = min(pixels.minimum, 0)  # so that the chip's 0, which padding is, has a byte too
    wide = graph.add("Cast", [folded], "input/wide", to=TensorProto.INT64)
    rest = graph.add("Sub", [wide, graph.constant("input/base", base + pixels.zero_point)], "input/above_base")
    graph.constant("256", 256)
    parts = []
    for index in range(max(1, (max(pixels.maximum, 0) - base).bit_length() + 7 >> 3)):
        low = graph.add("Mod", [rest, "256"], f"input/low{index}")
        byte = graph.add("Cast", [low], f"input/byte{index}", to=TensorProto.UINT8)
        rest = graph.add("Div", [rest, "256"], f"input/rest{index}")
        parts.append(Part(byte, 256**index, -base >> 8 * index & 255))
    return parts


def _readout(graph: Graph, network: Network) -> str:
    last = network.layers[-1]
    values = f"{last.name}/membranes"
    if network.rule.spiking:
        values = graph.add("Cast", [f"{last.name}/spikes"], "readout/wide", to=TensorProto.INT64)
    if network.rule.growth != 1:
        steps = np.array(network.rule.weights(network.timesteps)).reshape(-1, *[1] * (1 + len(last.output_shape)))
        values = graph.add("Mul", [values, graph.constant("readout/weights", steps)], "readout/weighted")
    summed = graph.add("ReduceSum", [values, "time"], "readout/summed", keepdims=0)
    shape = graph.constant("readout/shape", [-1, prod(last.output_shape)])
    return graph.add("Reshape", [summed, shape], LOGITS)
