"""snnc bench --profile: every layer both ways, of the synthetic network and of a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from random_networks import random_samples

import snnc
from snnc.bench import profile as profiling
from snnc.bench.profile import PARTS, profile
from snnc.bench.simulation import SimulationSettings, least_rows, limit_of
from snnc.bench.synthetic import synthetic_cifarnet, synthetic_images
from snnc.cli.main import main
from snnc.toolchain.errors import EngineError
from snnc.toolchain.native.library import built
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.frames import as_frames
from snnc.toolchain.simulate.strategy import COSTS, Costs

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "SECONDS", 0.001)


def dense(bias: np.ndarray | int = 0) -> Network:
    weight = np.random.default_rng(0).integers(-1, 2, (6, 12))
    return Network("dense", 3, Input((12,), 0, 1), (Layer("a", (Dense(INPUT, weight),), Lif((6,), 1, 2048, bias)),), "spikes")


def test_every_layer_is_timed_both_ways_and_its_rows_are_counted() -> None:
    network = synthetic_cifarnet(1 / 16, 3, 0.1)
    samples = synthetic_images(network.input, 64)
    layers = list(profile(network, samples, 1e9, lambda text: None))
    assert [layer.name for layer in layers] == [layer.name for layer in network.layers]
    for layer in layers:
        assert layer.events > 0 and layer.images > 0 and layer.share > 0
        assert sum(layer.parts.values()) == pytest.approx(1) and layer.parts.keys() == PARTS.keys()
    rows = least_rows(BitslicedSimulator(network), as_frames(network, samples))
    assert sum(layer.rows for layer in layers) == pytest.approx(rows)
    # the last layer's by hand: digits of its weights that are not 0, one vector of 3 steps for 64 images
    digits = sum(bin((3 * abs(int(w))) ^ abs(int(w))).count("1") for w in network.layers[-1].synapses[0].weight.flat)
    assert layers[-1].rows == digits / 64


def test_all_costs_belong_to_one_part() -> None:
    named = [name for names in PARTS.values() for name in names]
    assert sorted([*named, "turn"]) == sorted(Costs.__dataclass_fields__)
    assert COSTS


def test_few_samples_and_layers_in_numpy_are_refused() -> None:
    network = dense()
    with pytest.raises(EngineError, match="a profile needs 64 samples, 5 were given; give more"):
        list(profile(network, random_samples(network, 5), 1e9, lambda text: None))
    network = dense(np.zeros(6))
    slow = Network("slow", 3, network.input, (Layer("a", network.layers[0].synapses, Lif((6,), 1, 2048, du=7)),), "spikes")
    with pytest.raises(EngineError, match="layers a run in numpy, not in the kernels"):
        list(profile(slow, random_samples(slow, 64), 1e9, lambda text: None))


def test_the_screen_and_json_say_the_same() -> None:
    settings = ["bench", "--profile", "--width", "0.0625", "--rates", "0.1,0.2", "--timesteps", "2"]
    screen = CliRunner().invoke(main, settings)
    assert screen.exit_code == 0, screen.output
    assert "calibrated to 20% firing" in screen.output and "microseconds per image on one core" in screen.output
    result = json.loads(CliRunner().invoke(main, [*settings, "--json"]).stdout)
    assert [each["rate"] for each in result["profiles"]] == [0.1, 0.2]
    assert {layer["way"] for each in result["profiles"] for layer in each["layers"]} <= {"images", "events"}
    assert SimulationSettings(threads=1).threads == 1 and limit_of(BitslicedSimulator(dense(), threads=1)) > 1e6


def test_a_file_is_profiled_on_its_data_or_on_random_samples(tmp_path: Path) -> None:
    file = tmp_path / "own.nir"
    snnc.export(dense(), "nir", file)
    result = CliRunner().invoke(main, ["bench", "--network", str(file), "--json"])
    assert result.exit_code == 0, result.output
    (only,) = json.loads(result.stdout)["profiles"]
    assert only["rate"] is None and [layer["layer"] for layer in only["layers"]] == ["a"]
    missing = CliRunner().invoke(main, ["bench", "--network", str(tmp_path / "none.net")])
    assert missing.exit_code == 2 and len(missing.output.splitlines()) == 1
