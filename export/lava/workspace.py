"""The working folder of one run of Lava, and the janitor that takes away what runs that were killed have left.

The folder's name and those of the run's shared memory carry one random token, and whoever started the run holds a lock on the
folder for as long as the run lasts. A folder whose lock nobody holds is therefore left over, and all that carries its token.
"""

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from snnc.export.lava.group import MEMORY, end, groups_of
from snnc.toolchain.errors import EngineError
from snnc.toolchain.interrupts import interrupts_deferred

if sys.platform != "win32":  # where Lava does not run
    import fcntl

PREFIX = "snnc-lava-"
FOLDER = re.compile(PREFIX + "[0-9a-f]{12}")


@contextmanager
def workspace() -> Iterator[Path]:
    """Clean up after killed runs, then give a folder for one run, and take it away at the end with the run's shared memory.

    The run's processes must have ended by then. Raises EngineError if no folder can be made.
    """
    clean_up()
    with ExitStack() as stack:
        with interrupts_deferred():
            folder, lock = _claim()
            stack.callback(_release, folder, lock)
        yield folder


def clean_up() -> None:
    """Take away the folders, the processes and the shared memory of this user's runs that nobody holds any more."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            if FOLDER.fullmatch(folder.name):
                with suppress(OSError):  # it is a link or no folder, or its own run takes it away at this moment
                    _take_if_left(folder)


def remove(folder: Path) -> None:
    """Remove a run's shared memory, then its folder; the folder comes last, so that what is interrupted is found again."""
    for pattern in memory_names(folder):
        for segment in MEMORY.glob(pattern):
            with suppress(OSError):
                if segment.lstat().st_uid == os.getuid():
                    segment.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def memory_names(folder: Path) -> tuple[str, str]:
    """Return the patterns of the files in `MEMORY` that a run has: segments, and semaphores (named for a moment)."""
    return f"{memory_prefix(folder)}*", f"sem.{memory_prefix(folder)}*"


def memory_prefix(folder: Path) -> str:
    """Return what the names of all shared memory of a run begin with."""
    return f"snnc-{folder.name.removeprefix(PREFIX)}-"


def _claim() -> tuple[Path, int | None]:
    """Make a folder and lock it. A janitor that comes between the two takes it away, and another one is made."""
    while True:
        folder = Path(tempfile.gettempdir()) / (PREFIX + secrets.token_hex(6))
        try:
            folder.mkdir(0o700)
        except OSError as error:
            raise EngineError(f"cannot make {folder} ({error.strerror}); make room, or set TMPDIR") from None
        with suppress(FileNotFoundError):
            lock = _lock(folder, wait=True)
            if lock is None or os.path.samestat(os.fstat(lock), folder.stat()):
                return folder, lock
            os.close(lock)


def _release(folder: Path, lock: int | None) -> None:
    with interrupts_deferred():
        remove(folder)
        if lock is not None:
            os.close(lock)


def _take_if_left(folder: Path) -> None:
    lock = _lock(folder, wait=False)
    if lock is None:
        return
    try:
        for group in groups_of(folder):
            end(group)
        remove(folder)
    finally:
        os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder of our own and return what holds the lock, or None: it is taken, not ours, or cannot be locked.

    Python closes the descriptor in every program that it starts, so Lava's processes do not hold the lock too: once the one who
    started them has died, they are as much left over as the folder, and whoever sees that first may end them.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_uid == os.getuid():
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return handle
    except OSError:  # held, or a file system without locks, where nobody's janitor gets one either
        pass
    os.close(handle)
    return None
