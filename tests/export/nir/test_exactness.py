"""What is said of exactness is measured: every decay, up to 10 steps, both read-outs, by the definition and in readers."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import PEERS, skip_without, traced_by_peer
from random_networks import random_decay_network, random_samples, seeds

from snnc.export import TARGETS
from snnc.export.nir.dialects import DIALECTS, NirOptions, exactness
from snnc.export.nir.graph import node_names
from snnc.export.nir.runner import run_nir
from snnc.export.nir.violations import check
from snnc.toolchain.errors import Inexact
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.frames import over_time
from snnc.toolchain.simulate.reference import simulate
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.verify import verify

ABLE = [name for name, form in DIALECTS.items() if not form.refusal]
DECAYS = [*(4096 - 2**shift for shift in range(13)), 1, 512, 1024, 1536, 2047, 2049, 2560, 3328, 4095]


def can_run(network: Network, dialect: str = "spec") -> bool:
    return not any(overflows(network)) and not any(check(network, NirOptions(dialect)))


def measured(network: Network, seed: int) -> bool:
    """Tell whether the engine gives the reference's every spike and membrane."""
    samples = random_samples(network, 4, timed=True, seed=seed)
    reference = simulate(network, samples)
    try:
        trace = run_nir(network, over_time(network, samples))
    except Inexact:
        return False
    return all(
        np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name])
        and np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name])
        for layer in network.layers
    )


def two_layers(dv: int, timesteps: int, readout: str, bias: int, *, low: int = -5, high: int = 11) -> Network:
    """Return a network as training makes them, but for biases `bias` in 1/64 weight units in both layers."""
    rng = np.random.default_rng(timesteps)
    vth = lif.VTH_MAX if readout == "membrane" else 3
    hidden = Layer("fc", (Dense("input", rng.integers(-60, 61, (24, 5))),), Lif((24,), 90, dv, bias, 0))
    last = Layer("out", (Dense("fc", rng.integers(-60, 61, (6, 24))),), Lif((6,), vth, dv, bias, 0))
    return Network("two", timesteps, Input((5,), low, high), (hidden, last), readout)  # type: ignore[arg-type]


@pytest.mark.parametrize("readout", ["membrane", "spikes"])
@pytest.mark.parametrize("bias", [0, 64, 32, 1])
def test_every_decay_is_exact_where_it_is_said_and_nowhere_else(readout: str, bias: int) -> None:
    """Both ways: these networks are busy enough for every rounding to be felt."""
    grid = [(dv, timesteps) for dv in DECAYS for timesteps in range(1, 11)]
    networks = {at: two_layers(*at, readout, bias) for at in grid}
    said = {at: exactness(network) is None for at, network in networks.items()}
    assert said == {at: measured(network, seed=0) for at, network in networks.items()}
    assert 25 < sum(said.values()) < 160


def test_exact_networks_are_never_refused_and_few_others_are_exact() -> None:
    counted = Counter[tuple[bool, bool]]()
    for seed in range(1200):
        network = random_decay_network(seed)
        if can_run(network):
            counted[exactness(network) is None, measured(network, seed)] += 1
    assert counted[True, False] == 0
    assert counted[True, True] > 200
    assert counted[False, True] < 0.02 * counted.total()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, name=st.sampled_from(["fast", "tensor", "onnx", "nir"]))
def test_every_engine_agrees_with_what_it_says(seed: int, name: str) -> None:
    network = random_decay_network(seed)
    if any(overflows(network)) or ENGINES[name].missing(Subject(network)):
        return
    assert verify(network, random_samples(network, 3, timed=True, seed=seed), engines=[name]).equal


@pytest.mark.parametrize("dialect", ABLE)
def test_the_betas_that_messages_recommend_are_exact(dialect: str) -> None:
    for readout in ("membrane", "spikes"):
        for timesteps in range(1, 11):
            assert exactness(two_layers(0, timesteps, readout, 64), dialect) is None
            half = exactness(two_layers(2048, timesteps, readout, 64), dialect)
            assert (half is None) == (timesteps <= 7)
    for dv in range(1, 4096, 7):
        for network in (two_layers(dv, 2, "membrane", 64), two_layers(dv, 9, "membrane", 64)):
            said = exactness(network, dialect)
            assert said is None or "--beta 0.5" in said
            assert said is None or network.timesteps <= 7 or "or with --beta 1" in said


def test_sums_that_a_reader_rounds_are_said() -> None:
    weight = np.array([[2**13 + 1, -(2**13 + 1), 1]])
    network = Network(
        "n", 3, Input((3,), 4096, 4097), (Layer("a", (Dense("input", weight),), Lif((1,), 9000, 2048)),), "spikes"
    )
    assert not any(overflows(network))
    assert exactness(network) is None
    for dialect in ("norse", "snntorch", "spikingjelly"):
        assert "its sums can reach 67,137," in str(exactness(network, dialect))
        assert "float32 rounds" in str(exactness(network, dialect))


@pytest.mark.parametrize("dialect", ["norse", "snntorch", "spikingjelly"])
def test_a_layer_that_nothing_reads_is_refused(dialect: str) -> None:
    network = two_layers(2048, 3, "membrane", 64)
    spare = replace(network.layers[0], name="spare")
    network = replace(network, layers=(spare, *network.layers))
    assert any("layer 'spare': no layer reads it" in str(found) for found in check(network, NirOptions(dialect)))
    assert not list(check(network))


def agrees(peer: str, network: Network, path: Path, seed: int) -> bool:
    """Tell whether a reader gives the last layer's spikes and every layer's membranes."""
    samples = random_samples(network, 2, timed=True, seed=seed)
    TARGETS["nir"].write(network, path, NirOptions(peer))
    got, reference = traced_by_peer(peer, path, samples), simulate(network, samples)
    names = node_names(layer.name for layer in network.layers)
    equal = np.array_equal(got["output"], reference.spikes[network.layers[-1].name])
    for layer in network.layers:
        scale = 1 - layer.neuron.beta if DIALECTS[peer].ignores_r and layer.neuron.beta < 1 else 1
        units = got[names[layer.name]].astype(np.float64) * 64 / scale
        equal = equal and np.array_equal(units, reference.membranes[layer.name])
    return equal


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", PEERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_readers_are_exact_where_it_is_said(peer: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int) -> None:
    skip_without(peer)
    network = random_decay_network(seed, chain=True)
    if can_run(network, peer) and exactness(network, peer) is None:
        assert agrees(peer, network, tmp_path / "a.nir", seed)
    capfd.readouterr()  # what they print


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", PEERS)
def test_readers_are_exact_at_every_decay_where_it_is_said(
    peer: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    skip_without(peer)
    exact = 0
    for dv in DECAYS:
        for timesteps in (1, 2, 3, 4, 7):
            network = two_layers(dv, timesteps, "membrane", 64)
            if exactness(network, peer) is None:
                assert agrees(peer, network, tmp_path / "a.nir", seed=dv), (dv, timesteps)
                exact += 1
    assert exact > 15
    capfd.readouterr()
