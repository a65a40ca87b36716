"""A network as a NIR graph: Conv2d, Affine, Flatten, LIF, IF and LI nodes, in the dialect of one reader."""

import re
from collections.abc import Iterable

import nir
import numpy as np
from numpy.typing import NDArray

from snnc.export.description import describe
from snnc.export.nir.dialects import DIALECTS, HALF_STEP, UNIT, Dialect, resistance, time_constant
from snnc.toolchain.errors import row
from snnc.toolchain.network.network import INPUT, Lif, Network
from snnc.toolchain.network.synapse import Conv, Synapse


def nir_graph(network: Network, dialect: str = "spec") -> nir.NIRGraph:
    """Return the graph; its input is chip values (raw minus zero point), one frame for each step.

    The network must have no violations (violations.py). Raises ConfigError for an unknown dialect.
    """
    form, shapes = row(DIALECTS, dialect, "dialect"), network.shapes
    names = node_names(layer.name for layer in network.layers)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array(network.input.shape))}
    edges: list[tuple[str, str]] = []
    earlier = {INPUT}
    for layer in network.layers:
        for index, synapse in enumerate(layer.synapses):
            node, before = f"{names[layer.name]}_weight{index}", names[synapse.source]
            source = shapes[synapse.source]
            # A loop takes a step by itself.
            if steps := synapse.delay - (synapse.source not in earlier):
                nodes[f"{node}_delay"] = nir.Delay(np.full(source, steps * form.dt))
                edges.append((before, f"{node}_delay"))
                before = f"{node}_delay"
            if not isinstance(synapse, Conv) and len(source) > 1:
                nodes[f"{node}_flat"] = nir.Flatten({"input": np.array(source)}, 0, len(source) - 1)
                edges.append((before, f"{node}_flat"))
                before = f"{node}_flat"
            nodes[node] = _synapse_node(synapse, source, layer.neuron, with_bias=index == 0)
            edges += [(before, node), (node, names[layer.name])]
        earlier.add(layer.name)
        nodes[names[layer.name]] = _neuron_node(layer.neuron, form, silent=network.is_readout(layer))
    nodes["output"] = nir.Output(np.array(network.layers[-1].output_shape))
    edges.append((names[network.layers[-1].name], "output"))
    return nir.NIRGraph(nodes, edges, metadata={"snnc": describe(network), "dialect": dialect, "dt": form.dt})


def node_names(layers: Iterable[str]) -> dict[str, str]:
    """Return a node name for every layer: its own, made fit to be a name in Python, which readers turn it into."""
    names, taken = {INPUT: "input"}, {"input", "output"}
    for layer in layers:
        name = "layer_" + re.sub(r"\W", "_", layer, flags=re.ASCII)  # bare, "type" or "if" would break readers
        while name in taken or re.search(r"_weight\d+(_flat|_delay)?$", name):
            name += "_"
        names[layer] = name
        taken.add(name)
    return names


def _synapse_node(synapse: Synapse, source: tuple[int, ...], neuron: Lif, *, with_bias: bool) -> nir.NIRNode:
    weight = synapse.weight.astype(np.float32)
    bias = (neuron.bias.reshape(len(weight), -1)[:, 0] / UNIT * with_bias).astype(np.float32)
    if isinstance(synapse, Conv):
        geometry = {"stride": synapse.stride, "padding": synapse.padding, "dilation": (1, 1)}
        return nir.Conv2d(input_shape=source[1:], weight=weight, groups=1, bias=bias, **geometry)
    return nir.Affine(weight, bias)


def _neuron_node(neuron: Lif, form: Dialect, *, silent: bool) -> nir.NIRNode:
    def everywhere(value: float, kind: type[np.floating] = np.float32) -> NDArray[np.floating]:
        return np.full(neuron.shape, value, kind)

    beta = float(neuron.beta)  # one for all: see violations.py
    tau = time_constant(form, beta)
    gain = 1 - beta if form.ignores_r and beta < 1 else 1.0
    threshold = everywhere((neuron.vth + (0 if form.strict else HALF_STEP)) * gain)
    zero = everywhere(0)
    if beta == 1 and form.has_if:  # a read-out too: it never reaches its threshold, and no leaky integrator keeps all
        per_step = 1.0 if form.ignores_r else 1 / form.dt
        return nir.IF(r=everywhere(per_step), v_threshold=threshold, v_reset=zero)
    taus, r = (everywhere(x, form.precision) for x in (tau, 1.0 if form.ignores_r else resistance(form, tau)))
    if silent and form.has_li:
        return nir.LI(tau=taus, r=r, v_leak=zero)
    return nir.LIF(tau=taus, r=r, v_leak=zero, v_threshold=threshold, v_reset=zero)
