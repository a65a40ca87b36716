"""Runs in processes of their own, each with one thread: small networks gain nothing from more, and lose on busy cores.

A worker is this module started as a program: it reads a job from each line of its input and answers with a line, both JSON.
What snnc logs, at the level of the process that started it, goes to the standard error.
"""

import json
import logging
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO, Any

from snnc.experiments.one_run import Job, run_job
from snnc.experiments.plan import Run
from snnc.toolchain import errors
from snnc.toolchain.device import torch_threads
from snnc.toolchain.errors import SnncError, TrainingError, one_line
from snnc.toolchain.training import freed_memory

Worker = subprocess.Popen[str]


def each(jobs: Sequence[Job], processes: int) -> Iterator[Run]:
    """Yield the run of each job, as they end. With one process, this one does the work. Ctrl-C ends all of them.

    Raises the SnncError that a run raised, TrainingError if a process died or raised anything else.
    """
    if processes <= 1 or len(jobs) <= 1:
        freed_memory.keep_freed_memory()
        with torch_threads(1):
            yield from map(run_job, jobs)
        return
    left = list(reversed(jobs))
    with _started(min(processes, len(jobs))) as workers, selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(_pipe(worker.stdout), selectors.EVENT_READ, worker)
            _send(worker, left.pop())
        for _ in jobs:
            worker = selector.select()[0][0].data
            run = _answer(_pipe(worker.stdout).readline())
            if left:
                _send(worker, left.pop())
            yield run


@contextmanager
def _started(count: int) -> Iterator[list[Worker]]:
    """Start workers, in a group of their own so that Ctrl-C reaches them through this process only; end them all."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    level = logging.getLogger("snnc").getEffectiveLevel()
    command = [sys.executable, "-m", "snnc.experiments.workers", str(level)]
    workers: list[Worker] = []
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    try:
        for _ in range(count):
            workers.append(subprocess.Popen(command, env=environment, start_new_session=True, **pipes))
        yield workers
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            with suppress(OSError), worker:  # closes the pipes and waits
                pass


def _pipe(pipe: "IO[str] | None") -> "IO[str]":
    if pipe is None:
        raise TrainingError("a process of the experiment has no pipe")
    return pipe


def _send(worker: Worker, job: Job) -> None:
    pipe = _pipe(worker.stdin)
    with suppress(OSError):  # a dead one says so when it is asked for its answer
        pipe.write(json.dumps(asdict(job) | {"config": job.config.as_dict()}) + "\n")
        pipe.flush()


def _answer(line: str) -> Run:
    """Return the run that a worker answered with, or raise what it raised."""
    if not line:
        raise TrainingError("a process of the experiment died, perhaps for want of memory; take fewer processes")
    answer = json.loads(line)
    if "error" in answer:
        kind: type[SnncError] = getattr(errors, answer["error"], TrainingError)
        raise kind(answer["text"])
    return Run.from_dict(answer)


def work(lines: "IO[str]", answers: "IO[str]") -> None:
    """Do the jobs of all lines, answering each with a line."""
    freed_memory.keep_freed_memory()
    with torch_threads(1):
        for line in lines:
            try:
                answer = asdict(run_job(Job.from_dict(json.loads(line))))
            except SnncError as error:
                answer = {"error": type(error).__name__, "text": str(error)}
            except Exception as error:  # noqa: BLE001 - whatever a measurement raises is one line, as everywhere
                answer = {"error": "TrainingError", "text": f"{type(error).__name__} in a run: {one_line(error)}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt), os.fdopen(os.dup(1), "w") as own:
        os.dup2(2, 1)  # what measurements print must not come between the answers
        logging.basicConfig(format="%(message)s")
        logging.getLogger("snnc").setLevel(int(sys.argv[1]))
        work(sys.stdin, own)
