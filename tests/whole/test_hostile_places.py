"""Commands where files cannot be written, the disk is full, or there is no home: one line, and nothing half-written."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

QUICK = ["--model", "mlp", "--width", "0.02", "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1", "-q"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([*SNNC, "train", *QUICK], cwd=folder, check=True)
    subprocess.run([*SNNC, "export", "model.pt", "-q"], cwd=folder, check=True)
    return folder


SNNC = [sys.executable, "-m", "snnc"]
COMMANDS = [
    ["train", *QUICK, "-o", "{0}/new.pt"],
    ["export", "model.pt", "-o", "{0}/new.net"],
    ["inspect", "model.net", "--plot", "{0}/new.svg"],
    ["simulate", "model.net", "-e", "fast", "-n", "2", "--report", "{0}/new.html"],
    ["demo", *QUICK, "-o", "{0}"],
]


def run(made: Path, line: list[str], place: str, most: int | None = None) -> "subprocess.CompletedProcess[str]":
    def limit() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [*SNNC, *(word.format(place) for word in line)]
    return subprocess.run(command, cwd=made, capture_output=True, text=True, check=False, preexec_fn=limit)


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[0])
def test_a_full_disk_is_one_line_and_leaves_nothing(made: Path, tmp_path: Path, line: list[str]) -> None:
    done = run(made, line, str(tmp_path), most=100)
    assert done.returncode == 2, done.stdout
    assert (
        done.stderr.count("\n") == 1 and "cannot be written: File too large; check the folder and the free space" in done.stderr
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[0])
def test_a_folder_that_nobody_can_write_to_is_one_line(made: Path, line: list[str]) -> None:
    done = run(made, line, "/proc/self")
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1 and "cannot be written" in done.stderr


@pytest.mark.parametrize("home", [None, "/dev/null"])
def test_a_missing_home_is_no_matter(made: Path, tmp_path: Path, home: str | None) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "PYTHONPATH") if name in os.environ}
    variables = kept | ({} if home is None else {"HOME": home})
    for line in (["train", *QUICK, "-o", str(tmp_path / "new.pt")], ["simulate", "model.net", "-e", "fast", "-n", "2", "-q"]):
        done = subprocess.run([*SNNC, *line], cwd=made, env=variables, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
