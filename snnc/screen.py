"""What people see in the terminal: the progress of training and the tables of a verdict; no colour when piped."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from snnc.toolchain.config import TrainConfig
from snnc.toolchain.layers import Phase
from snnc.toolchain.train import Epoch
from snnc.toolchain.verify import Verdict


class Bar(Progress):
    """A progress bar with a line of numbers below it, so that both fit a terminal of 80 columns."""

    numbers = ""

    def get_renderable(self) -> RenderableType:
        """Return the bar and the numbers."""
        return Group(super().get_renderable(), Text(self.numbers))


class TrainingView:
    """A progress bar over all steps with the latest losses and, per epoch, a line of metrics; a context manager."""

    def __init__(self, console: Console, config: TrainConfig, steps_per_epoch: int, *, verbose: bool = False):
        """Prepare a bar for all epochs; `verbose` prints a line for every epoch instead of one per phase."""
        self.console, self.verbose = console, verbose
        self.last: Epoch | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("training", total=config.epochs * steps_per_epoch)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the bar, and print the last epoch if nothing went wrong."""
        self.bar.stop()
        if kind is None and self.last and not self.verbose:
            self._line(self.last)

    def step(self, phase: Phase, loss: float, matching: float, images: int) -> None:
        """Advance the bar by one optimiser step."""
        self.bar.numbers = f"loss {loss:.3f}  matching {matching:.2f}"
        if self.last:
            accuracy = f"train {self.last.train_accuracy:.1%}  test {self.last.test_accuracy:.1%}"
            self.bar.numbers += f"  {accuracy}  {self.last.images_per_second:.0f} images/s"
        self.bar.update(self.task, advance=1, description=phase.name.lower())

    def epoch(self, metrics: Epoch) -> None:
        """Print a line when a phase has ended, or after every epoch if verbose."""
        if self.verbose:
            self._line(metrics)
        elif self.last and self.last.phase != metrics.phase:
            self._line(self.last)
        self.last = metrics

    def _line(self, metrics: Epoch) -> None:
        self.console.print(
            f"epoch {metrics.number:3d} {metrics.phase:9s}  loss {metrics.loss:.3f}  matching {metrics.matching_loss:5.2f}  "
            f"train {metrics.train_accuracy:.1%}  test {metrics.test_accuracy:.1%}  {metrics.images_per_second:.0f}/s",
            highlight=False,
        )


def show_verdict(console: Console, verdict: Verdict) -> None:
    """Print the layers, the engines and the verdict."""
    layers = Table("layer", box=None, pad_edge=False, header_style="bold")
    for heading in ("neurons", "spikes", "firing rate", "mismatches", "max |dv|"):
        layers.add_column(heading, justify="right")
    steps = max(verdict.samples * verdict.network.timesteps, 1)
    for row in verdict.layers:
        rate = row.spikes / (row.neurons * steps)
        wrong = "green" if row.mismatches == row.max_abs_dv == 0 else "red"
        cells = (f"{row.neurons:,}", f"{row.spikes:,}", f"{rate:.1%}", f"{row.mismatches:,}", f"{row.max_abs_dv:,}")
        layers.add_row(row.name, *cells[:3], f"[{wrong}]{cells[3]}", f"[{wrong}]{cells[4]}")
    engines = Table("engine", box=None, pad_edge=False, header_style="bold")
    for heading in ("samples", "accuracy", "seconds", "equal"):
        engines.add_column(heading, justify="right")
    for name, result in verdict.engines.items():
        equal = "-" if name == "reference" else "[green]yes" if result.equal else "[red]NO"
        engines.add_row(name, f"{result.samples:,}", f"{result.accuracy:.2%}", f"{result.seconds:.1f}", equal)
    for table in (layers, engines):
        console.print(table, "", highlight=False)
    console.print(verdict_line(verdict), style="bold green" if verdict.equal else "bold red", highlight=False)


def verdict_line(verdict: Verdict) -> str:
    """Return the outcome in one line of text."""
    if verdict.first_difference:
        return f"DIFFERENT: {verdict.first_difference}"
    others = [name for name in verdict.engines if name != "reference"]
    if not others:
        return "Only the reference ran: nothing was compared."
    return f"EQUAL: reference = {' = '.join(others)} in every spike and membrane"
