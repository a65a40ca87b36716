"""Short training runs on digits, and a watcher that interrupts them: what several tests share."""

from pathlib import Path

from conftest import TINY

from snnc.models import build_model
from snnc.toolchain.checkpoint import Checkpoint, Epoch
from snnc.toolchain.config import TrainConfig
from snnc.toolchain.dataset import Dataset
from snnc.toolchain.train import train

ONE_EACH = TINY.but(epochs_float=1, epochs_quantised=1, epochs_integer=1)


def run(
    config: TrainConfig, digits: Dataset, out: Path, watcher: object = None, resume: Checkpoint | None = None
) -> Checkpoint:
    return train(config, digits, lambda c: build_model(c, digits.input, 10), out, watcher, resume)  # type: ignore[arg-type]


class Interrupting:
    """A watcher that presses Ctrl-C in the middle of the given epoch."""

    def __init__(self, epochs: int):
        self.left = epochs

    def step(self, stage: str, loss: float, matching: float) -> None:
        if self.left == 0:
            raise KeyboardInterrupt

    def epoch(self, metrics: Epoch) -> None:
        self.left -= 1
