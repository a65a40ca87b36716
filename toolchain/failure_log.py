"""Where reports of failures are kept for whoever looks into them: one file of each name, the latest."""

import os
from pathlib import Path

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import SnncError


def keep(name: str, content: bytes) -> Path | None:
    """Write a report in place of the last one of that name (such as `lava.log`) and return its path.

    It lies in `$XDG_STATE_HOME/snnc`, or in `~/.local/state/snnc`. Returns None, raising nothing, where neither can be written:
    a report that cannot be kept must not hide the failure that it is about.
    """
    try:
        path = folder() / name
        write_atomically(path, content)
    except (SnncError, OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    return path


def folder() -> Path:
    """Return the folder that keeps what outlives a command."""
    stated = os.environ.get("XDG_STATE_HOME", "")
    # Its specification says that a relative path there is to be ignored.
    state = Path(stated) if Path(stated).is_absolute() else Path.home() / ".local" / "state"
    return state / "snnc"
