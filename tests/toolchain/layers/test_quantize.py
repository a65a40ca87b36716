"""Quantized weights: exact values forward, straight-through gradients backward."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.layers.quantize import WEIGHTS, binary, binary_centered, rounded, straight_through, ternary

VALUES = torch.tensor([-1.0, -0.1000001, -0.1, 0.0, 0.05, 0.1, 0.1000001, 3.0])


def test_ternary_is_equation_6() -> None:
    assert ternary(VALUES, 0.1).tolist() == [-1, -1, 0, 0, 0, 0, 1, 1]


def test_binary_has_no_zero() -> None:
    assert binary(VALUES, 0.1).tolist() == [-1, -1, -1, 1, 1, 1, 1, 1]


def test_rounding_clips_at_the_limit() -> None:
    assert rounded(torch.tensor([-200.0, -126.6, 0.4, 300.0]), 127).tolist() == [-127, -127, 0, 127]
    assert rounded(torch.tensor([-200.4, 300.0])).tolist() == [-200, 300]


def test_there_are_ways_to_quantize() -> None:
    assert set(WEIGHTS) == {"float", "ternary", "binary", "binary-centered", "posterior"}


def test_centered_signs_are_those_above_the_mean_of_their_channel() -> None:
    weight = torch.tensor([[1.0, 2.0, 3.0], [-5.0, -5.0, 10.0]])
    assert binary_centered(weight, 0.1).tolist() == [[-1, 1, 1], [-1, -1, 1]]
    kernels = binary_centered(weight.reshape(2, 1, 3, 1), 0.1)
    assert kernels.flatten(1).tolist() == [[-1, 1, 1], [-1, -1, 1]]


@pytest.mark.parametrize("name", [name for name, quantize in WEIGHTS.items() if quantize])
def test_gradients_pass_straight_through(name: str) -> None:
    quantize = WEIGHTS[name]
    assert quantize is not None
    weight = VALUES.clone().requires_grad_()
    (quantize(weight, 0.1) * torch.arange(8.0)).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == list(range(8))


@given(st.floats(-1e6, 1e6, width=32), st.integers(-(2**20), 2**20))
def test_the_value_is_the_quantized_one_to_the_last_bit(exact: float, quantized: int) -> None:
    assert straight_through(torch.tensor(exact), torch.tensor(float(quantized))).item() == quantized
