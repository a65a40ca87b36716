"""A network as a graph of stock Lava processes: one LIFReset for each layer, one Conv or several Dense for each synapse.

Importing this imports Lava.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snnc.export.lava.import_fixes import modern_python, widen_conv_geometry
from snnc.export.lava.limits import MESSAGE_BITS, WEIGHT_BITS, silence, split_bias
from snnc.export.lava.schedule import Schedule, apart
from snnc.export.limits import split_weight
from snnc.toolchain.network.network import INPUT, Layer
from snnc.toolchain.network.synapse import Conv, Dense

with modern_python():
    from lava.proc.conv.process import Conv as LavaConv
    from lava.proc.dense.process import DelayDense
    from lava.proc.dense.process import Dense as LavaDense
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.lif.process import LIFReset
    from lava.utils.weightutils import SignMode

widen_conv_geometry()

Processes = dict[str, Any]  # the neurons of each layer by its name


def build(timed: Schedule, feed: Callable[[Any, int], None]) -> Processes:
    """Build a graph of stock Lava processes and nothing custom, and return the neurons.

    `feed(port, late)` connects the input to a port, that many steps late; a flat port takes it in C,H,W order.
    """
    shapes = timed.network.shapes
    neurons = {layer.name: _neuron_process(layer, timed) for layer in timed.network.layers}
    for layer in timed.network.layers:
        for synapse in layer.synapses:
            late = timed.late(synapse, layer.name)
            for process in synapse_processes(synapse, shapes[synapse.source], 0 if synapse.source == INPUT else late):
                if synapse.source == INPUT:
                    feed(process.s_in, late)
                else:
                    fitting(neurons[synapse.source].s_out, process.s_in).connect(process.s_in)
                process.a_out.connect(neurons[layer.name].a_in)
        if timed.silenced(layer):
            _keep_silent(layer, timed, neurons[layer.name].a_in)
    for name in apart(timed.network):
        _tie(neurons[name], neurons[timed.network.layers[-1].name])
    return neurons


def _tie(source: Any, target: Any) -> None:
    """Connect two populations by weights of 0, since Lava runs only what is connected."""
    synapse = Dense("source", np.zeros((int(np.prod(target.s_out.shape)), int(np.prod(source.s_out.shape))), np.int64))
    (process,) = synapse_processes(synapse, (), 0)
    source.s_out.flatten().connect(process.s_in)
    process.a_out.reshape(target.a_in.shape).connect(target.a_in)


def _keep_silent(layer: Layer, timed: Schedule, port: Any) -> None:
    """Subtract from the input of a layer, between its samples, what keeps it from spiking."""
    periods = -(-timed.starts[layer.name] // timed.period)
    outside = timed.outside(layer.name, periods + 1)[periods * timed.period :][: timed.period]
    gate = Source(data=np.roll(outside, -1)[None].astype(np.int64))  # a source begins again at its end; synapses take a step
    for process in synapse_processes(Dense(INPUT, np.full((layer.neurons, 1), -silence(timed, layer))), (1,), 0):
        gate.s_out.connect(process.s_in)
        process.a_out.reshape(port.shape).connect(port)


def synapse_processes(synapse: Conv | Dense, source_shape: tuple[int, ...], late: int) -> list[Any]:
    """Return the processes whose outputs sum up to the synapse's, which hold back their source for `late` steps more."""
    bits = MESSAGE_BITS if synapse.source == INPUT else 0
    if isinstance(synapse, Conv):
        # Lava convolves, PyTorch correlates; Lava's axes are W,H,C. Its weights may have any number of bits.
        weight = synapse.weight.astype(np.int64)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
        shape, stride, padding = (tuple(reversed(pair)) for pair in (source_shape, synapse.stride, synapse.padding))
        return [LavaConv(weight=weight, input_shape=shape, stride=stride, padding=padding, num_message_bits=bits)]
    # Lava drops the last bit of mixed-sign weights (+1 -> 0, -1 -> -2): twice the weight at half the exponent keeps it.
    # It also clips them to 8 bits and a sign, so wider ones are the sum of several processes at different exponents.
    options = {"num_weight_bits": WEIGHT_BITS, "sign_mode": SignMode.MIXED, "num_message_bits": bits}
    kind = LavaDense
    if late:
        kind, options = DelayDense, {**options, "delays": np.full(synapse.weight.shape, late), "max_delay": late}
    parts = enumerate(split_weight(synapse.weight))
    return [kind(weights=2 * part, weight_exp=WEIGHT_BITS * i - 1, **options) for i, part in parts]


def _neuron_process(layer: Layer, timed: Schedule) -> Any:
    neuron = layer.neuron
    mantissa, exponent = split_bias(neuron.bias)
    return LIFReset(
        shape=tuple(reversed(neuron.shape)),
        vth=neuron.vth,
        du=neuron.du if isinstance(neuron.du, int) else neuron.du.transpose(),
        dv=neuron.dv if isinstance(neuron.dv, int) else neuron.dv.transpose(),
        bias_mant=mantissa.transpose(),
        bias_exp=exponent.transpose(),
        reset_interval=timed.period,
        reset_offset=timed.reset_offset(layer.name),
    )


def fitting(spikes: Any, port: Any) -> Any:
    """Return a port of spikes (W,H,C), flattened in C,H,W order where the port that takes them is flat."""
    return spikes.transpose([2, 1, 0]).flatten() if len(spikes.shape) == 3 and len(port.shape) == 1 else spikes
