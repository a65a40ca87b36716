"""The held-out part: stratified, fixed, apart from what trains, and never of the test split."""

import numpy as np
import pytest

from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.held_out import hold_out
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input


def numbered(count: int, classes: int = 3, test: int = 6) -> Dataset:
    samples = np.arange(count + test).reshape(-1, 1)  # every sample is its own number
    labels = samples[:, 0] % classes
    train, held = (Split(samples[part], labels[part]) for part in (slice(count), slice(count, None)))
    return Dataset("numbered", train, held, tuple(map(str, range(classes))), Input((1,), 0, 99))


def test_every_sample_is_in_one_part_and_none_is_of_the_test_split() -> None:
    parts = hold_out(numbered(30), 12)
    train, held = (set(split.samples[:, 0].tolist()) for split in (parts.train, parts.test))
    assert len(held) == 12
    assert not train & held
    assert train | held == set(range(30))


def test_the_choice_is_fixed_and_has_every_class() -> None:
    one, other = (hold_out(numbered(30), 12) for _ in range(2))
    assert np.array_equal(one.test.samples, other.test.samples)
    assert np.bincount(one.test.labels).tolist() == [4, 4, 4]
    assert list(one.train.samples[:, 0]) == sorted(one.train.samples[:, 0])


def test_events_are_held_out_along_their_second_axis() -> None:
    data = numbered(30)
    events = Split(np.arange(2 * 30).reshape(2, 30, 1), data.train.labels)
    parts = hold_out(Dataset("events", events, data.test, data.labels, data.input), 12)
    assert parts.test.samples.shape == (2, 12, 1)


@pytest.mark.parametrize("count", [0, 30, 31])
def test_no_part_may_be_empty(count: int) -> None:
    with pytest.raises(DataError, match=f"{count} samples cannot be held out of 30; allowed are 1 to 29"):
        hold_out(numbered(30), count)
