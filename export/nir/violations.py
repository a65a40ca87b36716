"""What a NIR graph (nir 1.0.8) in the dialect of one reader cannot hold of a network."""

from collections.abc import Iterator

import numpy as np

from snnc.export.nir.dialects import DIALECTS, HALF_STEP, Dialect, NirOptions
from snnc.export.nir.loops import ordered
from snnc.toolchain.errors import SnncError, row
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.synapse import Conv
from snnc.toolchain.network.text import span
from snnc.toolchain.network.violation import Violation


def check(network: Network, options: NirOptions = NirOptions()) -> Iterator[Violation]:  # noqa: B008 - frozen
    """Yield everything that NIR or the dialect cannot hold; weights and biases have 24 bits at most, which float32 holds.

    Raises ConfigError for an unknown dialect.
    """
    form = row(DIALECTS, options.dialect, "dialect")
    if form.refusal:
        yield Violation("", form.refusal, "take --dialect spec and replace its neurons after loading")
    if form.has_delays and not _reads_in_order(network):
        yield Violation(
            "", "its loops can be read in another order, in which other synapses are the late ones", "take --target onnx"
        )
    read = {synapse.source for layer in network.layers for synapse in layer.synapses} | {network.layers[-1].name}
    for layer in network.layers:
        if layer.name not in read and not form.sums_edges:
            yield Violation(f"layer {layer.name!r}", f"no layer reads it, which {options.dialect} cannot load", "remove it")
        yield from _synapses(layer, options.dialect, form)
        yield from _neuron(layer, options.dialect, form)


def _reads_in_order(network: Network) -> bool:
    """Tell whether a reader, who sees nodes and edges, finds the loops' steps where the network has them."""
    sources: dict[str, list[str]] = {INPUT: []}
    for layer in network.layers:
        sources[layer.name] = list(dict.fromkeys(synapse.source for synapse in layer.synapses))
    place = {name: index for index, name in enumerate(sources)}
    around = {(each, name) for name, befores in sources.items() for each in befores if place[each] >= place[name]}
    try:
        return ordered(sources, lambda name: name != INPUT)[1] == around
    except SnncError:
        return False


def _synapses(layer: Layer, dialect: str, form: Dialect) -> Iterator[Violation]:
    where = f"layer {layer.name!r}"
    if len(layer.synapses) > 1 and not form.sums_edges:
        yield Violation(where, f"{dialect} is not known to sum several synapses exactly", "take --dialect spec")
    for synapse in layer.synapses:
        if synapse.delay and not form.has_delays:
            problem = f"synapses from {synapse.source!r} have a delay of {synapse.delay} steps, which {dialect} does not read"
            yield Violation(where, problem, "take --dialect spec", synapse.delay)
    convolutions = [synapse for synapse in layer.synapses if isinstance(synapse, Conv)]
    if any(synapse.weight.shape[2] != synapse.weight.shape[3] for synapse in convolutions):
        yield Violation(where, "NIR 1.0.8 fails its own check on kernels that are not square", "pad them with zeros")
    bias = layer.neuron.bias.reshape(len(layer.neuron.bias), -1)
    if convolutions and (bias != bias[:, :1]).any():
        problem = "biases differ within a channel, a NIR convolution has one for each channel"
        yield Violation(where, problem, "give each channel one bias")


def _neuron(layer: Layer, dialect: str, form: Dialect) -> Iterator[Violation]:
    where, neuron = f"layer {layer.name!r}", layer.neuron
    if neuron.has_current_memory:
        least = int(np.min(neuron.du))
        problem = f"current memory (du {span(neuron.du)}) has no exact NIR neuron"
        yield Violation(where, problem, f"use du {lif.DU_MAX}", least)
    if np.ndim(neuron.dv):
        yield Violation(
            where, f"decays of its own for each neuron (dv {span(neuron.dv)}) are not written", "take --target onnx"
        )
    halfway = neuron.vth + HALF_STEP
    if not form.strict and float(np.float32(halfway)) != halfway:
        problem = f"{dialect} needs a threshold between {neuron.vth} and the next membrane, which float32 does not have"
        yield Violation(where, problem, "rescale the layer or take --dialect spec", neuron.vth, f"0..{2**17 - 1}")
