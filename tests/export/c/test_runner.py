"""C source computes the reference's bits: random networks of all kinds, several compilers, sanitizers; faults are one line."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_networks import (
    random_join_network,
    random_network,
    random_residual_network,
    random_samples,
    residual_network,
)
from random_recurrence import random_recurrent_network

from snnc.export.c.compiler import compiler
from snnc.export.c.file import content
from snnc.export.c.runner import run_c
from snnc.export.c.violations import COptions, check
from snnc.toolchain.errors import EngineError, FileFormatError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.readout import MOST_BITS
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.frames import as_frames
from snnc.toolchain.simulate.reference import simulate

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
KINDS = (random_network, random_join_network, random_residual_network, residual_network, random_recurrent_network)


def assert_equal(network: Network, samples: np.ndarray, **options: object) -> None:
    trace, reference = run_c(network, as_frames(network, samples), **options), simulate(network, samples)  # type: ignore[arg-type]
    for layer in network.layers:
        assert np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name]), layer.name
        assert np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name]), layer.name


@needs_compiler
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_random_networks_run_equal(kind: type, seed: int) -> None:
    network = kind(seed)
    if not list(check(network)):
        assert_equal(network, random_samples(network, 4, timed=seed % 2 == 0, seed=seed))


def test_most_random_networks_fit_32_bits() -> None:
    networks = [kind(seed) for kind in KINDS for seed in range(6)]
    fitting = [network for network in networks if not list(check(network))]
    assert len(fitting) >= 25
    assert any(synapse.delay for network in fitting for layer in network.layers for synapse in layer.synapses)
    assert any(layer.neuron.has_current_memory for network in fitting for layer in network.layers)


@pytest.mark.parametrize("command", ["gcc", "clang"])
@pytest.mark.parametrize("kind", [random_residual_network, random_recurrent_network], ids=lambda kind: kind.__name__)
def test_sanitizers_find_nothing(command: str, kind: type) -> None:
    if not shutil.which(command):
        pytest.skip(f"{command} is not installed")
    network = next(kind(seed) for seed in range(9) if not list(check(kind(seed))))
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-Wconversion", "-Wno-error=conversion"]
    assert_equal(network, random_samples(network, 3), command=[command], flags=flags)


@needs_compiler
def test_extremes_of_the_arithmetic_are_equal() -> None:
    weight = np.array([[127, 127], [-128, -128], [-128, 3], [100, 0]])
    samples = np.array([[520, 520], [515, 300], [1, 0], [30000, -30000], [32767, 1], [0, 0]])
    neurons = (
        Lif((4,), 131071, 0, [4095, -4096, 0, 1], 7),
        Lif((4,), 0, 4095, 1, 0),
        Lif((4,), 131071, 0, 0, du=[1000, 0, 1, 4095]),
    )
    for neuron in neurons:
        network = Network("n", 6, Input((2,), -32768, 32767), (Layer("a", (Dense("input", weight),), neuron),), "spikes")
        assert not list(check(network))
        assert_equal(network, samples)
        assert_equal(network, -samples)


@needs_compiler
def test_long_runs_sum_outputs_in_64_bits() -> None:
    neuron = Lif((1,), 131071, 0, 8000000 >> 6)
    network = Network("long", 300, Input((1,), 0, 1), (Layer("a", (Dense("input", [[0]]),), neuron),))
    assert "int64_t long_output" in content(network).decode()
    assert_equal(network, np.zeros((1, 1), int))


@needs_compiler
@pytest.mark.parametrize("seed", range(3))
def test_first_spikes_decide_in_32_bits_over_the_most_steps(seed: int, tmp_path: Path) -> None:
    """The engine compares the program's own scores with those of its spikes."""
    network = replace(residual_network(seed), readout="first-spike", timesteps=MOST_BITS)
    file = tmp_path / "a.h"
    file.write_bytes(content(network, COptions("mine")))
    assert "typedef int32_t mine_output" in file.read_text() and "outputs[i] *= 2;" in file.read_text()
    assert_equal(network, random_samples(network, 4, seed=seed), file=file)
    assert simulate(network, random_samples(network, 4, seed=seed)).outputs(network).max() > 2**16


@needs_compiler
def test_a_file_is_run_and_an_edited_one_is_not(tmp_path: Path) -> None:
    network, file = residual_network(1), tmp_path / "a.h"
    file.write_bytes(content(network, COptions("mine")))
    assert_equal(network, random_samples(network, 2), file=file)
    file.write_bytes(file.read_bytes().replace(b"state->step++", b"state->step--"))
    with pytest.raises(FileFormatError, match="it differs from what snnc writes"):
        assert_equal(network, random_samples(network, 2), file=file)


@needs_compiler
def test_a_compiler_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    network = residual_network(1)
    frames = as_frames(network, random_samples(network, 1))
    with pytest.raises(EngineError, match=r"engine 'c': the compiler ended with status 1: .*nonsense.*; .*with CC"):
        run_c(network, frames, flags=["-fnonsense"])
    with pytest.raises(EngineError, match="the compiler cannot be run"):
        run_c(network, frames, command=["/nowhere/cc"])
    monkeypatch.setenv("CC", "nowhere-cc")
    with pytest.raises(EngineError, match="there is no C compiler; install one"):
        run_c(network, frames)
