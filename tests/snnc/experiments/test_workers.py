"""Runs in processes: each is done once, faults of runs and deaths of processes are one line, one thread each."""

import logging
import os
from typing import Any

import pytest
import torch
from training_runs import ONE_EACH

from snnc.experiments.one_run import Job
from snnc.experiments.workers import each
from snnc.toolchain.errors import DataError, TrainingError
from snnc.toolchain.training.train import Training


def threads(training: Training, moment: str) -> dict[str, Any]:
    print("measurements may print")
    logging.getLogger("snnc.measurements").info("and snnc may log")
    return {"threads": torch.get_num_threads(), "omp": os.environ.get("OMP_NUM_THREADS")}


def failing(training: Training, moment: str) -> dict[str, Any]:
    raise ZeroDivisionError("by\nzero")


def dying(training: Training, moment: str) -> dict[str, Any]:
    os._exit(1)


def job(row: str, measure: str = "", data: str = "digits") -> Job:
    return Job(row, ONE_EACH.replaced(method="baseline", data=data), 900, measure)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(os.path.dirname(__file__))  # where processes find this file too


def test_one_process_does_the_work_itself_with_one_thread() -> None:
    before = torch.get_num_threads()
    (run,) = each([job("one", "test_workers:threads")], 2)
    assert run.chip.extra["threads"] == 1
    assert torch.get_num_threads() == before


def test_two_processes_share_the_runs_and_log_as_this_one(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO", "snnc")
    runs = list(each([job(row, "test_workers:threads") for row in "abc"], 2))
    assert sorted(run.row for run in runs) == ["a", "b", "c"]
    assert all(run.chip.extra == {"threads": 1, "omp": "1"} for run in runs)
    assert "and snnc may log\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("first", "kind", "said"),
    [
        (job("one", data="nothing"), DataError, "dataset 'nothing' is unknown"),
        (job("one", "test_workers:failing"), TrainingError, "ZeroDivisionError in a run: by zero"),
        (job("one", "test_workers:dying"), TrainingError, "a process of the experiment died"),
    ],
    ids=["refused", "failed", "died"],
)
def test_a_fault_is_one_line(first: Job, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        list(each([first, first], 2))
