"""A network as a NIR graph: Conv2d, Affine, Flatten, LIF, IF and LI nodes, in the dialect of one reader.

NIR leaves the discretization to its readers, and they differ, so that one file cannot be exact in all of them. With
beta = 1 - dt / tau and r = tau / dt, Euler's step of `tau dv/dt = -v + r I` is the chip's own: v = beta v + I.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import nir
import numpy as np
from numpy.typing import NDArray

from snnc.export.description import describe
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Synapse

UNIT = 2**lif.UNIT_SHIFT  # membrane units of one weight unit
HALF_STEP = 1 / (2 * UNIT)  # between two values of a membrane, so that > and >= are the same
NEARLY_FOREVER = 1e4  # seconds; a decay so slow that float32 does not see it


@dataclass(frozen=True)
class Dialect:
    """How one reader understands a graph: seconds per step, and how it gets a decay from a time constant."""

    dt: float
    decay: Callable[[NDArray[np.floating]], NDArray[np.floating]]  # of a time constant, with the reader's own roundings
    precision: type[np.floating] = np.float32  # of tau
    strict: bool = True  # the threshold is exact and spikes are strictly above; else it lies halfway to the next value
    ignores_r: bool = False  # r is taken as 1: inputs count dt / tau, and membranes are smaller by that
    has_if: bool = True
    has_li: bool = False  # a membrane read-out is a leaky integrator; else a LIF that never spikes
    sums_edges: bool = False
    refusal: str = ""


def _euler(dt: float) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    return lambda tau: 1 - dt / tau


def _norse(tau: NDArray[np.floating]) -> NDArray[np.floating]:
    one: NDArray[np.floating] = 1 - np.float32(1e-3) * (np.float32(1) / tau.astype(np.float32))
    return one


SINABS = (
    "sinabs 3.1.3 resets by subtraction and lets a neuron spike several times in a step, which no NIR file can change; "
    "take --dialect spec and replace its neurons after loading"
)

DIALECTS: dict[str, Dialect] = {
    # NIR's definition and Euler's method; a step that is a power of two loses nothing in dt / tau.
    "spec": Dialect(2**-13, _euler(2**-13), np.float64, has_li=True, sums_edges=True),
    "norse": Dialect(1e-3, _norse, strict=False, ignores_r=True),
    "snntorch": Dialect(1e-4, _euler(1e-4), strict=False, has_if=False),  # its IF decays by 0.9
    "spikingjelly": Dialect(1e-4, _euler(1e-4), np.float64, strict=False),
    "sinabs": Dialect(1e-4, _euler(1e-4), refusal=SINABS),
}


def nir_graph(network: Network, dialect: str = "spec") -> nir.NIRGraph:
    """Return the graph; its input is chip values (raw minus zero point), one frame for each step.

    Raises CannotExport, with the reason, for what NIR or the dialect cannot express.
    """
    if dialect not in DIALECTS:
        raise CannotExport(f"dialect {dialect!r} is unknown; allowed are {', '.join(DIALECTS)}")
    form = DIALECTS[dialect]
    if form.refusal:
        raise CannotExport(form.refusal)
    shapes = {INPUT: network.input.shape} | {layer.name: layer.output_shape for layer in network.layers}
    names = node_names(layer.name for layer in network.layers)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array(network.input.shape))}
    edges: list[tuple[str, str]] = []
    for layer in network.layers:
        _check(layer, dialect)
        for index, synapse in enumerate(layer.synapses):
            node, before = f"{names[layer.name]}_weight{index}", names[synapse.source]
            source = shapes[synapse.source]
            if not isinstance(synapse, Conv) and len(source) > 1:
                nodes[f"{node}_flat"] = nir.Flatten({"input": np.array(source)}, 0, len(source) - 1)
                edges.append((before, f"{node}_flat"))
                before = f"{node}_flat"
            nodes[node] = _synapse_node(synapse, source, layer.neuron, with_bias=index == 0)
            edges += [(before, node), (node, names[layer.name])]
        silent = layer is network.layers[-1] and network.readout == "membrane"
        nodes[names[layer.name]] = _neuron_node(layer.neuron, form, silent=silent)
    nodes["output"] = nir.Output(np.array(network.layers[-1].output_shape))
    edges.append((names[network.layers[-1].name], "output"))
    return nir.NIRGraph(nodes, edges, metadata={"snnc": describe(network), "dialect": dialect, "dt": form.dt})


def exactness(network: Network, dialect: str = "spec") -> str | None:
    """Return None if a float32 reader of the dialect gives the network's very spikes, else why not and how far it can drift."""
    if not network.truncation_free:
        betas = [layer.neuron.beta for layer in network.layers]
        steps = max(sum(beta**t for t in range(network.timesteps)) for beta in betas)
        return (
            "the network is not truncation-free: real-number membranes drift from the chip's by up to "
            f"{steps / UNIT:.3g} weight units until a spike comes earlier or later; train with --beta 0.5 and at most 7 steps"
        )
    for layer in network.layers:
        beta, form = layer.neuron.beta, DIALECTS[dialect]
        if dialect == "spec" and beta < 1:
            tau = time_constant(form, beta)
            kept = 1 - form.dt / tau
            if kept != beta or resistance(form, tau) * (1 - kept) != 1:
                return f"layer {layer.name!r}: no time constant gives a decay of exactly {beta:g}; train with --beta 0.5"
        if form.ignores_r and beta not in (0.5, 1.0):
            return (
                f"layer {layer.name!r}: {dialect} scales its inputs by 1 - {beta:g}, which float32 rounds; "
                "train with --beta 0.5"
            )
    return None


def node_names(layers: Iterable[str]) -> dict[str, str]:
    """Return a node name for every layer: its own, made fit to be a name in Python, which readers turn it into."""
    names, taken = {INPUT: "input"}, {"input", "output"}
    for layer in layers:
        name = "layer_" + re.sub(r"\W", "_", layer, flags=re.ASCII)  # bare, "type" or "if" would break readers
        while name in taken or re.search(r"_weight\d+(_flat)?$", name):
            name += "_"
        names[layer] = name
        taken.add(name)
    return names


def _check(layer: Layer, dialect: str) -> None:
    neuron, form = layer.neuron, DIALECTS[dialect]
    if neuron.du != lif.DU_MAX:
        raise CannotExport(
            f"layer {layer.name!r}: current memory (du {neuron.du}) has no exact NIR neuron; use du {lif.DU_MAX}"
        )
    if len(layer.synapses) > 1 and not form.sums_edges:
        raise CannotExport(f"layer {layer.name!r}: {dialect} is not known to sum several synapses exactly; take --dialect spec")
    for synapse in layer.synapses:
        if not isinstance(synapse, Conv):
            continue
        if synapse.weight.shape[2] != synapse.weight.shape[3]:
            raise CannotExport(f"layer {layer.name!r}: NIR 1.0.8 fails its own check on kernels that are not square")
        bias = neuron.bias.reshape(len(neuron.bias), -1)
        if (bias != bias[:, :1]).any():
            raise CannotExport(
                f"layer {layer.name!r}: biases differ within a channel, a NIR convolution has one for each channel"
            )


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

    beta = neuron.beta
    tau = time_constant(form, beta)
    gain = 1 - beta if form.ignores_r and beta < 1 else 1.0
    threshold = everywhere((neuron.vth + (0 if form.strict else HALF_STEP)) * gain)
    zero = everywhere(0)
    if beta == 1 and form.has_if and not (silent and form.has_li):
        per_step = 1.0 if form.ignores_r else 1 / form.dt
        return nir.IF(r=everywhere(per_step), v_threshold=threshold, v_reset=zero)
    taus, r = (everywhere(x, form.precision) for x in (tau, 1.0 if form.ignores_r else resistance(form, tau)))
    if silent and form.has_li:
        return nir.LI(tau=taus, r=r, v_leak=zero)
    return nir.LIF(tau=taus, r=r, v_leak=zero, v_threshold=threshold, v_reset=zero)


def resistance(form: Dialect, tau: float) -> float:
    """Return the r with which one unit of input adds one to the membrane: tau / dt, to the last bit where that is possible."""
    middle, added = tau / form.dt, 1 - (1 - form.dt / tau)
    near = [middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)]
    return float(min(near, key=lambda r: abs(r * added - 1)))


def time_constant(form: Dialect, beta: float) -> float:
    """Return the tau that the reader turns into a decay of exactly beta, or the nearest one."""
    if beta == 1:
        return NEARLY_FOREVER
    middle = np.array(form.dt / (1 - beta), form.precision)
    near = [middle]
    for direction in (-np.inf, np.inf):
        tau = middle
        for _ in range(16):
            tau = np.nextafter(tau, np.array(direction, form.precision))
            near.append(tau)
    return float(min(near, key=lambda tau: abs(float(form.decay(tau)) - beta)))
