"""Compares the shapes of weights with those of the model that is meant to hold them, before either takes memory."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


def check_shapes(build: Callable[[], nn.Module], weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless a model, which is built without memory, has parameters of the names and shapes of `weights`.

    A file may claim a model of any width beside a few weights; building it first could take all memory.
    """
    with torch.device("meta"):
        expected = build().state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        shapes = [tuple(each[name].shape) if name in each else None for each in (expected, weights)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name} has the shape {shapes[1]}, the model {shapes[0]}")
