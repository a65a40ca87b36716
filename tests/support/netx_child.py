"""The interpreter that runs foreign `.net` files in unmodified netx: python -m netx_child FOLDER PARENT, as child.py is run.

Several files run side by side in one Lava run, since its start takes seconds. Reads `N.net` and inputs.npz, in which `sent/N`
is the input `(T, *port)`, or `driven/N` the bias `(*port)` of input neurons; writes trace.npz: `spikes/N/K` and
`membranes/N/K` of block K, `(T, W, H, C)` or `(T, N)`, every step of the run, none reset.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from snnc.export.lava import child


def do_job(folder: Path) -> None:
    """Run all files of the folder."""
    from snnc.export.lava.import_fixes import modern_python, print_failures, skip_slayer

    with modern_python():
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.io.sink import RingBuffer as Sink
        from lava.proc.io.source import RingBuffer as Source
        from lava.proc.monitor.process import Monitor

        skip_slayer()
        from lava.lib.dl.netx import hdf5
        from lava.proc.dense.process import Dense

    print_failures()
    inputs = np.load(folder / "inputs.npz")
    steps = int(inputs["steps"])
    together = Sink(shape=(1,), buffer=steps)  # Lava runs only what is connected
    sinks: dict[str, Any] = {}
    monitors: dict[str, Any] = {}
    for number in range(int(inputs["files"])):
        built = hdf5.Network(net_config=str(folder / f"{number}.net"))
        if f"driven/{number}" in inputs:
            built.in_layer.neuron.bias_mant.init = inputs[f"driven/{number}"]
        else:
            Source(data=np.moveaxis(inputs[f"sent/{number}"], 0, -1)).s_out.connect(built.inp)
        for index, block in enumerate(built.layers):
            key = f"{number}/{index}"
            sinks[key], monitors[key] = Sink(shape=block.neuron.s_out.shape, buffer=steps), Monitor()
            block.neuron.s_out.connect(sinks[key].a_in)
            monitors[key].probe(block.neuron.v, steps)
        size = int(np.prod(built.out.shape))
        tie = Dense(weights=np.zeros((1, size), int))
        built.out.flatten().connect(tie.s_in)
        tie.a_out.connect(together.a_in)
    together.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    recorded = {f"spikes/{key}": np.moveaxis(sink.data.get(), -1, 0).astype(bool) for key, sink in sinks.items()}
    for key, monitor in monitors.items():
        recorded[f"membranes/{key}"] = np.asarray(next(iter(next(iter(monitor.get_data().values())).values())))
    np.savez(folder / "unfinished.npz", allow_pickle=False, **recorded)
    os.replace(folder / "unfinished.npz", folder / "trace.npz")


if __name__ == "__main__":
    status = 1
    try:
        from snnc.export.lava import process

        process.do_job = do_job
        child.main(Path(sys.argv[1]), int(sys.argv[2]))
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
