"""What a `.net` file of lava.lib.dl.netx (lava-dl 0.6.0) cannot hold of a network."""

from collections.abc import Iterator
from pathlib import Path

from snnc.export.limits import outside
from snnc.export.target import NoOptions
from snnc.toolchain.network import lif
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.network.violation import Violation

BIAS_EXPONENT = 6  # fixed by netx: biases are whole weight units
DENSE_MIN, DENSE_MAX = -256, 254  # what dense synapses of 8 bits and a sign hold; netx clips what is beyond
MESSAGE_MAX = 2**15 - 1  # of one graded input, which has 16 bits


def check(network: Network, options: NoOptions = NoOptions()) -> Iterator[Violation]:  # noqa: B008 - frozen
    """Yield everything that netx cannot hold."""
    pixels = network.input
    yield from outside("input", "value", (pixels.minimum, pixels.maximum), (-MESSAGE_MAX, MESSAGE_MAX), "scale the input down")
    source = INPUT
    for layer in network.layers:
        where = f"layer {layer.name!r}"
        yield from _synapses(layer, source, where)
        yield from _neuron(layer.neuron, where)
        source = layer.name


def describe(network: Network, path: Path) -> str:
    """Return how netx is to be called for a file."""
    return f"Lava netx: 16-bit graded input (pixel - {network.input.zero_point}), reset every {network.timesteps} steps"


def remark(network: Network, options: NoOptions) -> str | None:
    """Return what was folded for netx, which takes one source for each layer."""
    folded = sum(len(layer.synapses) for layer in network.layers) - sum(
        len(layer.synapses) for layer in fold_parallel(network).layers
    )
    if not folded:
        return None
    return f"shortcuts folded into kernels: {folded}; the file holds a network of other weights and the same sums"


def _synapses(layer: Layer, previous: str, where: str) -> Iterator[Violation]:
    longest = max(synapse.delay for synapse in layer.synapses)
    if longest:
        what = "recurrence" if any(synapse.source == layer.name for synapse in layer.synapses) else "delays"
        yield Violation(where, f"{what}, of up to {longest} steps, which snnc does not write", "take --target onnx", longest)
    elif len(layer.synapses) > 1 or layer.synapses[0].source != previous:
        problem = f"netx chains layers, so its only source must be {previous!r}; only shortcuts around one layer fold into it"
        yield Violation(where, problem, "train with --shortcuts conv, or take --target nir or onnx")
    for synapse in layer.synapses:
        if isinstance(synapse, Dense):
            most = DENSE_MAX + (int(synapse.weight.min()) >= 0)
            yield from outside(where, "weight", synapse.weight, (DENSE_MIN, most), "take --target onnx, or fewer bits")
        if isinstance(synapse, Dense) and not synapse.weight.any():
            yield Violation(where, "all weights are 0, which netx cannot scale", "remove the layer or train it again")


def _neuron(neuron: Lif, where: str) -> Iterator[Violation]:
    remedy = f"rescale the layer; a threshold that is never reached may be {lif.VTH_MAX}"
    yield from outside(where, "threshold", neuron.vth, (0, lif.VTH_MAX), remedy)
    if (neuron.bias & (1 << BIAS_EXPONENT) - 1).any():
        yield Violation(where, "netx biases are whole weight units (multiples of 64)", "take --target nir or onnx")
    allowed = (lif.BIAS_MANTISSA_MIN, lif.BIAS_MANTISSA_MAX)
    yield from outside(where, "bias in weight units", neuron.bias >> BIAS_EXPONENT, allowed, "rescale the layer")
