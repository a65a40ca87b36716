"""Has files of others read by a process with limits of time and memory (reading_child.py), which may fail without harm."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from snnc.toolchain.data import reading_child
from snnc.toolchain.errors import install_command, one_line

OUT_OF_TIME = -getattr(signal, "SIGXCPU", 24)  # what a process without seconds left ends with
PATIENCE = 10  # seconds on the clock for each of a processor: other programs may keep this machine busy


def read_apart(folder: str, most: int, what: str, files: Sequence[Path], names: Sequence[str] = ()) -> str:
    """Let a process write what it reads into a folder, and return why it refused a file and the remedy, or an empty text."""
    seconds = reading_child.SECONDS + sum(map(_size, files)) // reading_child.BYTES_PER_SECOND
    places = [os.path.abspath(file) for file in files]  # no links followed: the suffix says what a file is
    command = [sys.executable, "-I", reading_child.__file__, folder, str(most), str(seconds), what, *places, *names]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return _late(seconds)
    said = one_line(ValueError(child.stdout.strip() or "its library failed on it"))
    if child.returncode == reading_child.MISSING:
        return f"{said}; {install_command('recordings')}"
    if child.returncode == OUT_OF_TIME:
        return _late(seconds)
    return f"cannot be read ({said}); write it again" if child.returncode else ""


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0  # the child says that it is not there


def _late(seconds: int) -> str:
    return f"its library came to no end within {seconds} s; it is damaged, write it again"
