"""The neurons of a stage as one Scan over the time steps: toolchain/network/lif.py in nodes of an ONNX graph.

The states of the loop are current and membrane of every layer and, where layers feed each other, the last spikes of those
that are read with a delay. `{layer}/input` holds what comes from outside the stage, `(T, B, ...)`; `{layer}/spikes` and
`{layer}/membranes` are what comes out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from snnc.export.onnx.nodes import Graph, Part, Shape
from snnc.export.onnx.sums import weight_of, wide_sums
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network

Stage = Sequence[Layer]
KEPT = {"dv": lif.DECAY_UNITY, "du": lif.DECAY_UNITY - 1}  # of which a decay is the part that is lost


def neurons_over_time(graph: Graph, network: Network, stage: Stage) -> None:
    """Add the loop that steps the neurons of a stage."""
    states: list[str] = []
    for layer in stage:
        _constants(graph, layer)
        name = layer.name
        first = graph.add("Gather", [f"{name}/input", graph.constant("first", 0)], f"{name}/first", axis=0)
        states += [graph.add("Mul", [first, "0"], f"{name}/rest")] * 2
    memory = _memory(network, stage)
    for name, steps in memory.items():
        silent = graph.add("Cast", [f"{name}/rest"], f"{name}/silent", to=TensorProto.UINT8)
        shape = graph.constant(f"{name}/memory/shape", [steps] + [1] * (1 + len(network.shapes[name])))
        states.append(graph.add("Expand", [silent, shape], f"{name}/memory/rest"))
    names = [layer.name for layer in stage]
    last = [*(f"{name}/last_{state}" for name in names for state in "uv"), *(f"{name}/last_memory" for name in memory)]
    outputs = [*last, *(f"{name}/{what}" for name in names for what in ("spikes", "membranes"))]
    inputs = [*states, *(f"{name}/input" for name in names)]
    body = _step(graph, network, stage, memory)
    scan = helper.make_node("Scan", inputs, outputs, name=f"{names[0]}/scan", body=body, num_scan_inputs=len(names))
    graph.nodes.append(scan)


def _constants(graph: Graph, layer: Layer) -> None:
    neuron = layer.neuron
    constants = {
        "keep_v": KEPT["dv"] - neuron.dv,
        "keep_u": KEPT["du"] - neuron.du,
        "threshold": neuron.vth << lif.UNIT_SHIFT,
        "bias": neuron.bias,
    }
    graph.constants |= {f"{layer.name}/{key}": np.asarray(value, np.int64) for key, value in constants.items()}


def _memory(network: Network, stage: Stage) -> dict[str, int]:
    """Return how many steps of which layer's spikes a stage reads back; what would be older than a sample brings nothing."""
    names, steps = {layer.name for layer in stage}, dict[str, int]()
    for layer in stage:
        for synapse in layer.synapses:
            if synapse.source in names and 0 < synapse.delay < network.timesteps:
                steps[synapse.source] = max(steps.get(synapse.source, 0), synapse.delay)
    return steps


def _step(graph: Graph, network: Network, stage: Stage, memory: dict[str, int]) -> Any:
    """Return one step as a graph: (states, inputs) -> (states, spikes and membranes of every layer)."""
    step, integers, own = graph.body(), TensorProto.INT64, _own
    states: list[str] = []
    records: list[str] = []
    for layer in stage:
        name = layer.name
        u, after, spikes = _neuron(graph, step, layer, _input(graph, step, network, stage, layer))
        states += [u, after]
        records += [spikes, step.add("Identity", [after], own(name, "membranes"))]
    for name, steps in memory.items():
        states.append(_remembered(step, name, steps))
    shapes: dict[str, Shape] = {layer.name: ["batch", *layer.output_shape] for layer in stage}
    given = [(own(name, key), integers, shape) for name, shape in shapes.items() for key in "uv"]
    kept = [(own(name, "memory"), TensorProto.UINT8, [steps, *shapes[name]]) for name, steps in memory.items()]
    inputs = [*given, *kept, *((own(name, "a"), integers, shape) for name, shape in shapes.items())]
    kinds = [*[integers] * len(given), *[TensorProto.UINT8] * len(kept), *[TensorProto.UINT8, integers] * len(stage)]
    sizes = [*(each[2] for each in (*given, *kept)), *(shape for shape in shapes.values() for _ in range(2))]
    values = [helper.make_tensor_value_info(*each) for each in inputs]
    outputs = [helper.make_tensor_value_info(*each) for each in zip([*states, *records], kinds, sizes, strict=True)]
    return helper.make_graph(step.nodes, f"{stage[0].name}/step", values, outputs)


def _own(layer: str, local: str) -> str:
    return f"{layer}/step/{local}"


def _input(graph: Graph, step: Graph, network: Network, stage: Stage, layer: Layer) -> str:
    """Return the input of a layer in one step: what comes from outside, and from the layers of its own stage."""
    total, names = _own(layer.name, "a"), {each.name for each in stage}
    for index, synapse in enumerate(layer.synapses):
        if synapse.source not in names:
            continue
        if synapse.delay >= network.timesteps:
            weight_of(graph, layer, index)  # readers of the file look for it
            continue
        name = _own(layer.name, f"sum{index}")
        source = _own(synapse.source, "spikes")
        if synapse.delay:
            back = graph.constant(f"back{synapse.delay}", synapse.delay - 1)
            source = step.add("Gather", [_own(synapse.source, "memory"), back], f"{name}/delayed", axis=0)
        sums = wide_sums(step, network, layer, index, Part(source, 1, 0), name)
        shape = graph.constant(f"{layer.name}/step_shape", [-1, *layer.output_shape])
        shaped = step.add("Reshape", [sums, shape], f"{name}/shaped")
        total = step.add("Add", [total, shaped], f"{name}/total")
    return total


def _remembered(step: Graph, name: str, steps: int) -> str:
    """Return the last spikes of a layer, the latest first, after this step."""
    now = step.add("Unsqueeze", [_own(name, "spikes"), step.constant("time", [0])], _own(name, "now"))
    if steps == 1:
        return now
    start, end = step.constant("start", [0]), step.constant(f"{name}/memory/end", [steps - 1])
    before = step.add("Slice", [_own(name, "memory"), start, end, start], _own(name, "before"))
    return step.add("Concat", [now, before], _own(name, "memory_next"), axis=0)


def _neuron(graph: Graph, step: Graph, layer: Layer, a: str) -> tuple[str, str, str]:
    """Add one step of toolchain/network/lif.py: (u, v, a) -> (u, v, spikes)."""
    name = layer.name

    def own(local: str) -> str:
        return _own(name, local)

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

    drive = step.add("Mul", [a, "64"], own("drive"))
    u = wrapped(step.add("Add", [decayed("u", "keep_u"), drive], own("u_sum")))
    v = step.add("Add", [step.add("Add", [decayed("v", "keep_v"), u], own("v_sum")), f"{name}/bias"], own("v_biased"))
    least, most = graph.constant("v_min", -lif.MEMBRANE_MAX), graph.constant("v_max", lif.MEMBRANE_MAX)
    # Not Clip: onnxruntime's is wrong for int64 beyond 32 bits.
    v = step.add("Where", [step.add("Greater", [v, most], own("v_above")), most, v], own("v_low"))
    v = step.add("Where", [step.add("Less", [v, least], own("v_below")), least, v], own("v_before"))
    fired = step.add("Greater", [v, f"{name}/threshold"], own("fired"))
    after = step.add("Where", [fired, "0", v], own("v_next"))
    return u, after, step.add("Cast", [fired], own("spikes"), to=TensorProto.UINT8)
