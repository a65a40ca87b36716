"""The synaptic input of layers as nodes of an ONNX graph: integer convolutions and products, delays, sums."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from snnc.export.limits import split_weight
from snnc.export.onnx.nodes import IMAGE, Graph, Part
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.synapse import Conv

OFFSET = 128  # of dense weights, which are stored as bytes


def synaptic_input(
    graph: Graph, network: Network, layer: Layer, sources: dict[str, list[Part]], *, timed: bool, inner: set[str]
) -> str:
    """Return the input `(T, B, ...)` of a layer as int64, summed over the synapses whose sources are not among `inner`."""
    total = ""
    every = [network.timesteps] + [1] * (1 + len(layer.output_shape))
    for index, synapse in enumerate(layer.synapses):
        if synapse.source in inner:
            continue
        once = synapse.source == INPUT and not timed
        shape = graph.constant(f"{layer.name}/shape{index}", [1 if once else network.timesteps, -1, *layer.output_shape])
        for number, part in enumerate(sources[synapse.source]):
            name = f"{layer.name}/sum{index}.{number}"
            sums = wide_sums(graph, network, layer, index, part, name)
            sums = graph.add("Reshape", [sums, shape], name + "/stepwise")
            if synapse.delay:
                if once:
                    sums = graph.add("Expand", [sums, graph.constant(f"{layer.name}/steps", every)], name + "/repeated")
                sums = _delayed(graph, sums, synapse.delay, network.timesteps, layer)
            total = graph.add("Add", [total, sums], name + "/total") if total else sums
    if not total:
        return _nothing(graph, network, layer, timed=timed)
    return graph.add("Expand", [total, graph.constant(f"{layer.name}/steps", every)], f"{layer.name}/input")


def _delayed(graph: Graph, sums: str, delay: int, timesteps: int, layer: Layer) -> str:
    """Return sums `(T, B, ...)` so many steps later: 0 in front, the last ones cut off."""
    ahead = min(delay, timesteps)
    rank = 2 + len(layer.output_shape)
    pads = graph.constant(f"{sums}/pads", [ahead, *[0] * (2 * rank - 1)])
    padded = graph.add("Pad", [sums, pads], f"{sums}/padded")
    start, end = graph.constant("start", [0]), graph.constant("end", [timesteps])
    return graph.add("Slice", [padded, start, end, start], f"{sums}/delayed")


def _nothing(graph: Graph, network: Network, layer: Layer, *, timed: bool) -> str:
    """Return zeros `(T, B, ...)` for a layer that only layers of its own stage feed."""
    name = f"{layer.name}/nothing"
    sizes = graph.add("Shape", [IMAGE], f"{name}/image", start=int(timed), end=int(timed) + 1)
    before, after = graph.constant("steps", [network.timesteps]), graph.constant(f"{name}/neurons", layer.output_shape)
    shape = graph.add("Concat", [before, sizes, after], f"{name}/shape", axis=0)
    zero = numpy_helper.from_array(np.zeros(1, np.int64))
    return graph.add("ConstantOfShape", [shape], f"{layer.name}/input", value=zero)


def wide_sums(graph: Graph, network: Network, layer: Layer, index: int, part: Part, name: str) -> str:
    """Return the sums of one synapse from one part of its source as int64."""
    total = ""
    for place, weight in enumerate(weight_of(graph, layer, index)):
        here = f"{name}/byte{place}" if place else name
        sums = graph.add(
            "Cast", [_sums(graph, network, layer, index, part, weight, here)], f"{here}/wide", to=TensorProto.INT64
        )
        factor = part.factor << 8 * place
        if factor > 1:
            sums = graph.add("Mul", [sums, graph.constant(f"{here}/factor", factor)], f"{here}/scaled")
        total = graph.add("Add", [total, sums], f"{here}/all") if total else sums
    return total


def weight_of(graph: Graph, layer: Layer, index: int) -> list[str]:
    """Add the weight of a synapse, in bytes of which the lowest comes first, and return their names."""
    synapse = layer.synapses[index]
    names = []
    for place, part in enumerate(split_weight(synapse.weight)):
        name = f"{layer.name}/weight{index}" + (f".{place}" if place else "")
        if isinstance(synapse, Conv):
            names.append(graph.constant(name, part, np.int8))
        else:
            # Bytes above 0: onnxruntime's kernel for uint8 x int8 saturates pairs of products at 16 bits without VNNI.
            names.append(graph.constant(name, part.T + OFFSET, np.uint8))
    return names


def weight_in(stored: Mapping[str, TensorProto], layer: str, index: int) -> NDArray[np.int64]:
    """Return the weight of a synapse from the initializers of a graph. Raises KeyError if it is not there."""
    name, place = f"{layer}/weight{index}", 0
    total = _byte(stored[name])
    while f"{name}.{place + 1}" in stored:
        place += 1
        total = total + (_byte(stored[f"{name}.{place}"]) << 8 * place)
    return total


def _byte(tensor: TensorProto) -> NDArray[np.int64]:
    array = numpy_helper.to_array(tensor)
    return array.T.astype(np.int64) - OFFSET if array.dtype == np.uint8 else array.astype(np.int64)


def _sums(graph: Graph, network: Network, layer: Layer, index: int, part: Part, weight: str, name: str) -> str:
    """Return the sums that one byte of a weight gives from one part of its source, `(N, ...)`, as int32."""
    synapse = layer.synapses[index]
    zero = graph.constant(f"{name}/zero", part.zero, np.uint8)
    if isinstance(synapse, Conv):
        pads, inputs = [*synapse.padding, *synapse.padding], [part.tensor, weight, zero]
        if synapse.source != INPUT:
            folded = graph.constant(f"{name}/fold", [-1, *network.shapes[synapse.source]])
            inputs[0] = graph.add("Reshape", [part.tensor, folded], f"{name}/folded")
        return graph.add("ConvInteger", inputs, name, strides=list(synapse.stride), pads=pads)
    offset = graph.constant("offset", OFFSET, np.uint8)
    flat = graph.constant(f"{name}/flat", [-1, synapse.weight.shape[1]])
    return graph.add("MatMulInteger", [graph.add("Reshape", [part.tensor, flat], f"{name}/folded"), weight, zero, offset], name)
