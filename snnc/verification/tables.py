"""The progress of a verification and the tables of its verdict in the terminal; no color when piped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from snnc.verification.verdict import Verdict


@contextmanager
def simulation_progress(console: Console, total: int) -> Iterator[Callable[[str, int], None]]:
    """Show a bar over `total` samples of all engines while they run; yields what each finished batch is reported to."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("simulating", total=total)
        yield lambda engine, samples: bar.update(task, advance=samples, description=f"{engine} done")


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Print the layers, the engines and the verdict."""
    layers = Table("layer", box=None, pad_edge=False, header_style="bold")
    for heading in ("neurons", "spikes", "firing rate", "mismatches", "max |dv|"):
        layers.add_column(heading, justify="right")
    steps = max(verdict.traced * verdict.network.timesteps, 1)
    for row in verdict.layers:
        rate = row.spikes / (row.neurons * steps)
        color = "green" if row.mismatches == row.max_abs_dv == 0 else "red"
        cells = (f"{row.neurons:,}", f"{row.spikes:,}", f"{rate:.1%}", f"{row.mismatches:,}", f"{row.max_abs_dv:,}")
        layers.add_row(row.name, *cells[:3], *(Text(cell, color) for cell in cells[3:]))
    engines = Table("engine", box=None, pad_edge=False, header_style="bold")
    for heading in ("samples", "accuracy", "seconds", "equal"):
        engines.add_column(heading, justify="right")
    for name, result in verdict.engines.items():
        equal = (
            Text("-")
            if name == verdict.baseline and result.equal
            else Text("yes", "green")
            if result.equal
            else Text("NO", "red")
        )
        engines.add_row(name, f"{result.samples:,}", f"{result.accuracy:.2%}", f"{result.seconds:.1f}", equal)
    for table in (layers, engines):
        console.print(table, "")
    console.print(verdict_line(verdict), style="bold green" if verdict.equal else "bold red")


def verdict_line(verdict: Verdict) -> str:
    """Return the outcome in one line of text."""
    if verdict.first_difference:
        return f"DIFFERENT: {verdict.first_difference}"
    if not verdict.compared:
        return "NOTHING was compared"
    others = [name for name in verdict.engines if name != verdict.baseline]
    extent = f" of {verdict.traced:,} samples; the rest ran in {verdict.baseline} alone"
    extent = extent if verdict.traced < verdict.samples else ""
    return f"EQUAL: {verdict.baseline} = {' = '.join(others)} in every spike and membrane{extent}"
