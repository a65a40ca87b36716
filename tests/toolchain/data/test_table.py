"""Datasets: every row of the table, and what the chip is fed."""

import numpy as np
import pytest

from snnc.toolchain.data.dataset import Dataset, Split, chip_input
from snnc.toolchain.data.events import EVENTS
from snnc.toolchain.data.images import HUB
from snnc.toolchain.data.table import DATASETS, EMBEDDED, load_dataset, load_fitting, row_of
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input


def test_every_row_is_tested() -> None:
    assert set(DATASETS) == EMBEDDED | {"mnist-5k", "mnist-5k-events"} | set(HUB) | set(
        EVENTS
    )  # those through libraries in files of their own


@pytest.mark.parametrize("name", [*sorted(EMBEDDED), "mnist-5k", "mnist-5k-events:100"])
def test_every_dataset_fits_its_own_description(name: str) -> None:
    dataset = load_dataset(name)
    for split in (dataset.train, dataset.test):
        values = chip_input(split, dataset.input)
        steps = (5,) if dataset.input.binary else ()
        assert values.shape == (*steps, len(split), *dataset.input.shape)
        assert dataset.input.minimum <= values.min() < values.max() <= dataset.input.maximum
        assert set(split.labels) == set(range(len(dataset.labels)))


def test_digits_are_split_as_promised(digits: Dataset) -> None:
    assert (len(digits.train), len(digits.test)) == (1257, 540)
    together = np.concatenate([digits.train.samples, digits.test.samples])
    assert together.min() == 0 and together.max() == 16
    assert round(float(together.mean())) == digits.input.zero_point
    shares = [np.bincount(split.labels) / len(split) for split in (digits.train, digits.test)]
    assert np.abs(shares[0] - shares[1]).max() < 0.002


def test_events_have_the_digits_labels_and_any_number_of_steps(digits: Dataset) -> None:
    events = load_dataset("digits-events", 3)
    assert np.array_equal(events.test.labels, digits.test.labels)
    assert events.test.samples.shape == (3, 540, 2, 16, 16)
    assert 0.05 < events.train.samples.mean() < 0.4


@pytest.mark.parametrize("name", sorted(EMBEDDED))
def test_embedded_data_have_one_size(name: str) -> None:
    own = load_dataset(name).input
    assert load_dataset(name, image_size=own.shape[-1]).input == own
    assert load_fitting(name, Input((1, 99, 99), 0, 1), 5).input == own
    with pytest.raises(DataError, match="leave image_size out, it was 9"):
        load_dataset(name, image_size=9)


def test_the_split_is_fixed(digits: Dataset) -> None:
    assert np.array_equal(load_dataset("digits").test.samples, digits.test.samples)


def test_what_does_not_fit_is_refused(digits: Dataset) -> None:
    with pytest.raises(DataError, match="dataset 'digit' is unknown; allowed are digits"):
        load_dataset("digit")
    with pytest.raises(DataError, match="541 samples were asked for; allowed are 1 to 540"):
        digits.test.first(541)
    with pytest.raises(DataError, match="0 samples were asked for"):
        digits.test.first(0)
    with pytest.raises(DataError, match=r"samples have shape \(1, 8, 8\), the network takes \(3, 8, 8\)"):
        chip_input(digits.test, Input((3, 8, 8), 0, 16))
    with pytest.raises(DataError, match=r"samples hold 0..16 after the zero point 0, the network takes 0..1"):
        chip_input(digits.test, Input((1, 8, 8), 0, 1))


def test_no_samples_are_no_fault() -> None:
    empty = Split(np.zeros((0, 1), np.int16), np.zeros(0, np.int64))
    assert chip_input(empty, Input((1,), 0, 1)).shape == (0, 1)


def test_a_count_trains_on_so_many_of_each_class(digits: Dataset) -> None:
    few = load_dataset("digits:100")
    assert (few.name, len(few.train)) == ("digits:100", 100)
    assert np.array_equal(few.test.samples, digits.test.samples)
    assert set(np.bincount(few.train.labels)) <= {9, 10, 11}
    assert load_fitting("digits:100", Input((1, 99, 99), 0, 1), 5).input == digits.input
    assert row_of("digits:100") == ("digits", "100")


@pytest.mark.parametrize("count", ["9", "1258", "-1", "1e3", "\u0665\u0665", "1" * 5000])
def test_counts_that_there_are_not_are_refused(count: str) -> None:
    with pytest.raises(DataError, match=r"cannot train on '.*' samples; allowed are 10 to 1257"):
        load_dataset(f"digits:{count}")


@pytest.mark.parametrize("name", ["digits:", "digit:100", ":100"])
def test_a_colon_alone_is_no_count(name: str) -> None:
    with pytest.raises(DataError, match="is unknown"):
        load_dataset(name)


def test_a_class_name_that_no_file_can_hold_is_refused() -> None:
    split = Split(np.zeros((2, 3), np.uint8), np.arange(2))
    with pytest.raises(DataError, match=r"data own: no file can hold the class name 'b\\udcff'; rename its folder"):
        Dataset("own", split, split, ("a", "b\udcff"), Input((3,), 0, 1))
