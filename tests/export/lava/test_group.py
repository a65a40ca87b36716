"""Process groups are ended whole, and only those of runs are found."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lava_runs import members, wait_until

from snnc.export.lava.group import CHILD, MEMORY, end, groups_of, how_it_ended

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc and /dev/shm")

# Ignores SIGTERM, and so does what it forks; says when both are there.
STUBBORN = (
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if os.fork(): os.write(1, b'.')\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Two processes in a group of their own, with the command line of a run in this test's folder."""
    words = [sys.executable, "-c", STUBBORN, "-m", CHILD, str(tmp_path)]
    with subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.read(1) == b"."
        yield process
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_group_is_ended_whole(stubborn: "subprocess.Popen[bytes]", stopped: bool) -> None:
    if stopped:
        os.killpg(stubborn.pid, signal.SIGSTOP)
    assert len(members(stubborn.pid)) == 2
    began = time.monotonic()
    end(stubborn.pid)
    assert time.monotonic() - began < 2
    assert not members(stubborn.pid)
    end(stubborn.pid)  # nothing is there any more


def test_a_semaphore_that_was_just_being_made_goes_too() -> None:
    """As the C library has it for a moment: under a random name, not yet the one that was asked for."""
    ours, other = MEMORY / "sem.sNnC01", MEMORY / "sem.sNnC02"
    other.touch()
    code = f"import time; made = open({str(ours)!r}, 'w'); print(flush=True); time.sleep(600)"
    try:
        with subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline()
            assert ours.exists()
            end(process.pid)
        assert not ours.exists() and other.exists()
    finally:
        ours.unlink(missing_ok=True)
        other.unlink()


def test_runs_are_found_by_their_command_line(stubborn: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    assert groups_of(tmp_path) == {stubborn.pid}
    assert not groups_of(tmp_path.parent)


@pytest.mark.parametrize(("words", "own_session"), [([CHILD], False), ([], True), ([f"{CHILD}x"], True)])
def test_others_that_name_the_folder_are_not_runs(tmp_path: Path, words: list[str], own_session: bool) -> None:
    """An editor with the log open, and a process that shares its group with a shell."""
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)", *words, str(tmp_path)]
    with subprocess.Popen(command, start_new_session=own_session, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            assert not groups_of(tmp_path)
        finally:
            process.kill()
    wait_until(lambda: process.poll() is not None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-11, "was ended by signal SIGSEGV"),
        (-9, "was ended by signal SIGKILL (out of memory? run fewer samples)"),
        (-7, "was ended by signal SIGBUS (/dev/shm full? make it larger)"),
        (-40, "was ended by signal 40"),
    ],
)
def test_how_it_ended(status: int, words: str) -> None:
    assert how_it_ended(status) == words
