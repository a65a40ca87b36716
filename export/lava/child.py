"""The interpreter of one run of Lava: python -m snnc.export.lava.child FOLDER PARENT

While process.py does the job in the folder, this watches for the end of its parent and of any process that Lava started: Lava
waits for ever for one that has died. The watch begins before Lava is imported, which takes seconds.
"""

import multiprocessing.process
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from snnc.export.lava.group import FAULT, end, how_it_ended
from snnc.export.lava.import_fixes import mark_temporaries
from snnc.export.lava.workspace import memory_prefix, remove

POLL = 0.1

Workers = list[tuple[str, Any]]  # what each does, and its multiprocessing.Process


def watch(folder: Path, parent: int, workers: Workers) -> None:
    """Tell the log if a worker has ended; end this run if its parent has gone, in whatever way, or has taken the folder."""
    while os.getppid() == parent and folder.exists():
        # Workers wait for orders to the end of the run: whichever ends before, in whatever way, has failed.
        for name, process in list(workers):
            if process.exitcode is not None:
                _tell(f"a process of Lava's ({name}) {how_it_ended(process.exitcode)}")
                workers.clear()  # the others follow: the parent ends them
        time.sleep(POLL)
    _take_away(folder)


def _tell(fault: str) -> None:
    try:
        os.write(2, f"\n{FAULT}{fault}\n".encode())
    except OSError:  # the disk is full: the parent sees this process's end at least
        os._exit(1)


def _take_away(folder: Path) -> None:
    """End this process and its whole group, then remove what they leave: in a process outside of the group, which lives on.

    It must import nothing: the thread that holds the lock on an import is not in the copy of this process.
    """
    group = os.getpgrp()
    if os.fork() == 0:
        try:
            os.closerange(0, 1024)  # multiprocessing's resource tracker waits for all who could still write to it
            os.setsid()
            end(group)
            remove(folder)
        finally:
            os._exit(0)


def note_workers() -> Workers:
    """Return a list that gets every process that is started from now on."""
    workers: Workers = []
    kind: Any = multiprocessing.process.BaseProcess
    original = kind.start

    def start(self: Any) -> None:
        builder = self._kwargs.get("builder")
        what = getattr(builder, "proc_model", None) or getattr(builder, "rs_class", None)
        original(self)
        workers.append((what.__name__ if what else self.name, self))

    kind.start = start
    return workers


def main(folder: Path, parent: int) -> None:
    """Do the job in the folder, for as long as the process `parent` lives."""
    workers = note_workers()
    threading.Thread(target=watch, args=(folder, parent, workers), daemon=True).start()
    mark_temporaries(memory_prefix(folder))
    os.chdir(folder)  # where the path of a socket, of 100 characters at most, is short, and what a crash leaves goes away
    from snnc.export.lava.process import do_job

    do_job(folder)


if __name__ == "__main__":
    status = 1
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        # Not sys.exit, which waits for Lava's processes: the parent ends them all.
        os._exit(status)
