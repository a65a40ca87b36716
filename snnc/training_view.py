"""The progress of training in a terminal or a notebook; no bar and no color when piped."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from snnc.screen import has_room_for_a_bar, screen
from snnc.toolchain.network.readout import READOUTS
from snnc.toolchain.training.batches import steps_per_epoch
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.estimate import Estimate
from snnc.toolchain.training.metrics import Epoch
from snnc.toolchain.training.stages import epochs_of

SATURATED = 0.9  # share of a layer's weights in the last tenth of |mu|
FELT = 0.01  # share of the matching loss in the loss below which a twin changes nothing that seeds do not


def activity(metrics: Epoch) -> str:
    """Return firing rate and sparsity of each layer in one line."""
    layers = metrics.firing_rates
    return "firing/zero weights (%)  " + "  ".join(
        f"{name} {100 * layers[name]:.0f}/{100 * metrics.sparsity.get(name, 0):.0f}" for name in layers
    )


def certainty_line(metrics: Epoch) -> str:
    """Return, for layers with a posterior, how many weights are how certain, in fifths of |mu| from 0 to 1."""
    fifths = {
        name: [100 * (a + b) for a, b in zip(bins[::2], bins[1::2], strict=True)] for name, bins in metrics.certainty.items()
    }
    return "|mu| in fifths of 0..1 (%)  " + "  ".join(
        f"{name} {'/'.join(f'{share:.0f}' for share in shares)}" for name, shares in fifths.items()
    )


def saturated(metrics: Epoch) -> list[str]:
    """Return the layers nearly all of whose weights are certain: draws from their posterior hardly differ."""
    return [name for name, bins in metrics.certainty.items() if bins[-1] > SATURATED]


def silent(metrics: Epoch) -> list[str]:
    """Return the layers that did not spike once on the test split."""
    return [name for name, rate in metrics.firing_rates.items() if rate == 0]


def show_estimate(console: Console, config: TrainConfig, estimate: Estimate) -> None:
    """Print what a training would take, layer by layer and in all."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("layer", "shape", "parameters", "neurons", "spikes", "synaptic operations"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    rows = estimate.layers
    for row in rows:
        shape = "x".join(map(str, row.shape))
        numbers = (f"{row.parameters:,}", f"{row.neurons:,}", f"{row.spikes:,.0f}", f"{row.synaptic_operations:,.0f}")
        table.add_row(row.name, shape, *numbers)
    totals = [sum(getattr(row, name) for row in rows) for name in ("parameters", "neurons", "spikes", "synaptic_operations")]
    table.add_row("all", "", *(f"{total:,.0f}" for total in totals), style="bold")
    console.print(table, "")
    console.print(
        f"{config.model}, {config.weights} weights, {config.method}: {estimate.networks} networks, {epochs_of(config)} epochs\n"
        f"memory: about {estimate.training_mib:,.0f} MiB for training and {estimate.data_mib:,.0f} MiB for the training split\n"
        f"Spikes and operations are those of one sample in {config.timesteps} steps, before any training."
    )


class Bar(Progress):
    """A progress bar with a line of numbers below it, so that both fit a terminal of 80 columns."""

    numbers = ""

    def get_renderable(self) -> RenderableType:
        """Return the bar and the numbers."""
        return Group(super().get_renderable(), Text(self.numbers))


class TrainingView(Callback):
    """A progress bar over all steps with the latest losses and, per epoch, a line of metrics; a context manager."""

    def __init__(self, console: Console, config: TrainConfig, samples: int, done: int = 0, *, verbose: bool = False):
        """Prepare a bar for all epochs over so many training samples, `done` of which a resumed run has behind it.

        `verbose` prints a line for every epoch instead of one per stage.
        """
        shown = max(samples - config.validation, 1)  # training refuses to hold out more than there are
        steps = -(-steps_per_epoch(config, shown, config.devices * config.nodes) // config.accumulate)
        self.console, self.config, self.verbose = console, config, verbose
        self.warned_of_matching = self.warned_of_saturation = False  # each is said once
        self.said_silent: set[str] = set()
        self.last: Epoch | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Bar(*columns, console=console, transient=True, disable=not has_room_for_a_bar(console))
        self.task = self.bar.add_task("training", total=epochs_of(config) * steps, completed=done * steps)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the bar, and print the last epoch if nothing went wrong."""
        self.bar.stop()
        if kind is None and self.last:
            self._warn(self.last)
        if kind is None and self.last and not self.verbose:
            self._line(self.last)

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Advance the bar by one optimizer step."""
        self.bar.numbers = f"loss {loss:.3f}  matching {matching:.2f}"
        if self.last:
            accuracy = f"train {self.last.train_accuracy:.1%}  test {self.last.test_accuracy:.1%}"
            self.bar.numbers += f"  {accuracy}  {self.last.images_per_second:.0f} images/s\n{activity(self.last)}"
        self.bar.update(self.task, advance=1, description=stage)

    def epoch(self, metrics: Epoch) -> None:
        """Print a line when a stage has ended, or after every epoch if verbose."""
        if not self.warned_of_saturation and (layers := saturated(metrics)):
            self.warned_of_saturation = True
            self.console.print(
                f"epoch {metrics.number}: the posterior of {', '.join(layers)} is saturated, more than {SATURATED:.0%} of |mu| "
                "are above 0.9, so members will hardly differ; lower eta or raise rho",
                style="yellow",
            )
        if self.verbose:
            self._line(metrics)
        elif self.last and self.last.stage != metrics.stage:
            self._line(self.last)
        if self.last and self.last.stage != metrics.stage:
            self._warn(self.last)
        self.last = metrics

    def _warn(self, metrics: Epoch) -> None:
        """Say once, when a stage has ended, what layers are silent, and that networks with an alpha hardly feel each other."""
        if layers := [name for name in silent(metrics) if name not in self.said_silent]:
            self.said_silent |= set(layers)
            can_be_longer = READOUTS[self.config.readout].excess(self.config.timesteps + 1) is None
            self.console.print(
                f"epoch {metrics.number}: no neuron of {', '.join(layers)} spikes on any test sample, so nothing passes it; "
                f"lower --lr or --delta, or raise --width{' or --timesteps' if can_be_longer else ''}",
                style="yellow",
            )
        alpha = getattr(self.config.method_settings, "alpha", 0)
        if alpha and not self.warned_of_matching and 0 < metrics.matching_share < FELT:
            self.warned_of_matching = True
            self.console.print(
                f"the matching loss is {metrics.matching_share:.2%} of the loss: the networks hardly feel each other; "
                f"raise --alpha (it is {alpha:g})",
                style="yellow",
            )

    def _line(self, metrics: Epoch) -> None:
        if self.verbose:
            self.console.print(activity(metrics), style="dim")
        if metrics.certainty:
            self.console.print(certainty_line(metrics), style="dim")
        held_out = metrics.validation_accuracy
        test = f"{'' if held_out is None else f'validation {held_out:.1%}  '}test {metrics.test_accuracy:.1%}"
        self.console.print(
            f"epoch {metrics.number:3d} {metrics.stage:9s}  loss {metrics.loss:.3f}  matching {metrics.matching_share:.1%}  "
            f"train {metrics.train_accuracy:.1%}  {test}  {metrics.images_per_second:.0f}/s",
        )


def on_screen(config: TrainConfig, samples: int, done: int = 0) -> TrainingView:
    """Return the view of a training that was started from Python, which prints where Python does."""
    return TrainingView(screen(), config, samples, done)
