"""The file of an experiment's results: JSON with a line for each run, complete at any moment, refused for other settings."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snnc.experiments.plan import Plan, Run
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, FileFormatError, SnncError, one_line
from snnc.toolchain.training.config import TrainConfig

HEAD = ("held_out", "measure")  # what all runs of a file share, besides the settings of rows
INIT = "init"  # the digest of the checkpoint that all start from, if there is one


class Results:
    """All runs that a file holds: `runs[row][seed]`; rows that a plan does not name stay in the file."""

    def __init__(self, rows: dict[str, dict[str, Any]], head: dict[str, Any], runs: Sequence[Run] = ()):
        """Take the settings of each row without seeds, what all runs share, and the runs."""
        self.rows, self.head = rows, head
        self.runs: dict[str, dict[int, Run]] = {row: {} for row in rows}
        for run in runs:
            self.add(run)

    def add(self, run: Run) -> None:
        """Keep a run, in place of one with the same row and seed."""
        self.runs[run.row][run.seed] = run

    def of(self, row: str) -> list[Run]:
        """Return the runs of a row, in the order of their seeds; none for an unknown row."""
        return [run for _, run in sorted(self.runs.get(row, {}).items())]

    def write(self, path: str | Path) -> None:
        """Write the whole file again. Raises SnncError."""
        rows = ",\n".join(f"  {json.dumps(row)}: {json.dumps(settings)}" for row, settings in self.rows.items())
        runs = ",\n".join(f"  {json.dumps(asdict(run))}" for row in self.rows for run in self.of(row))
        head = "".join(f' "{name}": {json.dumps(value)},\n' for name, value in self.head.items())
        write_atomically(path, f'{{\n{head} "rows": {{\n{rows}\n }},\n "runs": [\n{runs}\n ]\n}}\n'.encode())


def read_results(path: str | Path) -> Results:
    """Read a file of results. Raises FileFormatError for anything else, naming the remedy."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        runs = [Run.from_dict(values) for values in content["runs"]]
        head = {name: content[name] for name in (*HEAD, *([INIT] if INIT in content else []))}
        return Results({row: dict(values) for row, values in content["rows"].items()}, head, runs)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = one_line(error)
        raise FileFormatError(f"{path}: not a file of results: {reason}; delete it, or name another file") from None


def kept_results(path: str | Path, plan: Plan) -> Results:
    """Return what a file already holds of a plan, with all the plan's rows. Raises ConfigError if it holds something else."""
    head, rows = plan.head, {row: plan.settings(row) for row in plan.rows}
    if not Path(path).exists():
        return Results(rows, head)
    kept = read_results(path)
    remedy = "delete it, or name another file"
    if kept.head != head:
        raise ConfigError(f"{path} holds results with {_difference(kept.head, head)}; {remedy}")
    for row in rows.keys() & kept.rows.keys():
        before = _with_defaults(kept.rows[row])
        if before != rows[row]:
            raise ConfigError(
                f"{path} holds results of other settings: row {row!r} has {_difference(before, rows[row])}; {remedy}"
            )
    return Results(kept.rows | rows, head, [run for row in kept.rows for run in kept.of(row)])


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Return kept settings with those that have been added to snnc since, whose defaults change nothing."""
    try:
        known = TrainConfig.from_dict(settings).as_dict()
    except SnncError:
        return settings
    return {name: value for name, value in known.items() if name != "seed"}


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)!r} instead of {now.get(name)!r}" for name in changed)
