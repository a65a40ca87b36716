"""snnc evaluate --timesteps: accuracy and spikes against the number of time steps, as a table and a picture."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from snnc.toolchain.errors import ConfigError, printable

if TYPE_CHECKING:
    from snnc.evaluation.timesteps import OverTimesteps

MOST = 2**15
MOST_AT_ONCE = 1024
PART = re.compile(r"(\d{1,5})(?:\.\.(\d{1,5}))?", re.ASCII)


def steps_of(text: str) -> list[int]:
    """Return the numbers of `1..8`, `1,2,4` or both, in order. Raises ConfigError for anything else."""
    found: set[int] = set()
    for part in text.split(","):
        match = PART.fullmatch(part.strip())
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= low <= high <= MOST or high - low >= MOST_AT_ONCE:
            raise ConfigError(f"--timesteps {text!r}: allowed are numbers of 1 to {MOST:,}, such as 1..8 or 2,4,8")
        found |= set(range(low, high + 1))
    return sorted(found)


def evaluate_timesteps(
    files: Sequence[str], data: str | None, samples: int | None, text: str, plot: str | None, console: Console, *, as_json: bool
) -> None:
    """Run all files at all numbers of steps, print a table for each, and draw them. Raises SnncError."""
    from snnc.evaluation.timesteps import over_timesteps

    steps = steps_of(text)
    found = [over_timesteps(file, data, samples, steps) for file in files]
    for each in found:
        _show(console, each)
    if plot:
        draw(found, plot)
        console.print(f"plot: {plot}")
    if as_json:
        click.echo(json.dumps({"files": [_plain(each) for each in found]}))


def _plain(found: "OverTimesteps") -> dict[str, object]:
    return {"file": found.file, "trained": found.trained, "rows": [row.as_dict() for row in found.rows]}


def _show(console: Console, found: "OverTimesteps") -> None:
    table = Table("T", box=None, pad_edge=False, header_style="bold")
    for heading in ("accuracy", "spikes of a sample"):
        table.add_column(heading, justify="right")
    for row in found.rows:
        own = row.timesteps == found.trained
        table.add_row(str(row.timesteps), f"{row.accuracy:.2%}", f"{row.spikes:,.1f}", style="bold" if own else "")
    console.print(f"{found.file}: {found.rows[0].samples:,} samples, trained for T = {found.trained}", style="bold")
    console.print(table, "")


def draw(found: "Sequence[OverTimesteps]", path: str | Path) -> None:
    """Write a picture, PNG or SVG by its suffix. Raises ConfigError without matplotlib, SnncError if it cannot be written."""
    from snnc.plot import Picture, new_figure

    figure = new_figure(6, 6)
    accuracy, spikes = figure.subplots(2, 1, sharex=True)
    for number, each in enumerate(found):
        steps, color = [row.timesteps for row in each.rows], f"C{number % 10}"
        label = printable(Path(each.file).name).replace("$", r"\$")
        accuracy.plot(steps, [100 * row.accuracy for row in each.rows], "o-", color=color, label=label, markersize=3)
        accuracy.axvline(each.trained, color=color, linewidth=1, linestyle=":")
        spikes.plot(steps, [row.spikes for row in each.rows], "o-", color=color, markersize=3)
    accuracy.set_ylabel("accuracy (%)")
    accuracy.legend(frameon=False)
    spikes.set(xlabel="time steps (dotted: as trained)", ylabel="spikes of a sample", ylim=(0, None))
    Picture(figure).save(path)
