"""Runs one network in Lava's CPU simulator: python -m snnc.export.lava.process JOB_FOLDER

Started by lava_runner in an interpreter of its own, since Lava forks, hangs if torch runs in it, and may never return.
Reads job.json, network.net and samples.npy from the folder and writes trace.npz there.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.import_fixes import modern_python, print_failures, skip_slayer, widen_conv_geometry
from snnc.export.netx.file import read_netx
from snnc.toolchain.network.network import Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv

with modern_python():
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.conv.process import Conv as LavaConv
    from lava.proc.dense.process import Dense as LavaDense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.lif.process import LIFReset
    from lava.proc.monitor.process import Monitor
    from lava.utils.weightutils import SignMode

GRADED_BITS = 16  # of one input message
Samples = NDArray[np.int64]


def build_from_processes(network: Network, path: Path) -> tuple[Any, list[Any]]:
    """Return the input port and the neurons of a graph of stock Lava processes, and nothing custom."""
    neurons: list[Any] = []
    first_port: Any = None
    source_shape = network.input.shape
    for depth, layer in enumerate(network.layers, start=1):
        synapse = _synapse_process(layer, source_shape, graded=depth == 1)
        neurons.append(_neuron_process(layer.neuron, network.timesteps, depth))
        synapse.a_out.connect(neurons[-1].a_in)
        if depth == 1:
            first_port = synapse.s_in
        else:
            _fitting(neurons[-2].s_out, synapse.s_in).connect(synapse.s_in)
        source_shape = layer.output_shape
    return first_port, neurons


def build_with_netx(network: Network, path: Path) -> tuple[Any, list[Any]]:
    """Return the input port and the neurons of the file as unmodified lava.lib.dl.netx builds it."""
    with modern_python():
        skip_slayer()
        from lava.lib.dl.netx import hdf5

    built = hdf5.Network(net_config=str(path), input_message_bits=GRADED_BITS, reset_interval=network.timesteps, reset_offset=1)
    return built.inp, [layer.neuron for layer in built.layers]


BUILDERS: dict[str, Callable[[Network, Path], tuple[Any, list[Any]]]] = {
    "lava": build_from_processes,
    "netx": build_with_netx,
}


def run(network: Network, samples: Samples, builder: str, path: Path) -> dict[str, NDArray[np.int32]]:
    """Stream samples `(T, B, ...)` back to back and return spikes and membranes of every layer, `(T, B, ...)` each."""
    timesteps, count = samples.shape[:2]
    steps = timesteps * count + len(network.layers) + 1
    port, neurons = BUILDERS[builder](network, path)
    source = Source(data=_stream(samples, steps, flat=len(port.shape) == 1))
    source.s_out.connect(port)
    sinks, monitors = [], []
    for neuron in neurons:
        sinks.append(Sink(shape=neuron.s_out.shape, buffer=steps))
        neuron.s_out.connect(sinks[-1].a_in)
        monitors.append(Monitor())
        monitors[-1].probe(neuron.v, steps)
    source.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    recorded: dict[str, NDArray[np.int32]] = {}
    for depth, layer in enumerate(network.layers, start=1):
        spikes = np.moveaxis(sinks[depth - 1].data.get(), -1, 0)
        membranes = next(iter(next(iter(monitors[depth - 1].get_data().values())).values()))
        recorded[f"spikes/{layer.name}"] = _samples_of(spikes, depth, timesteps, count)
        recorded[f"membranes/{layer.name}"] = _samples_of(np.asarray(membranes), depth, timesteps, count)
    source.stop()
    return recorded


def _synapse_process(layer: Layer, source_shape: tuple[int, ...], *, graded: bool) -> Any:
    synapse, bits = layer.synapses[0], GRADED_BITS if graded else 0
    if isinstance(synapse, Conv):
        # Lava convolves, PyTorch correlates; Lava's axes are W,H,C.
        weight = synapse.weight.astype(np.int64)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
        return LavaConv(
            weight=weight,
            input_shape=tuple(reversed(source_shape)),
            stride=tuple(reversed(synapse.stride)),
            padding=tuple(reversed(synapse.padding)),
            num_message_bits=bits,
        )
    # Lava drops the last bit of mixed-sign weights (+1 -> 0, -1 -> -2): twice the weight at half the exponent keeps it.
    weight = synapse.weight.astype(np.int64) * 2
    return LavaDense(weights=weight, weight_exp=-1, num_weight_bits=8, sign_mode=SignMode.MIXED, num_message_bits=bits)


def _neuron_process(neuron: Lif, timesteps: int, depth: int) -> Any:
    return LIFReset(
        shape=tuple(reversed(neuron.shape)),
        vth=neuron.vth,
        du=neuron.du,
        dv=neuron.dv,
        bias_mant=np.asarray(neuron.bias_mantissa, np.int64).transpose(),
        bias_exp=neuron.bias_exponent,
        reset_interval=timesteps,
        reset_offset=depth + 1,  # every synapse delays by one step, and Lava counts steps from 1
    )


def _fitting(spikes: Any, port: Any) -> Any:
    return spikes.transpose([2, 1, 0]).flatten() if len(spikes.shape) == 3 and len(port.shape) == 1 else spikes


def _stream(samples: Samples, steps: int, *, flat: bool) -> NDArray[np.int64]:
    """Return the input of all steps with time as the last axis, in W,H,C order or flattened in C,H,W order."""
    timesteps, count = samples.shape[:2]
    one_after_another = samples.swapaxes(0, 1).reshape(timesteps * count, *samples.shape[2:])
    ordered = one_after_another.reshape(len(one_after_another), -1) if flat else one_after_another.transpose(0, 3, 2, 1)
    stream = np.zeros((*ordered.shape[1:], steps), np.int64)
    stream[..., : timesteps * count] = np.moveaxis(ordered, 0, -1)
    return stream


def _samples_of(stream: NDArray[Any], depth: int, timesteps: int, count: int) -> NDArray[np.int32]:
    """Cut a layer's stream `(steps, ...)`, which starts `depth` steps late, into `(T, B, ...)` in C,H,W order."""
    active = stream[depth : depth + timesteps * count]
    active = active.transpose(0, *range(active.ndim - 1, 0, -1)).astype(np.int32)
    return active.reshape(count, timesteps, *active.shape[1:]).swapaxes(0, 1)


def end_with(parent: int) -> None:
    """End this process and all that it forked once its parent has gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(os.getpgrp(), signal.SIGTERM)


def main(folder: Path) -> None:
    """Do the job in the folder."""
    job = json.loads((folder / "job.json").read_text())
    threading.Thread(target=end_with, args=(job["parent"],), daemon=True).start()
    print_failures()
    widen_conv_geometry()
    builder = job["builder"]
    path = folder / "network.net"
    recorded = run(read_netx(path), np.load(folder / "samples.npy"), builder, path)
    np.savez(folder / "trace.unfinished.npz", allow_pickle=False, **recorded)
    os.replace(folder / "trace.unfinished.npz", folder / "trace.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
