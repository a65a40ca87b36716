"""Callbacks of the training loop: progress views, logs and files derive from `Callback` and override what they need."""

from snnc.toolchain.training.metrics import Epoch


class Callback:
    """Called by the training loop; does nothing by itself."""

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Handle one optimizer step of a stage; the losses are the most recent ones that were read from the device."""

    def epoch(self, metrics: Epoch) -> None:
        """Handle one finished epoch."""


class Callbacks(Callback):
    """Several callbacks, called in order."""

    def __init__(self, *callbacks: Callback):
        """Keep the callbacks in the order given."""
        self.callbacks = callbacks

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Pass one optimizer step to every callback."""
        for callback in self.callbacks:
            callback.step(stage, loss, matching)

    def epoch(self, metrics: Epoch) -> None:
        """Pass one finished epoch to every callback."""
        for callback in self.callbacks:
            callback.epoch(metrics)
