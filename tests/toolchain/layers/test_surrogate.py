"""Surrogate gradients: the formulas they are named for, in torch and, through the kernels, in C."""

from math import pi

import pytest
import torch

from snnc.toolchain.layers.surrogate import SURROGATES, boxcar


def test_there_are_surrogates() -> None:
    numbers = {name: surrogate.number for name, surrogate in SURROGATES.items()}
    assert numbers == {"boxcar": 0, "arctan": 1, "fast-sigmoid": 2}  # those of native/training.h


def test_the_boxcar_is_equation_4() -> None:
    assert boxcar(torch.tensor([0.4, 0.5, 1.0, 1.5, 1.6])).tolist() == [0, 0.5, 0.5, 0.5, 0]


def test_the_slope_of_the_arc_tangent() -> None:
    h = torch.linspace(-1, 3, 9, dtype=torch.float64).requires_grad_()
    (torch.atan(pi * (h - 1)) / pi).sum().backward()
    assert h.grad is not None
    assert torch.allclose(SURROGATES["arctan"].slope(h.detach()), h.grad)  # a test of training


def test_the_fast_sigmoid_falls_to_a_quarter_at_one_part_in_25() -> None:
    assert SURROGATES["fast-sigmoid"].slope(torch.tensor([1.0, 1.04, 0.96])).tolist() == pytest.approx(
        [1, 0.25, 0.25], rel=1e-4
    )


@pytest.mark.parametrize("name", SURROGATES)
def test_every_surrogate_is_highest_at_the_threshold_and_even(name: str) -> None:
    slopes = SURROGATES[name].slope(torch.tensor([0.7, 1.0, 1.3], dtype=torch.float64))
    assert slopes[1] >= slopes[0]
    assert float(slopes[0]) == pytest.approx(float(slopes[2]))
