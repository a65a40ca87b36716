"""Stratified choices: each class has its share, small choices are part of large ones."""

import numpy as np
import pytest

from snnc.toolchain.data.named import named
from snnc.toolchain.data.stratified import divided, stratified
from snnc.toolchain.errors import DataError


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


def test_a_name_states_which_samples_test() -> None:
    labels = np.arange(20) % 2
    name, test = divided(named("own.npz"), labels)
    assert str(name) == "own.npz:test=0.2,seed=0"
    assert np.array_equal(test, stratified(labels, 4, seed=0))
    name, test = divided(named("own.npz:test=0.5,seed=3"), labels)
    assert str(name) == "own.npz:test=0.5,seed=3"
    assert np.array_equal(test, stratified(labels, 10, seed=3))


@pytest.mark.parametrize(("share", "count"), [(0.02, 0), (0.95, 19)])
def test_shares_that_leave_too_little_are_refused(share: float, count: int) -> None:
    with pytest.raises(DataError, match=f"^data own.npz: a share of {share} of 20 samples leaves {count} to test"):
        divided(named(f"own.npz:test={share}"), np.arange(20) % 2)
