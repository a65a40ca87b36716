"""Lava's own simulator against the reference, and what its failures look like from outside."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_networks import random_network, random_samples, seeds

from snnc.export.lava import runner as lava_runner
from snnc.export.lava.runner import run_lava
from snnc.toolchain.errors import CannotExport, EngineError
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.frames import over_time
from snnc.toolchain.simulate.reference import simulate
from snnc.verification.verdict import Verdict

pytestmark = pytest.mark.lava


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what the runner leaves behind lie where only this test looks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def equals_reference(network: Network, samples: np.ndarray, builder: str) -> bool:
    verdict = Verdict(network)
    trace = run_lava(network, over_time(network, samples), builder=builder, time_limit=120)
    verdict.count(trace.engine, trace.outputs(network), np.zeros(trace.samples, np.int64), seconds=0.0)
    verdict.compare(simulate(network, samples), trace, 0)
    assert verdict.equal, verdict.first_difference
    return True


def networks_for_lava(count: int) -> list[Network]:
    """Random networks with spikes in every layer, whose sums stay within 24 bits, where Lava's Conv would clip."""
    found: list[Network] = []
    seed = 0
    while len(found) < count:
        network = random_network(seed, chip_only=True)
        trace = simulate(network, random_samples(network, 3))
        if all(0 < trace.spikes[layer.name].mean() < 1 for layer in network.layers) and not any(overflows(network)):
            found.append(network)
        seed += 1
    return found


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds)
def test_any_random_network_is_equal(seed: int) -> None:
    network = random_network(seed, chip_only=True)
    assume(not any(overflows(network)))
    assert equals_reference(network, random_samples(network, 3), "lava")


@pytest.mark.parametrize("builder", ["lava", "netx"])
@pytest.mark.parametrize("network", networks_for_lava(4), ids=lambda network: network.name)
def test_random_networks_are_equal(network: Network, builder: str) -> None:
    assert equals_reference(network, random_samples(network, 3), builder)


def test_input_that_changes_with_time_is_equal() -> None:
    network = networks_for_lava(1)[0]
    assert equals_reference(network, random_samples(network, 3, timed=True), "lava")


@pytest.mark.parametrize("builder", ["lava", "netx"])
def test_the_last_bit_of_dense_weights_is_not_lost(builder: str) -> None:
    """Lava's Dense turns +1 into 0 and -1 into -2 if it is given mixed-sign weights as they are."""
    weight = np.array([[1, -1, 0, 0], [1, 1, 0, 0], [127, -127, 0, 0], [3, 0, -5, 0]])
    layer = Layer("fc", (Dense("input", weight),), Lif((4,), 0, 0))
    network = Network("trap", 2, Input((4,), 0, 1), (layer,), "spikes")
    samples = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1]])
    assert simulate(network, samples).spikes["fc"].any()
    assert equals_reference(network, samples, builder)


@pytest.mark.parametrize("sign", [1, -1])
def test_wrapping_currents_and_saturating_membranes_are_equal(sign: int) -> None:
    weight = np.array([[127, 127], [-128, -128], [-128, -128], [100, 0]])
    layer = Layer("fc", (Dense("input", weight),), Lif((4,), 131071, 0, [4095, -4096, 0, 1], du=1000))
    network = Network("edges", 6, Input((2,), -520, 520), (layer,), "spikes")
    samples = sign * np.array([[520, 520], [515, 300], [1, 0], [400, 400]])
    reached = np.abs(simulate(network, samples).membranes["fc"])
    assert reached.max() == 2**23 - 1
    assert equals_reference(network, samples, "lava")


SMALL = Network("n", 1, Input((1,), 0, 1), (Layer("a", (Dense("input", [[1]]),), Lif((1,), 0, 0)),), "spikes")
ONE = np.ones((1, 1, 1), np.int64)


def test_a_run_past_its_time_limit_is_ended_with_advice() -> None:
    with pytest.raises(EngineError, match="engine 'lava': no result within 0.1 s; run fewer samples or raise --time-limit"):
        run_lava(SMALL, ONE, time_limit=0.1)


def test_an_exception_in_a_lava_process_comes_back() -> None:
    """A stream of another shape than the network's input fails inside a forked Lava process, not in the child itself."""
    too_wide = np.ones((1, 1, 3), np.int64)
    with pytest.raises(EngineError, match=r"engine 'lava': \w+(Error|Exception): .*the whole log is in /"):
        run_lava(SMALL, too_wide, time_limit=60)


def test_an_exception_that_lava_swallows_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of an exception in the run phase of a forked process, Lava itself says only that there was one."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import builtins\n"
        "original = builtins.__import__\n"
        "def watched(name, *args, **kwargs):\n"
        "    module = original(name, *args, **kwargs)\n"
        "    if name == 'lava.proc.monitor.process':\n"
        "        from lava.proc.lif.models import PyLifResetModelBitAcc as model\n"
        "        def run_spk(self):\n"
        "            raise ValueError('the neuron is tired')\n"
        "        model.run_spk = run_spk\n"
        "    return module\n"
        "builtins.__import__ = watched\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineError, match="engine 'lava': ValueError: the neuron is tired; the whole log is in"):
        run_lava(SMALL, ONE, time_limit=60)


@pytest.mark.parametrize("time_limit", [60, 0.3])
def test_nothing_is_left_behind_but_the_log_of_a_failure(tmp_path: Path, time_limit: float) -> None:
    memory = set(Path("/dev/shm").glob("psm_*"))
    try:
        run_lava(SMALL, ONE, time_limit=time_limit)
        assert not list(tmp_path.iterdir())
    except EngineError:
        assert [path.name.startswith("snnc-lava-") for path in tmp_path.iterdir()] == [True]
    assert not lava_processes(tmp_path)
    assert set(Path("/dev/shm").glob("psm_*")) <= memory


def lava_processes(folder: Path) -> list[str]:
    """The command lines of running processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if "lava_process" in line and str(folder) in line]


def test_lava_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import numpy as np, sys, tempfile\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "from test_lava_runner import SMALL\n"
        "from snnc.export.lava.runner import run_lava\n"
        "run_lava(SMALL, np.ones((1, 200000, 1), np.int64))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    starter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    wait_until(lambda: len(lava_processes(tmp_path)) > 3)
    starter.kill()
    starter.wait()
    wait_until(lambda: not lava_processes(tmp_path))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("time_limit", [0, -1, float("nan")])
def test_impossible_time_limits_are_refused(time_limit: float) -> None:
    with pytest.raises(EngineError, match="a time limit of .* s is not possible; give a positive number"):
        run_lava(SMALL, ONE, time_limit=time_limit)


def test_files_of_the_user_are_not_taken_for_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "networkx.py").write_text("raise SystemExit('imported the wrong file')")
    monkeypatch.chdir(tmp_path / "work")
    assert run_lava(SMALL, ONE, time_limit=60).spikes["a"].all()


def test_what_a_net_file_cannot_hold_is_refused() -> None:
    layer = replace(SMALL.layers[0], synapses=SMALL.layers[0].synapses * 2)
    with pytest.raises(CannotExport, match="shortcuts"):
        run_lava(replace(SMALL, layers=(layer,)), ONE)


def test_without_lava_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_runner, "installed", lambda: False)
    with pytest.raises(EngineError, match="Lava is not installed; get it with: pip install --no-deps"):
        run_lava(SMALL, ONE)
