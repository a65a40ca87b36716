"""The tables of a verdict, of a recording and of a neuron in the terminal; no color when piped."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnc.verification.neuron import NeuronTrace, names_of
from snnc.verification.recorded import WORDS as KINDS
from snnc.verification.recorded import RecordedVerdict
from snnc.verification.verdict import EngineResult, Verdict, verdict_line


def accuracy_text(result: EngineResult) -> str:
    """Return an accuracy with the number of samples that it was measured on."""
    return "-" if result.accuracy is None else f"{result.accuracy:.2%} of {result.samples:,}"


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
    for heading in ("compared", "accuracy", "seconds", "equal"):
        engines.add_column(heading, justify="right")
    for name, result in verdict.engines.items():
        compared = "baseline" if name == verdict.baseline else f"{result.compared:,}"
        engines.add_row(name, compared, accuracy_text(result), f"{result.seconds:.1f}", _equal(verdict, name))
    for table in (layers, engines):
        console.print(table, "")
    if silent := verdict.silent:
        console.print(
            f"no neuron of {', '.join(silent)} spikes on any of these samples: what lies behind gets its biases alone",
            style="yellow",
        )
    console.print(verdict_line(verdict), style="bold green" if verdict.equal else "bold red")


def show_recorded(console: Console, verdict: RecordedVerdict) -> None:
    """Print how a recording lies, its layers, what was left out, and the verdict."""
    console.print(f"recording: {verdict.alignment}")
    layers = Table("layer", box=None, pad_edge=False, header_style="bold")
    for heading in ("late", "steps", "spikes", "differ", "u differ", "v differ"):
        layers.add_column(heading, justify="right")
    for row in verdict.layers:
        cells = [f"{verdict.alignment.offsets[row.name]}", f"{row.steps}", f"{row.spikes:,}"] if row.compared else ["-"] * 3
        wrong = [
            Text(f"{row.wrong[kind]:,}", "red" if row.wrong[kind] else "green") if kind in row.wrong else "-" for kind in KINDS
        ]
        layers.add_row(row.name, *cells, *wrong)
    console.print(layers, "")
    for name, reason in verdict.left_out.items():
        console.print(f"not compared: {name}: {reason}", style="yellow")
    console.print(str(verdict), style="bold green" if verdict.equal else "bold red")


def _equal(verdict: Verdict, name: str) -> Text:
    result = verdict.engines[name]
    if name == verdict.baseline and result.equal:
        return Text("-")
    return Text("yes", "green") if result.equal else Text("NO", "red")


def show_neuron(console: Console, groups: Sequence[Sequence[NeuronTrace]]) -> None:
    """Print one neuron over the time steps: the columns of each group of engines that saw the same, and where groups differ."""
    table = Table("step", box=None, pad_edge=False, header_style="bold")
    for number, group in enumerate(groups, 1):
        mark = f" {number}" if len(groups) > 1 else ""
        console.print(f"{mark.strip()}{': ' if mark else ''}{names_of(group)}")
        for heading in ("input", "u", "v before", "v", "spike"):
            table.add_column(f"{heading}{mark}", justify="right")
    seen = [group[0] for group in groups]
    for step in range(len(seen[0].v)):
        rows = [tuple(values[step] for values in one.numbers) for one in seen]
        cells = [f"{value:,}" for row in rows for value in row]
        table.add_row(str(step), *cells, style="red" if len(set(rows)) > 1 else None)
    console.print(table)
    outcome = "all engines saw the same" if len(groups) == 1 else f"{len(groups)} groups of engines DIFFER"
    console.print(f"{outcome}; u and v in 1/64 weight units", style="bold green" if len(groups) == 1 else "bold red")
