"""Commands on files of lava-dl: the time steps are asked for once, and kept."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from lava_dl_files import write

import snnc
from snnc.adopting import open_network, recalled
from snnc.cli.main import main
from snnc.export.target import Stated
from snnc.toolchain.errors import ConfigError, UnstatedTimesteps
from snnc.toolchain.network.network import Network

T = 20


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is remembered apart from the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def slayer(folder: Path) -> tuple[Path, Network]:
    """Write two dense layers as slayer does, without an input entry, and return the network that they are."""
    rng = np.random.default_rng(0)
    weights = [2 * rng.integers(-22, 26, (20, 6)), 2 * rng.integers(-13, 17, (5, 20))]
    group = {"type": np.bytes_("CUBA"), "iDecay": 410, "vDecay": 410, "vThMant": 64, "refDelay": 1, "gradedSpike": False}
    entries: list[dict[str, Any]] = [
        {"type": "dense", "shape": np.array([len(w)]), "weight": w.astype(np.float32)}
        | {f"neuron/{key}": value for key, value in group.items()}
        for w in weights
    ]
    layers = tuple(
        snnc.Layer(f"l{i}", (snnc.Dense("l0" if i else "input", w),), snnc.Lif((len(w),), 64, 410, du=409))
        for i, w in enumerate(weights)
    )
    return write(folder / "slayer.net", entries), snnc.Network("slayer", T, snnc.Input((6,), 0, 1), layers, "spikes")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def test_a_file_of_lava_dl_goes_through_all_commands(tmp_path: Path) -> None:
    file, network = slayer(tmp_path)
    shown = run("inspect", file).output
    assert "unknown time steps" in shown
    assert "state them with --timesteps" in shown
    assert shown.count("0.8999") == 2  # both layers, with their beta
    run("import", file, "-T", T, "-o", tmp_path / "again.net")
    assert snnc.read_network(tmp_path / "again.net") == network
    run("export", "-t", "onnx", file)  # T was stated before
    assert snnc.read_network(tmp_path / "slayer.onnx") == network
    shown = run("inspect", file).output
    assert f"{T} time steps" in shown
    assert "integers of a file that snnc did not write" in shown
    assert "delays" not in shown
    verdict = json.loads(
        run("simulate", file, tmp_path / "slayer.onnx", "-n", "3", "-e", "fast", "-e", "onnx", "--json").output
    )
    assert verdict["equal"]


def test_without_time_steps_nothing_is_written(tmp_path: Path) -> None:
    file, _ = slayer(tmp_path)
    for command in (["export", "-t", "onnx", file], ["import", file, "-o", tmp_path / "b.net"], ["simulate", file]):
        run(*command, code=2)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["slayer.net"]


def test_what_was_stated_belongs_to_the_content_and_is_said_anew_at_will(tmp_path: Path) -> None:
    file, network = slayer(tmp_path)
    assert open_network(file, T, (0, 3)).input == snnc.Input((6,), 0, 3)
    moved = Path(shutil.copy(file, tmp_path / "moved.net"))
    assert recalled(moved) == Stated(T, (0, 3))
    assert open_network(moved, input_range=(0, 1)).layers[1].neurons == network.layers[1].neurons
    assert open_network(moved, 7).timesteps == 7
    moved.write_bytes(moved.read_bytes() + b" ")
    assert recalled(moved) is None


@pytest.mark.parametrize("note", [b"", b"[]", b'{"timesteps": "x", "input_range": null, "entries": null}', b"\xff"])
def test_a_note_that_is_damaged_says_nothing(tmp_path: Path, state: Path, note: bytes) -> None:
    file, _ = slayer(tmp_path)
    open_network(file, T)
    (path,) = (state / "snnc").glob("stated-*.json")
    path.write_bytes(note)
    with pytest.raises(UnstatedTimesteps, match="add --timesteps"):
        open_network(file)


def test_what_a_file_says_itself_is_not_stated_otherwise(tmp_path: Path) -> None:
    _, network = slayer(tmp_path)
    own = snnc.export(network, "loihi2", tmp_path / "own.net")
    with pytest.raises(ConfigError, match=r"own\.net: it says 20 time steps, not 3"):
        open_network(own, 3)


def test_a_report_on_random_inputs_and_a_trace_of_one_are_about_the_same_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, network = slayer(tmp_path)
    monkeypatch.chdir(tmp_path)
    run("simulate", file, "-T", T, "-e", "fast", "-n", 3, "--report", "report.json")
    report = json.loads(Path("report.json").read_text())
    assert report["provenance"]["data"] == "random inputs" and report["accuracy"] is None
    sample = report["activity"]["samples"][2]
    for neuron in range(network.classes):
        seen = json.loads(run("trace", file, "--sample", 2, "--neuron", neuron, "-e", "fast", "--json").output)
        assert sum(seen["engines"]["fast"]["spikes"]) == sample["outputs"][neuron]
    for chip in report["chips"]:
        checked = json.loads(run(*shlex.split(chip["command"])[1:], code=1 if chip["violations"] else 0).output)
        assert (checked["violations"], checked["mapping"]) == (chip["violations"], chip["mapping"])
