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

from snnc.export.lava.import_fixes import modern_python, print_failures, skip_slayer
from snnc.export.lava.limits import MESSAGE_BITS
from snnc.export.lava.schedule import Schedule, schedule
from snnc.export.lava.stock import Processes, build
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import from_plain

with modern_python():
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.monitor.process import Monitor

Frames = NDArray[np.int64]


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
    return build(timed, sources.feed)


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


def _in_our_order(stream: NDArray[Any]) -> NDArray[np.int32]:
    """Return a stream `(steps, W, H, C)` as `(steps, C, H, W)`."""
    return stream.transpose(0, *range(stream.ndim - 1, 0, -1)).astype(np.int32)


def do_job(folder: Path) -> None:
    """Do the job in the folder. Leaves Lava's processes running: all has been read from them, and whoever waits ends them."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    print_failures()
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        network, frames = from_plain(Network, job["network"], arrays), arrays["frames"]
    recorded = run(network, frames, job["builder"], folder / "network.net")
    np.savez(folder / "trace.unfinished.npz", allow_pickle=False, **recorded)
    os.replace(folder / "trace.unfinished.npz", folder / "trace.npz")
