"""What an ONNX graph of integer operators cannot hold of a network, and the options of such a graph."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snnc.export.limits import outside
from snnc.export.target import option
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.network.text import span
from snnc.toolchain.network.violation import Violation

INT32_MAX = 2**31 - 1
LARGEST_FILE = 2**31 - 2**24  # bytes of one protobuf message, less what nodes and names take


@dataclass(frozen=True)
class OnnxOptions:
    """What an ONNX graph takes and gives; `timed` None means one frame for each step for events (0 and 1) only."""

    timed: bool | None = option(None, "One frame for each step, or one for all.  [default: by data]", negative="constant")
    traces: bool = option(False, "Spikes and membranes of every layer as outputs too.")


def check(network: Network, options: OnnxOptions = OnnxOptions()) -> Iterator[Violation]:
    """Yield everything that an ONNX graph cannot hold; sums of several synapses are made in 64 bits, those of one in 32."""
    weights = 0
    for layer in network.layers:
        where = f"layer {layer.name!r}"
        weights += 8 * layer.neurons + sum(synapse.weight.size for synapse in layer.synapses)
        for name, decay in (("du", layer.neuron.du), ("dv", layer.neuron.dv)):
            if np.ndim(decay):
                yield Violation(where, f"{name} {span(decay)} differs from neuron to neuron", "use one for all")
        for synapse in layer.synapses:
            if synapse.delay:
                yield Violation(where, f"a delay of {synapse.delay} steps from {synapse.source!r}", "use none", synapse.delay)
            what, remedy = f"weight from {synapse.source!r}", "train with fewer bits, or take --target nir"
            yield from outside(where, what, synapse.weight, (lif.WEIGHT_MIN, lif.WEIGHT_MAX), remedy)
            magnitudes = np.abs(synapse.weight.astype(np.int64)).reshape(len(synapse.weight), -1).sum(1)
            reach = int(magnitudes.max()) * (255 if synapse.source == INPUT else 1)
            if reach > INT32_MAX:
                problem = f"sums from {synapse.source!r} can leave 32 bits, which ONNX's integer operators give"
                yield Violation(where, problem, "split the layer", reach, f"0..{INT32_MAX}")
    if weights > LARGEST_FILE:
        yield Violation("network", "weights and biases take more than the 2 GiB of an ONNX file", "take --target nir", weights)
