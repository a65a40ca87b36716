"""Data on the device: what the network is fed, and which samples make a batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_runs import TINY

from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError
from snnc.toolchain.training.batches import batches_of_epoch, load_on_device, on_device, steps_per_epoch
from snnc.toolchain.training.seeds import generator

CPU = torch.device("cpu")


def test_samples_stay_bytes_and_become_what_the_chip_is_fed(digits: Dataset) -> None:
    samples = on_device(digits.test, digits.input, CPU)
    assert samples.raw.dtype is torch.uint8
    fed = torch.cat([x for x, _ in samples.batches(100)])
    assert np.array_equal(fed.numpy(), chip_input(digits.test, digits.input))


def test_events_come_time_first() -> None:
    events = load_dataset("digits-events", 4)
    samples = load_on_device(events, CPU).test
    x, labels = next(samples.batches(10))
    assert (x.shape, labels.shape) == ((4, 10, 2, 16, 16), (10,))
    assert np.array_equal(x.numpy(), events.test.samples[:, :10])


def test_processes_divide_a_split_among_them(digits: Dataset) -> None:
    samples = on_device(digits.test, digits.input, CPU)
    seen = [sum(len(labels) for _, labels in samples.batches(50, rank, 3)) for rank in range(3)]
    assert seen == [180, 180, 180]


def test_data_of_another_shape_or_range_is_refused(digits: Dataset) -> None:
    with pytest.raises(DataError, match=r"samples have shape \(1, 8, 8\), the network takes \(1, 9, 9\)"):
        on_device(digits.test, replace(digits.input, shape=(1, 9, 9)), CPU)
    with pytest.raises(DataError, match=r"samples hold -5..11 after the zero point 5, the network takes -5..10"):
        on_device(digits.test, replace(digits.input, maximum=10), CPU)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_an_epoch_takes_every_sample_once_and_processes_the_same_number(processes: int) -> None:
    config = TINY.replaced(batch_size=10)
    parts = [list(batches_of_epoch(config, 101, generator(5), rank, processes)) for rank in range(processes)]
    assert {len(part) for part in parts} == {steps_per_epoch(config, 101, processes)}
    sizes = [[len(own) for own, _ in part] for part in parts]
    assert all(each == sizes[0] for each in sizes)
    taken = torch.cat([own for part in parts for own, _ in part]).tolist()
    assert len(set(taken)) == len(taken) > 101 - 2 * processes


def test_a_batch_of_one_has_no_variance_and_waits() -> None:
    assert [len(own) for own, _ in batches_of_epoch(TINY.replaced(batch_size=10), 21, generator(0))] == [10, 10]
