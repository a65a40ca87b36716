"""A minute and a half of fuzzing, other cases every day; and the search itself finds what it looks for."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import forks
import numpy as np
import pytest
from against_reference import usable_widths
from forks import run_forked
from formats import FORMATS

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.native.library import built

SECONDS = 8  # for each format

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")


def test_there_is_something_to_fuzz() -> None:
    assert {"pt", "net", "nir", "nir of others", "net of others", "onnx", "c", "toml", "options"} <= set(FORMATS)
    assert {"h5 of events", "h5 of samples"} <= set(FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_nothing_breaks_and_nothing_is_fooled(name: str) -> None:
    start = str(10**6 * datetime.now(UTC).toordinal())
    script = str(Path(__file__).with_name("fuzz.py"))
    command = [sys.executable, script, "--format", name, "--seconds", str(SECONDS), "--start", start]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20 * SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)


def refusing() -> str:
    raise FileFormatError("a.net: damaged")


def hanging() -> str:
    time.sleep(60)
    return "equal"


def crashing() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "equal"


def greedy() -> str:
    np.ones(2**25)
    return "equal"


def asking() -> str:
    np.zeros(2**40)
    return "equal"


def failing() -> str:
    raise ZeroDivisionError("a mistake")


def in_lines() -> str:
    raise FileFormatError("one\ntwo")


@pytest.mark.parametrize(
    ("case", "kind", "fault"),
    [
        (refusing, "refused", False),
        (lambda: "equal", "equal", False),
        (lambda: "different", "different", True),
        (hanging, "hang", True),
        (crashing, "crash", True),
        (greedy, "memory", True),
        (asking, "memory", True),
        (failing, "traceback", True),
        (in_lines, "lines", True),
    ],
)
def test_every_fault_is_found(case: object, kind: str, fault: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "MOST_SECONDS", 1.0 if kind == "hang" else 30.0)
    monkeypatch.setattr(forks, "MOST_BYTES", 2**27)
    outcome = run_forked(case)  # type: ignore[arg-type]
    assert (outcome.kind, outcome.fault) == (kind, fault), outcome


def test_a_case_can_be_repeated() -> None:
    script = str(Path(__file__).with_name("fuzz.py"))
    command = [sys.executable, script, "--format", "toml", "--start", "7", "--count", "40"]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    assert runs[0][:-2] == runs[1][:-2]  # all but times and memory


@pytest.mark.slow
@pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")
def test_the_search_under_sanitizers_runs() -> None:
    """A few networks of each day, at one width of each day: tests/toolchain/native has those that always run at every width."""
    script = str(Path(__file__).with_name("sanitized.py"))
    day, widths = datetime.now(UTC).toordinal(), usable_widths()
    width = str(widths[day % len(widths)])
    command = [sys.executable, script, "--networks", "12", "--start", str(day * 1000), "--width", width]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 networks" in done.stdout and "every number equal, no fault found" in done.stdout
