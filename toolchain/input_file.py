"""The one check of files that are to be read: they are there, and regular."""

import os
import stat
from pathlib import Path

from snnc.toolchain.errors import FileFormatError


def check_input(path: str | Path) -> int:
    """Return the size of a regular file in bytes. Raises FileFormatError for a missing one, a folder, a device or a pipe."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "no such file" if missing else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise FileFormatError(f"{path}: {reason}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
        raise FileFormatError(f"{path}: it is {kind}, no regular file; name a file")
    return found.st_size
