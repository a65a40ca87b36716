"""Short training runs on digits, and a callback that interrupts them: what several tests share."""

from pathlib import Path

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.checkpoint import Checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch
from snnc.training import train

TINY = TrainConfig(model="mlp", width=0.03, epochs_float=2, epochs_quantized=2, epochs_integer=2, batch_size=128, timesteps=3)
ONE_EACH = TINY.replaced(epochs_float=1, epochs_quantized=1, epochs_integer=1)


def run(
    config: TrainConfig, digits: Dataset, out: Path, callback: Callback | None = None, resume: Checkpoint | None = None
) -> Checkpoint:
    return train(config, out, dataset=digits, callbacks=[callback] if callback else [], resume=resume)


class Interrupting(Callback):
    """A callback that presses Ctrl-C in the middle of the given epoch."""

    def __init__(self, epochs: int):
        self.left = epochs

    def step(self, stage: str, loss: float, matching: float) -> None:
        if self.left == 0:
            raise KeyboardInterrupt

    def epoch(self, metrics: Epoch) -> None:
        self.left -= 1
