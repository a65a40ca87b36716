"""snnc simulate with a user's own numbers in and out."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from random_networks import random_samples

import snnc
from snnc.cli.main import main
from snnc.export import export

T = 4
LAYERS = (
    snnc.Layer("hidden", (snnc.Dense("input", np.random.default_rng(2).integers(-1, 3, (5, 6))),), snnc.Lif((5,), 3, 2048)),
    snnc.Layer("out", (snnc.Dense("hidden", np.random.default_rng(3).integers(-1, 2, (3, 5))),), snnc.Lif((3,), 1, 2048)),
)
NETWORK = snnc.Network("mine", T, snnc.Input((6,), -2, 3, zero_point=2), LAYERS, "spikes")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return export(NETWORK, "loihi2", "own.net")


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["simulate", *map(str, arguments), "-e", "tensor"])


@pytest.mark.parametrize("timed", [False, True])
def test_own_samples_go_in_and_all_spikes_come_out(file: Path, timed: bool) -> None:
    raw = np.random.default_rng(0).integers(0, 6, (7, *([T] if timed else []), 6))
    np.savez("in.npz", samples=raw)
    result = simulate(file, "--input", "in.npz", "--save", "out.npz", "--predictions", "out.csv", "-n", 5)
    assert result.exit_code == 0, result.output
    assert "EQUAL: reference = tensor on 5 samples" in result.output
    expected = snnc.simulate(NETWORK, (raw.swapaxes(0, 1)[:, :5] if timed else raw[:5]) - 2)
    with np.load("out.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["spikes/out"], expected.spikes["out"])
        np.testing.assert_array_equal(found["membranes/hidden"], expected.membranes["hidden"])
        assert found["spikes/hidden"].any()
        assert "labels" not in found
    lines = Path("out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "sample,prediction,class,output 0,output 1,output 2"
    assert len(lines) == 6


def test_labels_give_accuracy_by_either_option(file: Path) -> None:
    raw = np.random.default_rng(0).integers(0, 6, (7, 6))
    np.savez("in.npz", samples=raw, labels=snnc.simulate(NETWORK, raw - 2).outputs(NETWORK).argmax(1))
    for option in ("--input", "--data"):
        result = simulate(file, option, "in.npz", "--predictions", "out.csv")
        assert result.exit_code == 0, result.output
        assert "100.00% of 7" in result.output
        assert Path("out.csv").read_text(encoding="utf-8").startswith("sample,label,prediction,class,")


def test_random_samples_are_those_of_the_seed(file: Path) -> None:
    for seed in (0, 3):
        result = simulate(file, "--random", 9, *(["--seed", seed] if seed else []), "--save", "out.npz")
        assert result.exit_code == 0, result.output
        with np.load("out.npz", allow_pickle=False) as found:
            expected = snnc.simulate(NETWORK, snnc.random_samples(NETWORK, 9, seed))
            np.testing.assert_array_equal(found["membranes/hidden"], expected.membranes["hidden"])


def test_a_network_of_unknown_data_runs_random_samples_and_says_so(file: Path) -> None:
    result = simulate(file, "-n", 3)
    assert result.exit_code == 0, result.output
    assert "random inputs within the range, since no dataset was named" in result.output
    assert "on 3 samples" in result.output


def test_a_recording_of_own_samples_is_compared(file: Path) -> None:
    samples = random_samples(NETWORK, 3)
    np.savez("in.npz", samples=samples + 2)
    seen = {
        f"spikes/{name}": a.swapaxes(0, 1).reshape(-1, *a.shape[2:])
        for name, a in snnc.simulate(NETWORK, samples).spikes.items()
    }
    np.savez("seen.npz", **seen, timesteps=T, samples=3)  # type: ignore[arg-type]
    result = CliRunner().invoke(main, ["simulate", str(file), "--recorded", "seen.npz", "--input", "in.npz"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "in.npz", "--random", "3"], "--input and --random each say what is run; give one of them"),
        (["--input", "in.npz", "--data", "digits"], "--data and --input each say what is run"),
        (["--random", "3", "-n", "2"], "--random says how many samples are drawn; leave --samples out"),
        (["--seed", "3"], "--seed is that of --random; add --random N"),
        (["--input", "in.npz", "--save", "in.npz"], "which the same command reads"),
        (["--input", "in.npz", "--save", "a.npy"], "must end in .npz"),
        (["--input", "in.npz", "--predictions", "a.txt"], "must end in .csv"),
        (["--input", "in.npz", "-n", "0"], "0 samples were asked for; allowed are 1 to 2"),
        (["--input", "none.npz"], "none.npz: no such file"),
        (["--recorded", "in.npz", "--save", "a.npz"], "leave --save and --predictions out"),
    ],
)
def test_options_that_do_not_fit_are_one_line(file: Path, arguments: list[str], said: str) -> None:
    np.savez("in.npz", samples=np.zeros((2, 6), int))
    result = CliRunner().invoke(main, ["simulate", str(file), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not Path("a.npz").exists()


def test_what_overflows_in_own_samples_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A witness that `snnc check` found is replayed, and samples that overflow nothing are told from it."""
    monkeypatch.chdir(tmp_path)
    layer = snnc.Layer("sum", (snnc.Dense("input", [[100, -100]]),), snnc.Lif((1,), vth=1000, dv=0))
    network = snnc.Network("integrator", 20, snnc.Input((2,), 0, 100), (layer,), "spikes")
    target = snnc.TARGETS["onnx"]
    Path("a.onnx").write_bytes(target.content(network, target.options()))  # without the proof that export asks for
    CliRunner().invoke(main, ["check", "a.onnx", "--witness", "in.npz"])
    result = simulate("a.onnx", "--input", "in.npz")
    assert result.exit_code == 2
    assert "in.npz overflows: layer 'sum': membrane v (before a reset) of neuron (0,) reaches -8" in result.stderr
    np.savez("in.npz", samples=np.zeros((1, 2), int))
    result = simulate("a.onnx", "--input", "in.npz")
    assert result.exit_code == 2
    assert "none of in.npz overflows, but layer 'sum': membrane v (before a reset) of neuron (0,) can reach -" in result.stderr
