"""Weights of other shapes are refused before a model of any size is built."""

import pytest
import torch
from torch import nn

from snnc.toolchain.training.shapes import check_shapes


def test_fitting_weights_are_fine() -> None:
    check_shapes(lambda: nn.Linear(3, 2), nn.Linear(3, 2).state_dict())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.ones(2, 3)}, r"bias has the shape None, the model \(2,\)"),
        ({"weight": torch.ones(3, 2), "bias": torch.ones(2)}, r"weight has the shape \(3, 2\), the model \(2, 3\)"),
        ({**nn.Linear(3, 2).state_dict(), "more": torch.ones(1)}, r"more has the shape \(1,\), the model None"),
    ],
)
def test_others_are_named(weights: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_shapes(lambda: nn.Linear(3, 2), weights)


def test_nothing_is_allocated_for_a_model_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="has the shape"):
        check_shapes(lambda: nn.Linear(2**20, 2**20), {})  # 4 TiB
