"""Files beside the checkpoint of a training, named for it: its history, a picture of the curves, TensorBoard events."""

import json
import logging
from dataclasses import asdict
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, install_command
from snnc.toolchain.output_file import beside
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch


def history_of(checkpoint: str | Path) -> Path:
    """Return the file of the history beside a checkpoint; it has the checkpoint's name, as all files of one training have."""
    return beside(checkpoint, ".history.json")


def picture_of(checkpoint: str | Path) -> Path:
    """Return the file of the curves beside a checkpoint."""
    return beside(checkpoint, ".training.png")


def events_of(checkpoint: str | Path) -> Path:
    """Return the folder of TensorBoard's events beside a checkpoint."""
    return beside(checkpoint, ".tensorboard")


class HistoryFile(Callback):
    """Writes NAME.history.json after every epoch: the settings, and the metrics of all epochs so far."""

    def __init__(self, checkpoint: str | Path, config: TrainConfig, before: list[Epoch]):
        """Start from the epochs before a resumed training."""
        self.path, self.config, self.epochs = history_of(checkpoint), config, list(before)

    def epoch(self, metrics: Epoch) -> None:
        """Write the whole file again; it is complete at any moment."""
        self.epochs.append(metrics)
        content = {"config": self.config.as_dict(), "epochs": [asdict(epoch) for epoch in self.epochs]}
        write_atomically(self.path, (json.dumps(content, indent=1) + "\n").encode())


class TensorBoard(Callback):
    """Writes every epoch's metrics as TensorBoard's events; a context manager. Raises ConfigError if it is not installed."""

    def __init__(self, checkpoint: str | Path):
        """Write into a new folder of events, `NAME.tensorboard` beside the checkpoint."""
        try:
            from tensorboard.summary import Writer
        except ImportError:
            raise ConfigError(f"--log tensorboard needs TensorBoard; {install_command('log')}") from None
        self.folder = events_of(checkpoint)
        self.writer: Any = Writer(str(self.folder))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self.writer.close()

    def epoch(self, metrics: Epoch) -> None:
        """Write one point of every curve."""
        for name, value in asdict(metrics).items():
            if isinstance(value, dict):
                for layer, share in value.items():
                    last = share[-1] if isinstance(share, list) else share  # of a histogram, the last bin
                    self.writer.add_scalar(f"{name}/{layer}", last, metrics.number)
            elif isinstance(value, float):
                self.writer.add_scalar(name, value, metrics.number)
        self.writer.flush()


def draw_curves(epochs: list[Epoch], path: Path) -> bool:
    """Write a picture (PNG) of accuracy, losses and firing rates over the epochs; False if matplotlib is not installed."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would tell users without a home about its cache
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 8), layout="constrained")
    FigureCanvasAgg(figure)
    accuracy, loss, rates = figure.subplots(3, 1, sharex=True)
    numbers = [epoch.number for epoch in epochs]
    accuracy.plot(numbers, [100 * epoch.train_accuracy for epoch in epochs], label="training", color="0.6")
    accuracy.plot(numbers, [100 * epoch.test_accuracy for epoch in epochs], label="test", color="C0")
    accuracy.set_ylabel("accuracy (%)")
    loss.plot(numbers, [epoch.loss for epoch in epochs], label="loss", color="C1")
    if any(epoch.matching_loss for epoch in epochs):
        loss.plot(numbers, [epoch.matching_loss for epoch in epochs], label="matching", color="C2")
    loss.set_yscale("log")
    for layer in epochs[-1].firing_rates:
        known = [epoch for epoch in epochs if layer in epoch.firing_rates]
        rates.plot([epoch.number for epoch in known], [100 * epoch.firing_rates[layer] for epoch in known], label=layer)
    rates.set_ylabel("firing rate (%)")
    rates.set_xlabel("epoch")
    for axes in (accuracy, loss, rates):
        for one, other in pairwise(epochs):
            if one.stage != other.stage:
                axes.axvline(one.number + 0.5, color="0.8", linewidth=1)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
    return True
