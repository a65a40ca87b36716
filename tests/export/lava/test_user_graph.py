"""A network as a process of a user's own Lava graph: the spikes are ours, and what it cannot do is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lava_limits import AT_LIMIT
from loihi_stand_in import stand_in
from random_networks import random_residual_network, random_samples
from random_recurrence import random_recurrent_network

import snnc
from snnc.export.lava import user_graph
from snnc.export.lava.schedule import schedule
from snnc.toolchain.errors import CannotExport, ConfigError, DataError, EngineError
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense

# A user's script: a process of theirs behind ours, sinks on layers, a probe on the read-out's membrane.
SCRIPT = """
import sys
import numpy as np
import snnc
from snnc.export.lava.import_fixes import modern_python

with modern_python():
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.dense.process import Dense
    from lava.proc.lif.process import LIF
    from lava.proc.monitor.process import Monitor

network, samples = snnc.read_network("model.onnx"), np.load("samples.npy")
names = [layer.name for layer in network.layers]
process = snnc.lava_process(network, names[:-1])
print(process)
steps = process.steps(int(sys.argv[1]))
Source(data=process.stream(samples)).s_out.connect(process.s_in)
ports = process.outputs | {names[-1]: process.s_out}
sinks = {name: Sink(shape=port.shape, buffer=steps) for name, port in ports.items()}
for name, port in ports.items():
    port.connect(sinks[name].a_in)
probe = Monitor()
probe.probe(process.neurons[names[-1]].v, steps)
first = process.outputs[names[0]]  # the user's own neurons repeat its spikes one step later
synapses, neuron = Dense(weights=2 * np.eye(first.size)), LIF(shape=(first.size,), vth=0, dv=4095, du=4095)
first.flatten().connect(synapses.s_in)
synapses.a_out.connect(neuron.a_in)
mine = Sink(shape=neuron.s_out.shape, buffer=steps)
neuron.s_out.connect(mine.a_in)
config = Loihi2HwCfg if sys.argv[2] == "hardware" else Loihi2SimCfg
neuron.run(condition=RunSteps(num_steps=steps), run_cfg=config(select_tag="fixed_pt"))
recorded = {name: process.samples_of(name, sink.data.get()) for name, sink in sinks.items()}
recorded |= {"_sent": sinks[names[0]].data.get(), "_mine": mine.data.get()}
membranes = np.moveaxis(next(iter(next(iter(probe.get_data().values())).values())), 0, -1)
np.savez("recorded.npz", _membranes=process.samples_of(names[-1], membranes), **recorded)
neuron.stop()
assert "torch" not in sys.modules
"""


def mixed_network() -> Network:
    """Convolutions and dense synapses from one input, at once and two steps late; the read-out never spikes."""
    rng = np.random.default_rng(1)

    def dense(source: str, out: int, inputs: int) -> Dense:
        return Dense(source, rng.integers(-1, 2, (out, inputs)))

    kernel = Conv(INPUT, rng.integers(-1, 2, (2, 2, 3, 3)), padding=(1, 1))
    late = Conv(INPUT, rng.integers(-1, 2, (2, 2, 1, 1)))
    layers = (
        Layer("conv", (kernel,), Lif((2, 3, 4), 5, 2048)),
        Layer("dense", (dense(INPUT, 3, 24),), Lif((3,), 5, 2048)),
        Layer("again", (Conv("conv", rng.integers(-1, 2, (2, 2, 1, 1))), late), Lif((2, 3, 4), 2, 2048)),
        Layer("mixed", (dense("dense", 3, 3), dense("again", 3, 24), dense(INPUT, 3, 24)), Lif((3,), 131071, 0)),
    )
    return Network("mixed", 3, Input((2, 3, 4), -300, 300), layers, "membrane")


GRAPHS = [
    (mixed_network(), "hardware"),
    (random_residual_network(0), "simulation"),
    (random_recurrent_network(19), "simulation"),
]


@pytest.mark.lava
@pytest.mark.parametrize(("network", "config"), GRAPHS, ids=lambda each: each if isinstance(each, str) else each.name)
def test_a_graph_around_the_process_gives_our_spikes(network: Network, config: str, tmp_path: Path) -> None:
    """Under the run configuration of the chip too, which takes CPU models where it finds no others."""
    stand_in(tmp_path / "stand-in", steps=0)
    environment = os.environ | ({"PYTHONPATH": str(tmp_path / "stand-in")} if config == "hardware" else {})
    samples = random_samples(network, 4)
    snnc.export(network, "onnx", tmp_path / "model.onnx")
    np.save(tmp_path / "samples.npy", samples)
    command = [sys.executable, "-c", SCRIPT, "4", config]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    expected = snnc.simulate(network, samples)
    last = network.layers[-1].name
    with np.load(tmp_path / "recorded.npz") as recorded:
        for layer in network.layers:
            np.testing.assert_array_equal(recorded[layer.name], expected.spikes[layer.name], err_msg=layer.name)
        np.testing.assert_array_equal(recorded["_membranes"], expected.membranes[last])
        sent = recorded["_sent"].reshape(recorded["_mine"].shape)
        np.testing.assert_array_equal(recorded["_mine"][:, 1:], sent[:, :-1])
        assert sent.any()
    assert any(0 < expected.spikes[layer.name].mean() < 1 for layer in network.layers[:-1])
    shape, timed = tuple(reversed(network.input.shape)), schedule(network)
    assert f"s_in {shape}: integers {network.input.minimum}..{network.input.maximum}" in done.stdout
    first, late = network.layers[0].name, timed.starts[network.layers[0].name]
    resets = ", ".join(str(late + 1 + number * timed.period) for number in range(3))
    assert f"spikes of layer {first!r}, {late - timed.pause} step" in done.stdout
    assert f"late, reset at steps {resets}, ..." in done.stdout


def example(vth: int = 2, readout: str = "spikes") -> Network:
    layer = Layer("fc", (Dense(INPUT, [[1, 1]]),), Lif((1,), vth=vth, dv=2048))
    return Network("example", 3, Input((2,), 0, 1), (layer,), readout)  # type: ignore[arg-type]


@pytest.mark.lava
def test_what_cannot_be_is_one_line() -> None:
    with pytest.raises(ConfigError, match="^layer 'fc2' is unknown; allowed are fc$"):
        snnc.lava_process(example(), ["fc2"])
    with pytest.raises(
        CannotExport, match=r"^snnc.lava_process: Lava's stock processes cannot run this network: [^\n]*threshold"
    ):
        snnc.lava_process(AT_LIMIT["threshold"](1))
    with pytest.raises(snnc.SnncError, match="^snnc.lava_process: [^\n]*read-out"):
        snnc.lava_process(example(vth=0, readout="membrane"))


@pytest.mark.lava
def test_samples_of_another_shape_are_refused() -> None:
    code = (
        "import numpy as np, snnc\n"
        "layer = snnc.Layer('fc', (snnc.Dense('input', [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))\n"
        "process = snnc.lava_process(snnc.Network('example', 3, snnc.Input((2,), 0, 1), (layer,), 'spikes'))\n"
        "print(process)\n"
        "process.stream(np.zeros((4, 5, 2)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = f"{DataError.__name__}: lava_process: samples of shape (4, 5, 2); allowed are (B, 2) and (3, B, 2)"
    assert done.stderr.splitlines()[-1].endswith(said)
    shown = done.stdout.splitlines()
    docstring = [line.strip() for line in str(snnc.lava_process.__doc__).splitlines()]
    assert shown and all(line.strip() in docstring for line in shown)


def test_without_lava_its_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_graph, "installed", lambda: False)
    with pytest.raises(EngineError, match="^snnc.lava_process: Lava is not installed; get it with: pip install"):
        snnc.lava_process(example())
