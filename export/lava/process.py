"""Runs one network in Lava's CPU simulator, in the interpreter that child.py watches over.

It is an interpreter of its own since Lava forks, hangs if torch runs in it, and may never return.
Reads the job from the folder (job.json, arrays.npz and, for the builder "netx", network.net) and writes trace.npz there.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.import_fixes import modern_python, print_failures, skip_slayer, widen_conv_geometry
from snnc.export.lava.limits import MESSAGE_BITS, WEIGHT_BITS, silence, split_bias
from snnc.export.lava.schedule import Schedule, apart, schedule
from snnc.export.limits import split_weight
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.plain import from_plain
from snnc.toolchain.network.synapse import Conv, Dense

with modern_python():
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.conv.process import Conv as LavaConv
    from lava.proc.dense.process import DelayDense
    from lava.proc.dense.process import Dense as LavaDense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.lif.process import LIFReset
    from lava.proc.monitor.process import Monitor
    from lava.utils.weightutils import SignMode

Frames = NDArray[np.int64]
Processes = dict[str, Any]  # the neurons of each layer by its name


class Sources:
    """One source process for each number of steps that the input is late and for each of its two layouts."""

    def __init__(self, timed: Schedule, frames: Frames) -> None:
        self.timed, self.frames = timed, frames
        self.made: dict[tuple[int, bool], Any] = {}

    def feed(self, port: Any, late: int) -> None:
        """Connect the input to a port: in W,H,C order, or flattened in C,H,W order where the port is flat."""
        flat = len(port.shape) == 1
        if (late, flat) not in self.made:
            stream = self.timed.stream(self.frames, late)
            ordered = stream.reshape(len(stream), -1) if flat else stream.transpose(0, 3, 2, 1)
            self.made[late, flat] = Source(data=np.ascontiguousarray(np.moveaxis(ordered, 0, -1)))
        self.made[late, flat].s_out.connect(port)


def build_from_processes(timed: Schedule, sources: Sources, path: Path) -> Processes:
    """Build the graph of stock Lava processes and nothing custom, and return the neurons."""
    shapes = timed.network.shapes
    neurons = {layer.name: _neuron_process(layer, timed) for layer in timed.network.layers}
    for layer in timed.network.layers:
        for synapse in layer.synapses:
            late = 0 if synapse.source == INPUT else timed.late(synapse, layer.name)
            for process in _synapse_processes(synapse, shapes[synapse.source], late):
                if synapse.source == INPUT:
                    sources.feed(process.s_in, timed.late(synapse, layer.name))
                else:
                    _fitting(neurons[synapse.source].s_out, process.s_in).connect(process.s_in)
                process.a_out.connect(neurons[layer.name].a_in)
        if timed.silenced(layer):
            _keep_silent(layer, timed, sources, neurons[layer.name].a_in)
    for name in apart(timed.network):
        _tie(neurons[name], neurons[timed.network.layers[-1].name])
    return neurons


def _tie(source: Any, target: Any) -> None:
    """Connect two populations by weights of 0, since Lava runs only what is connected."""
    synapse = Dense("source", np.zeros((int(np.prod(target.s_out.shape)), int(np.prod(source.s_out.shape))), np.int64))
    (process,) = _synapse_processes(synapse, (), 0)
    source.s_out.flatten().connect(process.s_in)
    process.a_out.reshape(target.a_in.shape).connect(target.a_in)


def _keep_silent(layer: Layer, timed: Schedule, sources: Sources, port: Any) -> None:
    """Subtract from the input of a layer, outside its samples, what keeps it from spiking."""
    outside = timed.outside(layer.name, sources.frames.shape[1])
    gate = Source(data=np.append(outside[1:], True)[None].astype(np.int64))  # synapses take a step
    for process in _synapse_processes(Dense(INPUT, np.full((layer.neurons, 1), -silence(timed, layer))), (1,), 0):
        gate.s_out.connect(process.s_in)
        process.a_out.reshape(port.shape).connect(port)


def build_with_netx(timed: Schedule, sources: Sources, path: Path) -> Processes:
    """Build the file with unmodified lava.lib.dl.netx, and return the neurons."""
    with modern_python():
        skip_slayer()
        from lava.lib.dl.netx import hdf5

    interval = timed.network.timesteps
    built = hdf5.Network(net_config=str(path), input_message_bits=MESSAGE_BITS, reset_interval=interval, reset_offset=1)
    sources.feed(built.inp, late=0)
    return {layer.name: block.neuron for layer, block in zip(timed.network.layers, built.layers, strict=True)}


BUILDERS: dict[str, Callable[[Schedule, Sources, Path], Processes]] = {
    "lava": build_from_processes,
    "netx": build_with_netx,
}


def run(network: Network, frames: Frames, builder: str, path: Path) -> dict[str, NDArray[np.generic]]:
    """Stream frames `(F, B, ...)` back to back and return spikes and membranes of every layer, `(T, B, ...)` each."""
    timed = schedule(network)
    steps = timed.steps(frames.shape[1])
    neurons = BUILDERS[builder](timed, Sources(timed, frames), path)
    sinks, monitors = {}, {}
    for layer in network.layers:  # relays are not recorded
        neuron = neurons[layer.name]
        sinks[layer.name], monitors[layer.name] = Sink(shape=neuron.s_out.shape, buffer=steps), Monitor()
        neuron.s_out.connect(sinks[layer.name].a_in)
        monitors[layer.name].probe(neuron.v, steps)
    last = neurons[network.layers[-1].name]
    last.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    recorded: dict[str, NDArray[np.generic]] = {}
    for name, sink in sinks.items():
        spikes = np.moveaxis(sink.data.get(), -1, 0)
        membranes = next(iter(next(iter(monitors[name].get_data().values())).values()))
        recorded[f"spikes/{name}"] = timed.samples_of(name, _in_our_order(spikes)).astype(bool)
        recorded[f"membranes/{name}"] = timed.samples_of(name, _in_our_order(np.asarray(membranes)))
    return recorded


def _synapse_processes(synapse: Conv | Dense, source_shape: tuple[int, ...], late: int) -> list[Any]:
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


def _fitting(spikes: Any, port: Any) -> Any:
    return spikes.transpose([2, 1, 0]).flatten() if len(spikes.shape) == 3 and len(port.shape) == 1 else spikes


def _in_our_order(stream: NDArray[Any]) -> NDArray[np.int32]:
    """Return a stream `(steps, W, H, C)` as `(steps, C, H, W)`."""
    return stream.transpose(0, *range(stream.ndim - 1, 0, -1)).astype(np.int32)


def do_job(folder: Path) -> None:
    """Do the job in the folder. Leaves Lava's processes running: all has been read from them, and whoever waits ends them."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    print_failures()
    widen_conv_geometry()
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        network, frames = from_plain(Network, job["network"], arrays), arrays["frames"]
    recorded = run(network, frames, job["builder"], folder / "network.net")
    np.savez(folder / "trace.unfinished.npz", allow_pickle=False, **recorded)
    os.replace(folder / "trace.unfinished.npz", folder / "trace.npz")
