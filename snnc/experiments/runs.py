"""Runs a plan: trains what its file does not hold yet, on as many processes as asked, and keeps every result at once."""

from collections.abc import Callable
from pathlib import Path

from snnc.experiments.one_run import Job, measure_named
from snnc.experiments.plan import Plan, Run
from snnc.experiments.results_file import Results, kept_results
from snnc.experiments.workers import each
from snnc.toolchain.atomic_file import check_writable, claimed


def run_plan(plan: Plan, file: str | Path, *, processes: int = 1, say: Callable[[str], None] = print) -> Results:
    """Train all rows from all seeds, seed by seed, and return all results; a second call goes on where the first was stopped.

    Args:
        plan: what to train.
        file: JSON of the results, written whole after each run.
        processes: how many runs at once, each with one thread; at most one for each core makes sense.
        say: told one line after each run.

    Raises:
        ConfigError: if `file` holds results of other settings, or the plan asks for something that there is not.
        FileFormatError: if `file` is no file of results.
        SnncError: if a training cannot be done, another call writes the same file, or it cannot be written.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> plan = Plan(snnc.TrainConfig(), {"T-SNN": {"method": "baseline"}, "TNA T-SNN": {}}, range(5))  # doctest: +SKIP
        >>> results = run_plan(plan, "results.json", processes=2)  # doctest: +SKIP
        >>> [run.chip.accuracy for run in results.of("T-SNN")]  # doctest: +SKIP
        [97.4, 97.9, 98.1, 97.6, 97.9]
    """
    if plan.measure:
        measure_named(plan.measure)
    with claimed(file):
        results = kept_results(file, plan)
        check_writable(file)
        jobs = [
            Job(row, plan.config(row, seed), plan.held_out, plan.measure, plan.init, plan.base.model, dict(plan.reading))
            for seed in plan.seeds
            for row in plan.rows
            if seed not in results.runs[row]
        ]
        for done, run in enumerate(each(jobs, processes), 1):
            results.add(run)
            results.write(file)
            say(f"{done}/{len(jobs)} {line(run)}")
    return results


def line(run: Run) -> str:
    """Return one run in one line."""
    return f"seed {run.seed}  {run.row}: {run.paper.accuracy:.2f} %, on the chip {run.chip.accuracy:.2f} %, {run.seconds:.0f} s"
