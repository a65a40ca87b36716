"""The one decision about where a command may write: never over what it reads, never anything but a regular file."""

import os
import stat
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from snnc.toolchain.errors import ConfigError, SnncError

LONGEST_NAME = 255  # bytes of a file name on the common file systems


def check_output(
    path: str | Path,
    suffixes: Iterable[str] = (),
    inputs: Iterable[str | Path] = (),
    *,
    replaces: bool = True,
    remedy: str = "name another file",
) -> None:
    """Raise unless a file may be written at `path`, new or in the place of another.

    Args:
        path: the output.
        suffixes: what its name may end in; none given: anything.
        inputs: files that the same command reads. They are known by device and inode, so that a hard link, a symbolic link
            or another spelling of the name does not hide one.
        replaces: whether an existing file may be replaced. False where that could lose the work of another run.
        remedy: what to do about an existing file that may not be replaced.

    Raises:
        ConfigError: for another suffix, an input of the same command, or an existing file that may not be replaced.
        SnncError: for a folder, a device, a pipe, a socket, or a name that no file can have.
    """
    name, allowed = str(path), tuple(suffixes)
    if allowed and Path(name).suffix not in allowed:
        raise ConfigError(f"output {name!r} must end in {' or '.join(allowed)}; all commands know files by that")
    found = _status(name)
    if found is None:
        return
    if stat.S_ISDIR(found.st_mode):
        raise SnncError(f"{name}: cannot be written: it is a folder; name a file")
    if not stat.S_ISREG(found.st_mode):
        raise SnncError(f"{name}: cannot be written: it is a device or a pipe, no regular file; name a file")
    for other in inputs:
        if _same(found, _status(str(other))):
            raise ConfigError(f"output {name!r} is {str(other)!r}, which the same command reads; name another file")
    if not replaces:
        raise ConfigError(f"output {name!r} exists, and another run wrote it; {remedy}")


def beside(path: str | Path, suffix: str) -> Path:
    """Return the file `NAME.suffix` beside `NAME.pt`, its name shortened where it would be longer than a name can be."""
    place, stem = Path(path), Path(path).stem
    if len(os.fsencode(stem + suffix)) > LONGEST_NAME:
        mark = sha256(os.fsencode(stem)).hexdigest()[:8]
        kept = os.fsencode(stem)[: LONGEST_NAME - len(mark) - 1 - len(os.fsencode(suffix))]
        stem = f"{kept.decode(errors='ignore')}~{mark}"
    return place.with_name(stem + suffix)


def _status(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise SnncError(f"{name!r}: cannot be a file: {reason}; name another file") from None


def _same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
