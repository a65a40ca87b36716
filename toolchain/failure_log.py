"""Where the reports of failures go: one file of each kind in the user's folder for states, replaced by the next one."""

import os
from pathlib import Path

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import SnncError


def keep(name: str, content: bytes) -> Path | None:
    """Write a report and return its file: `$XDG_STATE_HOME/snnc/NAME`, or `~/.local/state/snnc/NAME`; None if that fails."""
    try:
        state = os.environ.get("XDG_STATE_HOME")
        folder = Path(state) if state else Path.home() / ".local" / "state"
        write_atomically(folder / "snnc" / name, content)
    except (SnncError, OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder / "snnc" / name
