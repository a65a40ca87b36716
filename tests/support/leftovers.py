"""What a run may leave behind: its processes, its temporary files, its shared memory."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

OURS = ("snnc-", "psm_", "sem.")  # of snnc itself, and of multiprocessing, which Lava uses

KEPT = ("snnc", "torchinductor_*", ".ses")  # reports of failures, and what torch and onnxruntime make once, however often


def leftovers() -> set[str]:
    """Return the temporary files of this process, the children of this process, and shared memory that nobody has open."""
    found = {str(path) for path in Path(tempfile.gettempdir()).iterdir() if not any(path.match(kept) for kept in KEPT)}
    memory = Path("/dev/shm")
    if memory.is_dir():
        segments = {str(path) for path in memory.iterdir() if path.name.startswith(OURS)}
        found |= segments - _open(segments) if segments else set()
    return found | {f"process {child}" for child in children_of(os.getpid())}


def _open(names: set[str]) -> set[str]:
    """Return those that any process has open or mapped: they belong to a run that goes on (Linux)."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            text = (process / "maps").read_text()
            text += "".join(os.readlink(link) for link in (process / "fd").iterdir())
            found |= {name for name in names if name in text}
    return found


def children_of(process: int) -> set[str]:
    """Return the processes that this one, or one of its own, has started (Linux)."""
    parents: dict[str, list[str]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, rest = status.read_text(errors="replace").partition(" ")
            name, _, fields = rest.rpartition(") ")
            parents.setdefault(fields.split()[1], []).append(f"{number} {name.lstrip('(')}")
    found, waiting = set[str](), [str(process)]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child.split()[0])
    return found
