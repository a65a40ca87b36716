"""snnc train --sweep: all combinations of some settings, each from several seeds, in processes of their own; resumable."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from snnc.toolchain.errors import ConfigError, install_command
from snnc.toolchain.output_file import check_output
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from snnc.experiments.plan import Plan, Run

RESULTS = "sweep.json"
MOST_ROWS = 10_000
NOTHING: Mapping[str, Any] = MappingProxyType({})
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Sweep:
    """What is swept: texts such as `alpha=1e-3,1e-2`, how many seeds, and in how many processes at once."""

    settings: tuple[str, ...] = ()
    seeds: int | None = None
    processes: int | None = None

    @property
    def asked_for(self) -> bool:
        """Whether several trainings are to be run."""
        return bool(self.settings) or self.seeds is not None

    def check(self, **others: Any) -> None:
        """Raise ConfigError for options that cannot go together; `others` are those that a sweep does not take."""
        if self.asked_for:
            given = [name for name, value in others.items() if value]
            if given:
                raise ConfigError(f"a sweep keeps no checkpoints; leave out --{given[0].replace('_', '-')}")
        elif self.processes is not None:
            raise ConfigError("--processes is for --sweep and --seeds; add one of them, or leave it out")

    def plan(self, config: TrainConfig, init: str = "", reading: Mapping[str, Any] = NOTHING) -> "Plan":
        """Return all rows and seeds, which start from the checkpoint or the graph `init` if there is one.

        Raises ConfigError for a text that cannot be read, or settings that there are not.
        """
        from snnc.experiments.plan import Plan

        axes = [_axis(text, config) for text in self.settings]
        names = [name for name, _ in axes]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(f"--sweep {twice[0]} is given twice; put all its values behind one")
        rows = {}
        for values in product(*(values for _, values in axes)):
            changes = dict(zip(names, values, strict=True))
            rows[" ".join(f"{name}={_text(value)}" for name, value in changes.items()) or config.method] = changes
            if len(rows) > MOST_ROWS:
                raise ConfigError(f"the sweep has more than {MOST_ROWS:,} combinations; take fewer values")
        seeds = range(config.seed, config.seed + (1 if self.seeds is None else self.seeds))
        return Plan(
            config.replaced(validation=0, patience=0), rows, seeds, held_out=config.validation, init=init, reading=reading
        )


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a sweep; they are its argument `sweep`."""

    @wraps(command)
    def gathered(**options: Any) -> Any:
        sweep = Sweep(options.pop("sweep"), options.pop("seeds"), options.pop("processes"))
        return command(sweep=sweep, **options)

    decorated: Callable[..., Any] = gathered
    for option in (
        click.option("--processes", type=click.IntRange(1, 1024), help="Trainings of a sweep at once.  [default: all cores]"),
        click.option("--seeds", type=click.IntRange(1, 10_000), metavar="N", help="Train N seeds, from --seed on, as a sweep."),
        click.option(
            "--sweep",
            multiple=True,
            metavar="SETTING=A,B,C",
            help="Train all values of a setting (repeat for a grid), show a table, write sweep.json; it resumes.",
        ),
    ):
        decorated = option(decorated)
    return decorated


def results_of(output: str | None) -> Path:
    """Return the file of results that an output means: a .json file, or `sweep.json` in a folder."""
    path = Path(output or RESULTS)
    return path if path.suffix == ".json" else path / RESULTS if not path.suffix else path


def run_sweep(
    sweep: Sweep,
    config: TrainConfig,
    output: str | None,
    inputs: Sequence[str],
    console: Console,
    init: str = "",
    reading: Mapping[str, Any] = NOTHING,
) -> dict[str, Any]:
    """Train what the file of results does not hold yet, print the table, and return it as plain values. Raises SnncError."""
    from snnc.experiments.runs import run_plan

    file, plan = results_of(output), sweep.plan(config, init, reading)
    check_output(file, (".json",), inputs)
    file.parent.mkdir(parents=True, exist_ok=True)
    where = f"{plan.held_out:,} held-out training samples" if plan.held_out else "the test split"
    count = len(plan.rows) * len(plan.seeds)
    console.print(f"{len(plan.rows)} settings x {len(plan.seeds)} seeds = {count} trainings, measured on {where}: {file}")
    processes = sweep.processes or os.cpu_count() or 1
    results = run_plan(plan, file, processes=processes, say=lambda line: console.print(line, style="dim"))
    rows = [_row(name, [run for run in results.of(name) if run.seed in plan.seeds]) for name in plan.rows]
    _show(console, rows, plan)
    return {"file": str(file), "held_out": plan.held_out, "rows": rows}


def _axis(text: str, config: TrainConfig) -> tuple[str, list[Any]]:
    """Return the setting and the values of `alpha=1e-3,1e-2`, of the type that the setting has."""
    name, equals, values = text.partition("=")
    name, known = name.strip().replace("-", "_"), config.as_dict()
    if not equals or not name or not values:
        raise ConfigError(f"--sweep {text!r}: allowed is SETTING=VALUE,VALUE,..., such as alpha=1e-3,1e-2")
    if name == "seed":
        raise ConfigError("--sweep seed: seeds are counted by --seeds N, from --seed on")
    if name not in known:
        config.replaced(**{name: values})  # names what is meant, or the methods that have it
    return name, [_value(text, each.strip(), type(known[name])) for each in values.split(",")]


def _value(text: str, value: str, kind: type) -> Any:
    try:
        return BOOLEANS[value.lower()] if kind is bool else kind(value)
    except (ValueError, KeyError):
        allowed = "true or false" if kind is bool else f"a number ({kind.__name__})"
        raise ConfigError(f"--sweep {text!r}: {value!r} is none of its values; allowed is {allowed}") from None


def _text(value: Any) -> str:
    short = f"{value:g}" if isinstance(value, float) else ""
    return short if short and float(short) == value else str(value)  # two values must not become one row


def _row(name: str, runs: "list[Run]") -> dict[str, Any]:
    """Return the accuracies of a row in percent, their mean, and half of its 95 % interval, None where there is none."""
    from statistics import mean

    accuracies = [round(run.chip.accuracy, 3) for run in runs]
    try:
        from snnc.experiments.statistics import interval

        half = interval(accuracies).half if len(accuracies) > 1 else None
    except ImportError:  # scipy
        half = None
    seconds = round(mean(run.seconds for run in runs), 1)
    return {
        "row": name,
        "seeds": [run.seed for run in runs],
        "accuracies": accuracies,
        "mean": round(mean(accuracies), 3),
        "half_interval": None if half is None else round(half, 3),
        "seconds": seconds,
    }


def _show(console: Console, rows: list[dict[str, Any]], plan: "Plan") -> None:
    axes = list(next(iter(plan.rows.values())))
    table = Table(*(axes or ["method"]), box=None, pad_edge=False, header_style="bold")
    for heading in ("accuracy (%)", "95 % interval", "least", "most", "seeds", "s each"):
        table.add_column(heading, justify="right")
    best = max(row["mean"] for row in rows)
    for row in rows:
        half = "-" if row["half_interval"] is None else f"± {row['half_interval']:.2f}"
        ends = (f"{min(row['accuracies']):.2f}", f"{max(row['accuracies']):.2f}")
        cells = (f"{row['mean']:.2f}", half, *ends, str(len(row["seeds"])), f"{row['seconds']:.1f}")
        values = [_text(value) for value in plan.rows[row["row"]].values()] or [row["row"]]
        table.add_row(*values, *cells, style="bold" if row["mean"] == best and len(rows) > 1 else "")
    console.print("", table, "")
    if len(plan.seeds) > 1 and all(row["half_interval"] is None for row in rows):
        console.print(f"intervals need scipy; {install_command('experiments')}", style="yellow")
    if not plan.held_out and len(rows) > 1:
        console.print(
            "measured on the test split: to choose settings, hold training samples out with --validation N", style="yellow"
        )
