"""What a training run tells those who watch it: progress views, logs, files."""

from typing import Protocol

from snnc.toolchain.training.checkpoint import Epoch


class Watcher(Protocol):
    """What a progress view or a log offers to the training loop."""

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Show one optimiser step; the losses are the latest that were looked at."""

    def epoch(self, metrics: Epoch) -> None:
        """Show one finished epoch."""


class Unwatched:
    """A watcher that does nothing."""

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Show nothing."""

    def epoch(self, metrics: Epoch) -> None:
        """Show nothing."""


class Watchers:
    """Several watchers in a row."""

    def __init__(self, *watchers: Watcher):
        """Take watchers, which are told in this order."""
        self.watchers = watchers

    def step(self, stage: str, loss: float, matching: float) -> None:
        """Tell all of one step."""
        for watcher in self.watchers:
            watcher.step(stage, loss, matching)

    def epoch(self, metrics: Epoch) -> None:
        """Tell all of one epoch."""
        for watcher in self.watchers:
            watcher.epoch(metrics)
