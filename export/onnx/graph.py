"""A network as an ONNX graph of integers: standard operators, exact in any runtime that follows their definition.

Spikes of all steps are one tensor `(T, B, ...)` of uint8. Synapses are ConvInteger and MatMulInteger over T*B samples at
once; a Scan over T steps the neurons of a layer in int64, as toolchain/network/lif.py does. ONNX divides integers
toward zero, as the chip rounds its decay.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from snnc.export.description import describe
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Network
from snnc.toolchain.network.synapse import Conv, Synapse

OPSET, IR_VERSION = 21, 10
OFFSET = 128  # of dense weights, which are stored as bytes
Shape = list[str | int | None]
IMAGE, LOGITS, TIMED, TRACES = "image", "logits", "timed", "traces"


@dataclass
class Graph:
    """Nodes and constants of a graph under construction."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def constant(self, name: str, value: Any, kind: type[np.generic] = np.int64) -> str:
        """Add a constant and return its name."""
        self.constants[name] = np.asarray(value, kind)
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and return that."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


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
    for layer in network.layers:
        a = _synaptic_input(graph, network, layer, sources, timed=timed)
        sources[layer.name] = [Part(_neurons(graph, layer, a), 1, 0)]
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


@dataclass(frozen=True)
class Part:
    """One byte of a source: a uint8 tensor, what it counts for, and the value that stands for 0."""

    tensor: str
    factor: int
    zero: int


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


def _synaptic_input(graph: Graph, network: Network, layer: Layer, sources: dict[str, list[Part]], *, timed: bool) -> str:
    """Return the summed input `(T, B, ...)` of a layer as int64."""
    total = ""
    for index, synapse in enumerate(layer.synapses):
        once = synapse.source == INPUT and not timed
        shape = graph.constant(f"{layer.name}/shape{index}", [1 if once else network.timesteps, -1, *layer.output_shape])
        for number, part in enumerate(sources[synapse.source]):
            name = f"{layer.name}/sum{index}.{number}"
            sums = graph.add(
                "Cast", [_sums(graph, network, layer, index, synapse, part, name)], name + "/wide", to=TensorProto.INT64
            )
            if part.factor > 1:
                sums = graph.add("Mul", [sums, graph.constant(f"{name}/factor", part.factor)], name + "/scaled")
            sums = graph.add("Reshape", [sums, shape], name + "/stepwise")
            total = graph.add("Add", [total, sums], name + "/total") if total else sums
    steps = graph.constant(f"{layer.name}/steps", [network.timesteps] + [1] * (1 + len(layer.output_shape)))
    return graph.add("Expand", [total, steps], f"{layer.name}/input")


def _sums(graph: Graph, network: Network, layer: Layer, index: int, synapse: Synapse, part: Part, name: str) -> str:
    weight, zero = f"{layer.name}/weight{index}", graph.constant(f"{name}/zero", part.zero, np.uint8)
    if isinstance(synapse, Conv):
        graph.constant(weight, synapse.weight, np.int8)
        pads, inputs = [*synapse.padding, *synapse.padding], [part.tensor, weight, zero]
        if synapse.source != INPUT:
            folded = graph.constant(f"{name}/fold", [-1, *network.shapes[synapse.source]])
            inputs[0] = graph.add("Reshape", [part.tensor, folded], f"{name}/folded")
        return graph.add("ConvInteger", inputs, name, strides=list(synapse.stride), pads=pads)
    # Bytes above 0: onnxruntime's kernel for uint8 x int8 saturates pairs of products at 16 bits on processors without VNNI.
    graph.constant(weight, synapse.weight.T.astype(np.int16) + OFFSET, np.uint8)
    offset = graph.constant("offset", OFFSET, np.uint8)
    flat = graph.constant(f"{name}/flat", [-1, synapse.weight.shape[1]])
    return graph.add("MatMulInteger", [graph.add("Reshape", [part.tensor, flat], f"{name}/folded"), weight, zero, offset], name)


def _neurons(graph: Graph, layer: Layer, a: str) -> str:
    """Step the neurons over T; return the name of the spikes `(T, B, ...)`."""
    name, neuron = layer.name, layer.neuron
    constants = {
        "keep_v": lif.DECAY_UNITY - neuron.dv,
        "keep_u": lif.DECAY_UNITY - (neuron.du + 1),
        "threshold": neuron.vth << lif.UNIT_SHIFT,
        "bias": neuron.bias,
    }
    graph.constants |= {f"{name}/{key}": np.asarray(value, np.int64) for key, value in constants.items()}
    first = graph.add("Gather", [a, graph.constant("first", 0)], f"{name}/first", axis=0)
    rest = graph.add("Mul", [first, "0"], f"{name}/rest")
    outputs = [f"{name}/last_u", f"{name}/last_v", f"{name}/spikes", f"{name}/membranes"]
    body = _step(graph, layer)
    graph.nodes.append(helper.make_node("Scan", [rest, rest, a], outputs, name=f"{name}/scan", body=body, num_scan_inputs=1))
    return f"{name}/spikes"


def _step(graph: Graph, layer: Layer) -> Any:
    """Return one step of toolchain/network/lif.py as a graph: (u, v, a) -> (u, v, spikes, membranes)."""
    name, step = layer.name, Graph()

    def own(local: str) -> str:
        return f"{name}/step/{local}"

    def decayed(state: str, keep: str) -> str:
        product = step.add("Mul", [own(state), f"{name}/{keep}"], own(f"{state}_product"))
        return step.add("Div", [product, "4096"], own(f"{state}_decayed"))

    def wrapped(current: str) -> str:
        high = graph.constant("2**23", lif.STATE_LIMIT)
        low = graph.constant("-2**23", -lif.STATE_LIMIT)
        turn, back = graph.constant("2**24", 2**24), graph.constant("-2**24", -(2**24))
        above = step.add("Where", [step.add("Greater", [current, high], own("above")), back, "0"], own("turn_down"))
        below = step.add("Where", [step.add("LessOrEqual", [current, low], own("below")), turn, "0"], own("turn_up"))
        return step.add("Add", [step.add("Add", [current, above], own("u_down")), below], own("u_next"))

    drive = step.add("Mul", [own("a"), "64"], own("drive"))
    u = wrapped(step.add("Add", [decayed("u", "keep_u"), drive], own("u_sum")))
    v = step.add("Add", [step.add("Add", [decayed("v", "keep_v"), u], own("v_sum")), f"{name}/bias"], own("v_biased"))
    least, most = graph.constant("v_min", -lif.MEMBRANE_MAX), graph.constant("v_max", lif.MEMBRANE_MAX)
    # Not Clip: onnxruntime's is wrong for int64 beyond 32 bits.
    v = step.add("Where", [step.add("Greater", [v, most], own("v_above")), most, v], own("v_low"))
    v = step.add("Where", [step.add("Less", [v, least], own("v_below")), least, v], own("v_before"))
    fired = step.add("Greater", [v, f"{name}/threshold"], own("fired"))
    after = step.add("Where", [fired, "0", v], own("v_next"))
    spikes = step.add("Cast", [fired], own("spikes"), to=TensorProto.UINT8)
    membranes = step.add("Identity", [after], own("membranes"))
    shape: Shape = ["batch", *layer.output_shape]
    inputs = [helper.make_tensor_value_info(own(key), TensorProto.INT64, shape) for key in ("u", "v", "a")]
    kinds = {u: TensorProto.INT64, after: TensorProto.INT64, spikes: TensorProto.UINT8, membranes: TensorProto.INT64}
    outputs = [helper.make_tensor_value_info(key, kind, shape) for key, kind in kinds.items()]
    return helper.make_graph(step.nodes, f"{name}/step", inputs, outputs)


def _readout(graph: Graph, network: Network) -> str:
    last = network.layers[-1]
    values = f"{last.name}/membranes"
    if network.readout == "spikes":
        values = graph.add("Cast", [f"{last.name}/spikes"], "readout/wide", to=TensorProto.INT64)
    summed = graph.add("ReduceSum", [values, "time"], "readout/summed", keepdims=0)
    shape = graph.constant("readout/shape", [-1, prod(last.output_shape)])
    return graph.add("Reshape", [summed, shape], LOGITS)
