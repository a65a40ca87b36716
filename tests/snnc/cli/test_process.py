"""The command as a process: its streams, its signals, its exit status."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnc.export import export
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense

SNNC = f"{sys.executable} -W error -m snnc"
LIKE_DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a network that can be simulated on digits."""
    layer = Layer("fc", (Dense("input", [[1] * 64] * 10),), Lif((10,), vth=9, dv=2048))
    network = Network("example", 3, Input((1, 8, 8), -5, 11, 5), (layer,), "spikes", LIKE_DIGITS, "digits")
    export(network, "loihi2", tmp_path / "model.net")
    return tmp_path


def shell(folder: Path, line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    variables = os.environ | environment
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, errors="replace")


SIMULATE = f"{SNNC} simulate model.net -e fast -e tensor -n 20"


@pytest.mark.parametrize("line", [f"{SIMULATE} | head -1", f"{SIMULATE} | true", f"{SIMULATE} >&-", f"{SIMULATE} <&- >&- 2>&-"])
def test_who_stops_listening_does_not_change_the_verdict(folder: Path, line: str) -> None:
    done = shell(folder, line)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_output_is_not_the_first_file_that_is_written(folder: Path) -> None:
    done = shell(
        folder, f"{SNNC} simulate model.net -e fast -n 5 --report report.html >&-; {SNNC} export model.net -o b.net >&-"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_output_is_one_line(folder: Path) -> None:
    done = shell(folder, f"{SIMULATE} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "snnc: OSError: [Errno 28] No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "line",
    [
        f"{SNNC} --help >/dev/full",
        f"{SNNC} inspect nofile.net 2>/dev/full",
        f"{SNNC} bogus 2>/dev/full",
        f"{SIMULATE} >/dev/full 2>/dev/full",
    ],
)
def test_full_streams_leave_the_status_of_a_fault(folder: Path, line: str) -> None:
    done = shell(folder, line)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 1


def test_a_working_folder_that_is_gone_is_one_line(folder: Path) -> None:
    done = shell(folder, f"mkdir gone; cd gone; rmdir ../gone; {SNNC} train")
    assert (done.returncode, done.stderr) == (2, "snnc: the working folder is gone; change to another\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_the_terminal_cannot_show_are_shown(folder: Path, encoding: str) -> None:
    os.rename(folder / "model.net", os.fsencode(folder) + b"/mo\xffd\xc3\xa9l.net")
    done = shell(folder, f"{SNNC} inspect *.net && {SNNC} simulate x/*", PYTHONIOENCODING=encoding)
    assert done.returncode == 2 and done.stdout.startswith("mo\\udcffd"), done.stderr
    assert done.stderr == "snnc: x/*: unknown suffix ''; allowed are .pt, .net, .nir, .onnx, .h\n"


def test_escape_sequences_of_a_file_stay_text(folder: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    layer = Layer(f"fc{evil}", (Dense("input", [[1] * 64] * 10),), Lif((10,), vth=9, dv=2048))
    network = Network(f"net{evil}", 3, Input((1, 8, 8), -5, 11, 5), (layer,), "spikes", LIKE_DIGITS, "digits")
    export(network, "loihi2", folder / "evil.net")
    for line in (
        "inspect evil.net --plot evil.svg",
        "simulate evil.net -e fast -n 3 --report evil.html",
        f"inspect 'a{evil}.net'",
    ):
        done = shell(folder, f"{SNNC} {line}")
        assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout + done.stderr
        assert "\\x1b]0;owned" in done.stdout + done.stderr
    for name in ("evil.svg", "evil.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "\\x1b" in text and text.replace("\n", "").isprintable()


def test_every_word_of_a_usage_error_is_printable(folder: Path) -> None:
    done = shell(folder, f"{SNNC} simulate --no$'\\e[31m'such model.net; {SNNC} $'\\e[31m'")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr and "Usage: " in done.stderr and "Traceback" not in done.stderr


def stopped(folder: Path, number: int, library: str = "") -> tuple[int, str]:
    """Send a signal to a long training, when it has loaded a library or written a checkpoint; return its status and words."""
    line = f"{SNNC} train --model mlp --width 0.02 --epochs-float 100000 -o part.pt -q --force".split()
    with subprocess.Popen(line, cwd=folder, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not (has_loaded(child.pid, library) if library else (folder / "part.pt").exists()):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    return child.returncode, said


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_training_that_is_stopped_says_how_to_continue(folder: Path, number: int, status: int) -> None:
    assert stopped(folder, number) == (status, "snnc: stopped; continue with: snnc train --resume part.pt\n")
    assert sorted(os.listdir(folder)) == ["model.net", "part.history.json", "part.pt"]


def has_loaded(process: int, library: str) -> bool:
    return library in Path(f"/proc/{process}/maps").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what is loaded")
@pytest.mark.parametrize("library", ["_multiarray_umath", "libtorch_cpu", "libtorch_python"])
def test_ctrl_c_while_modules_load_is_130(folder: Path, library: str) -> None:
    status, said = stopped(folder, signal.SIGINT, library)
    assert status == 130 and said.startswith("snnc: stopped") and "Traceback" not in said
