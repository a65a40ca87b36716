"""Stratified choices: each class has its share, small choices are part of large ones."""

import numpy as np
import pytest

from snnc.toolchain.data.stratified import stratified


@pytest.mark.parametrize("count", [1, 2, 10, 29])
def test_classes_have_their_share_up_to_rounding(count: int) -> None:
    labels = np.array([0] * 20 + [1] * 10)
    chosen = np.bincount(labels[stratified(labels, count, seed=3)], minlength=2)
    assert chosen.sum() == count
    assert abs(chosen[0] - count * 2 / 3) <= 1


def test_a_smaller_choice_is_part_of_a_larger_one() -> None:
    labels = np.arange(60) % 7
    small, large = (stratified(labels, count, seed=1) for count in (13, 29))
    assert not (small & ~large).any()
    assert not np.array_equal(small, stratified(labels, 13, seed=2))
