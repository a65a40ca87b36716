"""Lava's own simulator against the reference, and what its failures look like from outside."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lava_limits import AT_LIMIT
from random_networks import random_network, random_residual_network, random_samples
from random_recurrence import random_recurrent_network

from snnc.export.lava.limits import violations
from snnc.export.lava.runner import run_lava
from snnc.export.netx.file import netx_bytes
from snnc.toolchain.errors import CannotExport, EngineError
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.passes import insert_relays
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate

pytestmark = pytest.mark.lava


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what the runner leaves behind lie where only this test looks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def equals_reference(network: Network, samples: np.ndarray, builder: str = "lava") -> bool:
    """Run samples `(B, ...)` or `(T, B, ...)`, streamed back to back, and compare every layer, step and neuron."""
    frames = samples if samples.ndim > 1 + len(network.input.shape) else samples[None]
    trace, expected = run_lava(network, frames, builder=builder, time_limit=120), simulate(network, samples)
    assert set(trace.spikes) == set(trace.membranes) == {layer.name for layer in network.layers}
    for name in trace.spikes:
        assert trace.spikes[name].dtype == bool
        np.testing.assert_array_equal(trace.spikes[name], expected.spikes[name], err_msg=f"{network.name}, {name}")
        np.testing.assert_array_equal(trace.membranes[name], expected.membranes[name], err_msg=f"{network.name}, {name}")
    return True


def active(count: int, *, chip_only: bool) -> list[Network]:
    """Random networks in which every layer spikes, but not all the time."""
    found: list[Network] = []
    seed = 0
    while len(found) < count:
        network = random_network(seed, chip_only=chip_only)
        trace = simulate(network, random_samples(network, 3))
        if all(0 < trace.spikes[layer.name].mean() < 1 for layer in network.layers):
            found.append(network)
        seed += 1
    return found


@pytest.mark.parametrize("network", active(12, chip_only=False), ids=lambda network: network.name)
def test_what_breaks_no_limit_is_equal(network: Network) -> None:
    assert violations(network) == []
    assert equals_reference(network, random_samples(network, 3))


def recurrent(count: int) -> list[Network]:
    """Random networks with delays and cycles that Lava can run, in which every layer spikes, but not all the time."""
    found: list[Network] = []
    seed = 0
    while len(found) < count:
        network = random_recurrent_network(seed)
        trace = simulate(network, random_samples(network, 3, timed=True))
        lively = all(0 < trace.spikes[layer.name].mean() < 1 for layer in network.layers)
        if lively and network.readout == "spikes" and network.timesteps > 2 and not violations(network):
            found.append(network)
        seed += 1
    return found


@pytest.mark.parametrize("network", recurrent(4), ids=lambda network: network.name)
def test_delays_and_cycles_are_equal(network: Network) -> None:
    assert any(synapse.delay for layer in network.layers for synapse in layer.synapses)
    assert equals_reference(network, random_samples(network, 3, timed=True))


def test_netx_runs_9_bit_weights_and_decays_of_each_neuron() -> None:
    """Odd weights too, and beyond 9 bits in a convolution."""
    rng = np.random.default_rng(0)
    conv = Conv(INPUT, rng.integers(-700, 701, (2, 1, 2, 2)))
    layers = (
        Layer("a", (conv,), Lif((2, 3, 2), 900, rng.integers(0, 4096, (2, 3, 2)), 0, 6, rng.integers(2000, 4096, (2, 3, 2)))),
        Layer("b", (Dense("a", rng.integers(-256, 255, (4, 12))),), Lif((4,), 200, rng.integers(0, 4096, 4))),
        Layer("c", (Dense("b", rng.integers(0, 256, (3, 4))),), Lif((3,), 200, 1024)),
    )
    network = Network("wide", 6, Input((1, 4, 3), 0, 3), layers, "spikes")
    samples = random_samples(network, 3)
    assert all(0 < spikes.mean() < 1 for spikes in simulate(network, samples).spikes.values())
    assert equals_reference(network, samples, "netx")


@pytest.mark.parametrize("network", active(4, chip_only=True), ids=lambda network: network.name)
def test_netx_is_equal(network: Network) -> None:
    assert equals_reference(network, random_samples(network, 3), "netx")


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_residual_networks_are_equal(seed: int) -> None:
    network = random_residual_network(seed)
    assert len(insert_relays(network).layers) > len(network.layers)
    assert equals_reference(network, random_samples(network, 4, timed=seed == 0))


@pytest.mark.parametrize("what", AT_LIMIT)
def test_limits_are_reached_equally_and_not_passed(what: str) -> None:
    network = AT_LIMIT[what](0)
    extremes = [np.full(network.input.shape, value) for value in (network.input.minimum, network.input.maximum)]
    assert equals_reference(network, np.stack(extremes[::-1] + extremes))
    refusal = rf"^engine 'lava': Lava's stock processes cannot run this network: [^\n]*{what}[^\n]*$"
    with pytest.raises(EngineError, match=refusal):
        run_lava(AT_LIMIT[what](1), np.stack(extremes)[None])


def test_weights_of_24_bits_and_biases_of_any_exponent_are_equal() -> None:
    most = 2**23 - 1
    wide = np.array([[most, -most], [-most, most], [128, -129], [255, -256], [32767, -32768], [32896, -32897]])
    bias = [4095 << 7, -4096 << 7, 1, -1, 3 << 9, 0]
    rng = np.random.default_rng(0)
    second = Dense("a", rng.integers(-most // 8, most // 8, (5, 6)))
    layers = (
        Layer("a", (Dense(INPUT, wide),), Lif((6,), 131071, 1000, bias, 0)),
        Layer("b", (second, Dense(INPUT, rng.integers(-most // 8, most // 8, (5, 2)))), Lif((5,), 131071, 0, du=100)),
    )
    network = Network("wide", 3, Input((2,), -1, 1), layers, "spikes")
    samples = np.array([[1, -1], [-1, 1], [1, 0], [0, 1], [1, 1]])
    assert np.abs(simulate(network, samples).membranes["b"]).max() == most
    assert equals_reference(network, samples)


def test_one_population_takes_flat_and_unflattened_input_early_and_late() -> None:
    """A source for each of four: convolution and dense synapses, at once and two steps late."""
    rng = np.random.default_rng(1)

    def dense(source: str, out: int, inputs: int) -> Dense:
        return Dense(source, rng.integers(-1, 2, (out, inputs)))

    def conv(source: str, out: int, kernel: int) -> Conv:
        return Conv(source, rng.integers(-1, 2, (out, 2, kernel, kernel)), padding=(kernel // 2, kernel // 2))

    layers = (
        Layer("conv", (conv(INPUT, 2, 3),), Lif((2, 3, 4), 5, 2048)),
        Layer("dense", (dense(INPUT, 3, 24),), Lif((3,), 5, 2048)),
        Layer("mixed", (dense("dense", 3, 3), dense("conv", 3, 24)), Lif((3,), 1, 0)),
        Layer("late", (dense("mixed", 3, 3), dense(INPUT, 3, 24)), Lif((3,), 3, 0)),
        Layer("side", (conv("conv", 2, 1),), Lif((2, 3, 4), 0, 0)),
        Layer("out", (conv("side", 1, 1), conv(INPUT, 1, 3), conv("conv", 1, 1)), Lif((1, 3, 4), 2, 2048)),
        Layer("end", (dense("out", 2, 12), dense("late", 2, 3)), Lif((2,), 0, 0)),
    )
    network = Network("inputs", 3, Input((2, 3, 4), -9, 9), layers, "spikes")
    assert equals_reference(network, random_samples(network, 3, timed=True))


def test_input_that_changes_with_time_is_equal() -> None:
    network = active(1, chip_only=True)[0]
    assert equals_reference(network, random_samples(network, 3, timed=True))


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


def test_netx_refuses_what_a_net_file_cannot_hold() -> None:
    first = SMALL.layers[0]
    joined = replace(first, name="b", synapses=(Dense("a", [[1]]), *first.synapses))
    with pytest.raises(CannotExport, match="shortcuts"):
        run_lava(replace(SMALL, layers=(first, joined)), ONE, builder="netx")


def test_netx_reads_the_file_of_the_user(tmp_path: Path) -> None:
    """Its threshold is higher than that of the network in memory, and no input reaches it."""
    deaf = replace(SMALL, layers=(replace(SMALL.layers[0], neuron=Lif((1,), 5, 0)),))
    (tmp_path / "deaf.net").write_bytes(netx_bytes(deaf))
    assert run_lava(SMALL, ONE, builder="netx").spikes["a"].all()
    assert not run_lava(SMALL, ONE, builder="netx", file=tmp_path / "deaf.net").spikes["a"].any()
