"""A network as it will be used: no dropout, no draws of weights, statistics as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, and back into the mode in which it was."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
