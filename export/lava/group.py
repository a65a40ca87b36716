"""The processes of one run of Lava: a process group of its own, ended as a whole and found again by its command line."""

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CHILD = "snnc.export.lava.child"  # the module that every run executes, as its processes' command lines say
FAULT = "snnc: "  # begins the line of a run's log that tells which of its processes has died
HINTS = {"SIGKILL": " (out of memory? run fewer samples)", "SIGBUS": " (/dev/shm full? make it larger)"}
STATE, GROUP, THREADS = 0, 2, 17  # fields of /proc/PID/stat behind the name
GRACE = 1.0  # seconds for each of the two ways to end a group
POLL = 0.02
PROC = Path("/proc")
MEMORY = Path("/dev/shm")  # where Linux shows shared memory and semaphores as files; elsewhere they cannot be listed


def end(group: int) -> None:
    """End all processes of a group, stopped ones too; takes `3 * GRACE` seconds at most."""
    if not _is_listed():
        # multiprocessing's resource tracker ignores SIGTERM: once the others are gone it gives back their shared memory and
        # ends. Where segments cannot be listed (macOS) nobody else can. Who was stopped takes SIGTERM when made to go on.
        _signal(group, signal.SIGTERM)
        _signal(group, signal.SIGCONT)
        _wait_while(lambda: _lives(group))
    _signal(group, signal.SIGSTOP)
    _wait_while(lambda: any(state not in "tTZ" for _, state in _members(group)))
    semaphores = _unfinished_semaphores(group)
    _signal(group, signal.SIGKILL)
    _wait_while(lambda: _lives(group))
    for semaphore in semaphores:
        with suppress(OSError):
            os.unlink(semaphore)


def groups_of(folder: Path) -> set[int]:
    """Return the groups of our own processes whose command line says that they are a run of Lava in this folder.

    Only groups with a session of their own count, as runs have: no group that a shell or a user made can be meant.
    """
    found = set()
    for path in PROC.glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            words = path.read_bytes().split(b"\0")
            process = int(path.parent.name)
            ours = CHILD.encode() in words and os.fsencode(folder) in words and path.stat().st_uid == os.getuid()
            if ours and os.getpgid(process) == os.getsid(process):
                found.add(os.getpgid(process))
    return found


def how_it_ended(status: int) -> str:
    """Say how a process ended: `status` is its exit status, or a signal's number with a minus, as in `subprocess`."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # a real-time signal
        name = str(-status)
    return f"was ended by signal {name}{HINTS.get(name, '')}"


def _unfinished_semaphores(group: int) -> set[str]:
    """Return the files of semaphores that a stopped group is just making.

    The C library makes each under a random name of its own, and renames it: only who looks while it is open knows whose it is.
    """
    found = set()
    for process, _ in _members(group):
        with suppress(OSError):
            found |= {os.readlink(handle.path) for handle in os.scandir(PROC / str(process) / "fd")}
    return {path for path in found if re.fullmatch(rf"{MEMORY}/sem\.\w{{6}}", path)}


def _lives(group: int) -> bool:
    """Tell whether a group has a process that is not a zombie: who has to take note of that one's end may never do."""
    with suppress(ChildProcessError):
        # Ours are the child itself and, where this process is the first one of a container, what the child left.
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    return bool(_members(group)) if _is_listed() else _signal(group, 0)


def _members(group: int) -> list[tuple[int, str]]:
    """Return the processes of a group that have not ended, with the letters of their states; none where none are listed."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            # A process whose first thread has ended looks like a zombie until all others have.
            ended = fields[STATE] in "ZX" and int(fields[THREADS]) <= 1
            if int(fields[GROUP]) == group and not ended:
                found.append((int(path.parent.name), fields[STATE]))
    return found


def _is_listed() -> bool:
    return (PROC / "self" / "stat").exists()


def _wait_while(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GRACE
    while condition() and time.monotonic() < deadline:
        time.sleep(POLL)


def _signal(group: int, kind: int) -> bool:
    """Send a signal (0: none) to all processes of a group and tell whether there are any."""
    try:
        os.killpg(group, kind)
    except (ProcessLookupError, PermissionError):  # macOS: PermissionError where only zombies are left
        return False
    return True
