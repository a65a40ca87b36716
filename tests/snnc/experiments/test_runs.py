"""Plans are trained once, whatever stops them, and by any number of processes alike."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from leftovers import children_of
from training_runs import ONE_EACH

from snnc.experiments.plan import Plan, Run
from snnc.experiments.results_file import Results, read_results
from snnc.experiments.runs import run_plan
from snnc.toolchain.errors import ConfigError

PLAN = Plan(ONE_EACH.replaced(method="baseline"), {"T": {}, "TNA": {"method": "tna"}}, [0, 1], held_out=300)


class Stopped(Exception):
    pass


def test_a_second_call_goes_on_where_the_first_was_stopped(tmp_path: Path) -> None:
    said: list[str] = []

    def stop(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run_plan(PLAN, tmp_path / "a.json", say=stop)
    kept = read_results(tmp_path / "a.json")
    assert [len(kept.of(row)) for row in PLAN.rows] == [2, 1]
    again: list[str] = []
    results = run_plan(PLAN, tmp_path / "a.json", say=again.append)
    assert len(again) == 1
    assert again[0].startswith("1/1 seed 1  TNA: ")
    assert [run.seed for run in results.of("TNA")] == [0, 1]
    assert run_plan(PLAN, tmp_path / "a.json", say=again.append).of("T") == results.of("T")
    assert len(again) == 1


def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    plan = replace(PLAN, seeds=[0])
    one, two = (run_plan(plan, tmp_path / f"{n}.json", processes=n, say=lambda line: None) for n in (1, 2))
    for row in plan.rows:
        assert untimed(one, row) == untimed(two, row)


def test_a_measurement_that_is_not_there_is_refused_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="measure 'no:where' cannot be imported"):
        run_plan(replace(PLAN, measure="no:where"), tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def untimed(results: Results, row: str) -> list[Run]:
    return [replace(run, seconds=0) for run in results.of(row)]


SCRIPT = """
from training_runs import TINY
from snnc.experiments.plan import Plan
from snnc.experiments.runs import run_plan

rows = {"slow": {"epochs_float": 100_000}, "fast": {}}
run_plan(Plan(TINY, rows, [0, 1]), "kept.json", processes=2, say=lambda line: print(line, flush=True))
"""


def test_ctrl_c_ends_all_processes_and_keeps_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    command, pipe = [sys.executable, "script.py"], subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stdout
        assert process.stderr
        assert "fast" in process.stdout.readline()
        workers = [found for found in children_of(process.pid) if "python" in found]
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().strip().endswith("KeyboardInterrupt")
    assert len(workers) == 2
    assert not any(_runs(worker.split()[0]) for worker in workers)
    assert read_results(tmp_path / "kept.json").of("fast")
    assert not read_results(tmp_path / "kept.json").of("slow")


def _runs(process: str) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(") ")[2][0] != "Z"
