"""No command writes over what it reads, over a device, or over the work of another run; and what it opens is what it says."""

import os
import resource
import shutil
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from seals import reseal

from snnc.cli.main import main
from snnc.export import TARGETS, export, read_network
from snnc.export.hdf5 import walk
from snnc.toolchain.seal import sealed_zip
from snnc.toolchain.training.checkpoint import digest_of

QUICK = ["--model", "mlp", "--width", "0.02", "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1", "-q"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint, all its exports, and a graph of another framework."""
    folder = tmp_path_factory.mktemp("made")
    assert snnc("train", *QUICK, "-o", folder / "model.pt").exit_code == 0
    for target in TARGETS:
        assert snnc("export", folder / "model.pt", "-t", target, "-q").exit_code == 0
    ones = np.ones(3, np.float32)
    neurons = nir.LIF(tau=ones * 2e-4, r=ones * 2, v_leak=ones * 0, v_threshold=ones, v_reset=ones * 0)
    nodes = {"input": nir.Input(np.array([2])), "w": nir.Linear(np.ones((3, 2), np.float32)), "l": neurons}
    nodes |= {"output": nir.Output(np.array([3]))}
    nir.write(folder / "graph.nir", nir.NIRGraph(nodes, [("input", "w"), ("w", "l"), ("l", "output")]))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the commands run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snnc(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("snnc: ") and result.stderr.count("\n") == 1
    return result.stderr


WRITING = [
    ("model.pt", ["simulate", "{0}", "-e", "tensor", "-n", "2", "--report", "{1}"], ".html"),
    ("model.pt", ["inspect", "{0}", "--plot", "{1}"], ".svg"),
    ("model.pt", ["trace", "{0}", "-e", "tensor", "--plot", "{1}"], ".svg"),
    ("model.pt", ["check", "{0}", "--witness", "{1}"], ".npz"),
    ("model.net", ["export", "{0}", "-t", "onnx", "-o", "{1}"], ".onnx"),
    ("graph.nir", ["import", "{0}", "-T", "3", "-o", "{1}"], ".net"),
    ("run.toml", ["train", *QUICK, "-c", "{0}", "-o", "{1}"], ".pt"),
    ("model.pt", ["train", *QUICK, "--method", "kd-ce", "--teacher", "{0}", "--force", "-o", "{1}"], ".pt"),
    ("model.pt", ["demo", *QUICK[:-1], "-q", "--method", "kd-ce", "--teacher", "{0}", "--force", "-o", "{1}"], ""),
]


@pytest.mark.parametrize(("read", "line", "suffix"), WRITING, ids=[line[0] for _, line, _ in WRITING])
def test_what_is_read_is_never_written(folder: Path, read: str, line: list[str], suffix: str) -> None:
    """By its own name, another spelling, a hard link or a symbolic link with a fitting suffix."""
    Path("run.toml").write_text("seed = 1\n")
    Path("there").mkdir()
    os.link(read, f"hard{suffix}")
    os.symlink(read, f"soft{suffix}")
    os.link(read, "there/model.pt")
    shutil.copy(read, "before")
    names = [f"hard{suffix}", f"soft{suffix}", f"./there/../hard{suffix}", read] if suffix else ["there"]
    for name in names:
        said = refused(snnc(*(word.format(read, name) for word in line)))
        assert "which the same command reads; name another file" in said or f"must end in {suffix}" in said
        assert Path(read).read_bytes() == Path("before").read_bytes()


@pytest.mark.parametrize(("read", "line", "suffix"), WRITING[:-1], ids=[line[0] for _, line, _ in WRITING[:-1]])
def test_devices_and_pipes_are_never_written(folder: Path, read: str, line: list[str], suffix: str) -> None:
    Path("run.toml").write_text("seed = 1\n")
    os.mkfifo(f"pipe{suffix}")
    os.symlink("/dev/null", f"null{suffix}")
    for name in ("/dev/null", f"pipe{suffix}", f"null{suffix}"):
        said = refused(snnc(*(word.format(read, name) for word in line)))
        assert any(reason in said for reason in ("it is a device or a pipe", f"must end in {suffix}", "unknown suffix"))
    assert not Path("/dev/null").is_file() and Path(f"pipe{suffix}").is_fifo() and Path(f"null{suffix}").is_symlink()


def test_a_training_keeps_the_work_of_another_run(folder: Path) -> None:
    before = contents(folder)
    said = refused(snnc("train", *QUICK, "--seed", "2"))
    remedy = "name another with --output, continue it with --resume, or replace it with --force"
    assert said == f"snnc: output 'model.pt' exists, and another run wrote it; {remedy}\n"
    Path("model.pt").rename("kept.pt")
    assert "output 'model.history.json' exists" in refused(snnc("train", *QUICK, "--seed", "2"))
    Path("kept.pt").rename("model.pt")
    assert contents(folder) == before
    assert "output 'model.pt' exists" in refused(snnc("demo", *QUICK, "-o", "."))
    assert snnc("train", *QUICK, "--seed", "2", "--force").exit_code == 0
    assert contents(folder)["model.pt"] != before["model.pt"]


def test_two_trainings_in_one_folder_share_nothing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert snnc("train", *QUICK, "-o", tmp_path / f"{name}.pt").exit_code == 0
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {f"{name}{suffix}" for name in "ab" for suffix in (".pt", ".history.json", ".training.png")}


@pytest.mark.parametrize("name", ["x" * 252, "ö" * 126])
def test_the_longest_names_are_trained_and_exported(tmp_path: Path, name: str) -> None:
    assert snnc("train", *QUICK, "-o", tmp_path / f"{name}.pt").exit_code == 0
    network = f"{name[:-1]}.net"
    assert snnc("export", tmp_path / f"{name}.pt", "-o", tmp_path / network, "-q").exit_code == 0
    assert len(list(tmp_path.iterdir())) == 4
    assert "cannot be a file" in refused(snnc("export", tmp_path / f"{name}.pt", "-q"))  # one byte too long


@pytest.mark.parametrize("command", ["simulate", "check", "inspect", "export", "import"])
def test_a_changed_byte_of_our_graph_is_refused_by_every_command(folder: Path, command: str) -> None:
    """One byte of 'model.nir' set thousands of weights to 0, and import said 'exact'."""
    content = bytearray(Path("model.nir").read_bytes())
    content[len(content) // 2] ^= 1
    Path("changed.nir").write_bytes(content)
    with h5py.File("model.nir", "r+") as file:  # a weight, by somebody who means it and seals the file again
        weights = file["node/nodes/layer_fc2_weight0/weight"]
        weights[0, 0] = 1 - abs(weights[0, 0])
    reseal(Path("model.nir"))
    more = {"import": ["-T", "5", "-o", "again.net"], "export": ["-o", "again.net"]}.get(command, [])
    assert "its bytes do not fit the checksum at its end" in refused(snnc(command, "changed.nir", *more))
    assert "its checksum does not fit its numbers" in refused(snnc(command, "model.nir", *more))
    assert not Path("again.net").exists()


def test_a_graph_of_ours_that_lost_its_seal_is_not_taken_for_one_of_others(folder: Path) -> None:
    graph = nir.read("model.nir")
    nir.write("again.nir", graph)
    assert "no checksum of snnc at its end" in refused(snnc("import", "again.nir", "-T", "5", "-o", "x.net"))


def test_a_graph_at_which_libhdf5_loops_is_refused_soon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "SECONDS", 1)
    content = bytearray(Path("graph.nir").read_bytes())
    heap = content.index(b"GCOL")
    loops = 0
    for place, value in ((8, 255), (25, 1), (49, 1)):
        changed = content.copy()
        changed[heap + place] = value
        Path("changed.nir").write_bytes(changed)
        started = time.monotonic()
        loops += "came to no end" in refused(snnc("import", "changed.nir", "-T", "3", "-o", "x.onnx", "-q"))
        assert time.monotonic() - started < 30
    assert loops, "no byte makes it loop any more: is the limit still needed?"


def test_a_dry_run_of_a_huge_network_takes_little_memory() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from snnc.cli.main import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        # Not ru_maxrss: a new program keeps that of the process that started it.
        "print(next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) // 1024)\n"
    )
    command = [sys.executable, "-c", code, "train", "--dry-run", "--width", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) < 1024
    assert "memory: about 1" in done.stdout


def test_ending_a_command_leaves_the_folder_as_it_was(folder: Path) -> None:
    before = set(contents(folder))
    assert snnc("simulate", "model.net", "-e", "tensor", "-n", "2", "-q").exit_code == 0
    refused(snnc("simulate", "model.net", "-e", "nothing"))
    assert set(contents(folder)) == before


@pytest.mark.parametrize("option", ["--resume", "--teacher"])
def test_a_huge_model_in_a_small_checkpoint_is_refused_by_training_too(folder: Path, option: str) -> None:
    content = torch.load("model.pt", weights_only=True)
    content["config"] |= {"width": 64.0, "model": "cifarnet"}
    resume = {"companions": {"twin": {"config": content["config"], "phase": 1, "weights": {}}}, "optimizer": {}}
    buffer = BytesIO()
    torch.save(resume, buffer)
    content["resume"] = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
    del content["digest"]
    buffer = BytesIO()
    torch.save(content | {"digest": digest_of(content)}, buffer)
    Path("huge.pt").write_bytes(sealed_zip(buffer.getvalue()))
    more = ["-o", "other.pt", "-q"] if option == "--resume" else [*QUICK, "--method", "kd", "-o", "other.pt"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = refused(snnc("train", option, "huge.pt", *more))
    assert "has the shape" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18


def test_of_two_trainings_into_one_name_one_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snnc", "train", *QUICK, "--force", "-o", "m.pt"]
    runs = [subprocess.Popen([*command, "--seed", seed], cwd=tmp_path, stderr=subprocess.PIPE, text=True) for seed in "12"]
    said = [run.communicate()[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2]
    assert sorted(said)[1] == "snnc: m.pt: another run is writing it now; wait for its end, or name another file\n"
    assert {path.name for path in tmp_path.iterdir()} == {"m.pt", "m.history.json", "m.training.png"}


def test_pictures_and_events_of_others_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.training.png").write_bytes(b"a picture of a data set")
    assert "output 'm.training.png' exists" in refused(snnc("train", *QUICK, "-o", "m.pt"))
    Path("n.tensorboard").touch()
    for force in ([], ["--force"]):
        said = refused(snnc("train", *QUICK, "-o", "n.pt", "--log", "tensorboard", *force))
        assert "folder 'n.tensorboard' of events exists" in said
    assert Path("m.training.png").read_bytes() == b"a picture of a data set"


def test_a_file_sends_nobody_to_a_hub(folder: Path) -> None:
    network = replace(read_network("model.net"), data="evil/dataset")
    export(network, "loihi2", "hub.net")
    said = refused(snnc("simulate", "hub.net", "-e", "tensor"))
    assert "the network was trained on 'evil/dataset', which is loaded only if you name it: add --data evil/dataset" in said


def test_a_bias_that_is_no_number_is_one_line(folder: Path) -> None:
    with h5py.File("model.nir", "r+") as file:
        file["node/nodes/layer_fc2_weight0/bias"][0] = np.nan
    reseal(Path("model.nir"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "a bias is no number of the chip" in refused(snnc("inspect", "model.nir"))
