"""Files that are either complete or not there: written beside their place, then renamed."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from snnc.toolchain.errors import SnncError
from snnc.toolchain.output_file import check_output

try:
    import fcntl
except ImportError:  # Windows: what a killed write left there stays
    fcntl = None  # type: ignore[assignment]

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file whole, or leave what was there. Raises SnncError as `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a file to write, which takes its place when it is whole; if writing fails, what was there is left.

    A file that is replaced keeps its mode and, where the system allows it, its owner; a symbolic link keeps its target, which
    is replaced instead. A new file has the mode that the umask leaves. Raises SnncError if the place is no regular file or
    new name (check_output), the folder cannot be written or the disk is full.
    """
    check_output(path)
    with _beside(Path(path)) as (handle, temporary, target):
        with os.fdopen(handle, "wb", closefd=False) as file:
            yield file
        _take_after(handle, target)
        os.fsync(handle)
        os.replace(temporary, target)


def check_writable(path: str | Path) -> None:
    """Raise SnncError if a file could not be written there; leave what is there as it is."""
    check_output(path)
    with _beside(Path(path)):
        pass


@contextmanager
def _beside(path: Path) -> Iterator[tuple[int, Path, Path]]:
    """Yield an open temporary file, its path, and the file that it is to replace; take the temporary file away at the end."""
    handle, temporary = -1, None
    try:
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        mark = _mark(target)
        _remove_leftovers(target.parent, mark)
        handle, temporary = _created(target.parent, mark)
        yield handle, temporary, target
    except OSError as error:
        raise SnncError(f"{path}: cannot be written: {error.strerror or error}; check the folder and the free space") from None
    finally:
        with suppress(OSError):
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        if handle >= 0:
            os.close(handle)


@contextmanager
def claimed(path: str | Path, *, wait: bool = False) -> Iterator[None]:
    """Keep a file to this process while open: whoever else claims it meanwhile gets SnncError, or waits if asked to.

    Needs a system with locks.
    """
    check_output(path)
    target = Path(os.path.realpath(path))
    claim = target.parent / f"{_mark(target)}claim"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(claim, wait=wait)
    except BlockingIOError:
        raise SnncError(f"{path}: another run is writing it now; wait for its end, or name another file") from None
    except OSError as error:
        raise SnncError(f"{path}: cannot be written: {error.strerror or error}; check the folder and the free space") from None
    try:
        yield
    finally:
        with suppress(OSError):
            claim.unlink()
        os.close(handle)


def _locked(claim: Path, *, wait: bool) -> int:
    """Return an open file that is locked, where there are locks. Raises BlockingIOError if another process has it."""
    while True:
        handle = os.open(claim, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o666)
        if fcntl is None:
            return handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, KeyboardInterrupt):
            os.close(handle)
            raise
        except OSError:  # a file system without locks
            return handle
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # whoever held it has just ended and taken it away
        if not wait:
            raise BlockingIOError


def _mark(target: Path) -> str:
    """Return how temporary files of a target begin: a hash, since a name may already have the 255 bytes that are allowed."""
    return f".snnc-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def _created(folder: Path, mark: str) -> tuple[int, Path]:
    """Return a new file that is locked for as long as it is open, so that nobody takes it for a leftover."""
    while True:
        temporary = folder / f"{mark}{secrets.token_hex(4)}"
        handle = os.open(temporary, NEW, 0o666)
        if fcntl is None:
            return handle, temporary
        with suppress(OSError):  # some network file systems have no locks, and so no leftovers that are removed
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if temporary.exists():  # else it was taken for a leftover before it was locked
            return handle, temporary
        os.close(handle)


def _remove_leftovers(folder: Path, mark: str) -> None:
    """Remove temporary files that killed writes of the same target left; a live write holds a lock on its own."""
    if fcntl is None:
        return
    for leftover in folder.glob(f"{mark}*"):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                leftover.unlink()
            finally:
                os.close(handle)


def _take_after(handle: int, target: Path) -> None:
    """Give a temporary file the owner and the mode of the file that it replaces."""
    with suppress(OSError):
        before = target.stat()
        if hasattr(os, "fchown") and (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            with suppress(OSError):
                os.fchown(handle, before.st_uid, before.st_gid)
        if hasattr(os, "fchmod"):
            os.fchmod(handle, before.st_mode & 0o7777)
