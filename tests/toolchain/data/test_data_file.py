"""Files of samples as datasets: axes, splits, quantization, labels; and samples that stay on disk are the same ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.data import data_file
from snnc.toolchain.data.data_file import build_dataset, load_file
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.data.mapped import Mapped
from snnc.toolchain.data.named import Named, named
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.batches import on_device

RANDOM = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], 10)


def made(samples: Any, labels: Any = LABELS, name: str = "own.npz", timesteps: int = 5, **others: Any) -> Dataset:
    return build_dataset(named(name), {"samples": samples, "labels": np.asarray(labels), **others}, timesteps)


@pytest.mark.parametrize("shape", [(7,), (1, 5, 3), (5, 7), (5, 2, 3, 5)])
def test_axes_are_what_they_are_in_a_file(shape: tuple[int, ...]) -> None:
    samples = RANDOM.integers(0, 2, (30, *shape))
    dataset = made(samples)
    timed = len(shape) in (2, 4)
    assert dataset.input == Input(shape[1:] if timed else shape, 0, 1)
    assert dataset.train.samples.dtype == np.uint8
    assert (len(dataset.train), len(dataset.test), dataset.name) == (24, 6, "own.npz:test=0.2,seed=0")
    assert np.bincount(dataset.test.labels).tolist() == [2, 2, 2]
    together = np.concatenate(
        [part.samples.swapaxes(0, 1) if timed else part.samples for part in (dataset.train, dataset.test)]
    )
    assert sorted(map(bytes, together)) == sorted(map(bytes, samples.astype(np.uint8)))


def test_splits_are_those_of_their_seed() -> None:
    samples = np.arange(30)[:, None] * [1, 2]
    first, again, other = (made(samples, name=f"own.npz:test=0.5,seed={seed}") for seed in (1, 1, 2))
    assert np.array_equal(first.test.samples, again.test.samples)
    assert not np.array_equal(first.test.samples, other.test.samples)
    assert len(first.test) == 15


def test_test_samples_of_its_own_are_not_split() -> None:
    samples = RANDOM.integers(0, 200, (30, 4)).astype(np.uint8)
    dataset = made(samples, test_samples=samples[:7], test_labels=LABELS[:7])
    assert np.array_equal(dataset.train.samples, samples) and np.array_equal(dataset.test.samples, samples[:7])
    assert dataset.name == "own.npz"
    with pytest.raises(DataError, match="leave test= and seed= out"):
        made(samples, name="own.npz:seed=1", test_samples=samples[:7], test_labels=LABELS[:7])
    with pytest.raises(DataError, match="give both one type, and one shape"):
        made(samples, test_samples=samples[:7, :3], test_labels=LABELS[:7])


@given(st.integers(-(2**15), 2**15 - 1), st.integers(1, 2**15))
def test_whole_numbers_stay_as_they_are(low: int, width: int) -> None:
    samples = np.linspace(low, low + width, 120).astype(np.int64).reshape(30, 4)
    dataset = made(samples)
    values = np.concatenate([chip_input(part, dataset.input) for part in (dataset.train, dataset.test)])
    assert np.array_equal(np.sort(values, axis=0) + dataset.input.zero_point, samples)
    assert dataset.input.minimum <= 0 <= dataset.input.maximum or dataset.input.binary


def test_pixels_have_the_range_of_bytes() -> None:
    dataset = made(np.full((30, 1, 3, 5), 7, np.uint8))
    assert dataset.input == Input((1, 3, 5), -7, 248, 7)


def test_counts_of_spikes_keep_their_zero() -> None:
    samples = RANDOM.integers(0, 4, (30, 5, 6))
    assert made(samples).input == Input((6,), 0, 3)


def test_floats_become_bytes_between_stated_ends() -> None:
    samples = RANDOM.uniform(-3, 5, (30, 4)).astype(np.float32)
    dataset = made(samples, name="own.npz:low=0,high=2")
    assert dataset.name == "own.npz:test=0.2,seed=0,low=0,high=2"
    expected = np.rint(np.clip(samples / 2, 0, 1) * 255)
    together = np.concatenate([dataset.train.samples, dataset.test.samples])
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, expected.astype(int).tolist()))
    own = made(samples)
    assert own.train.samples.max() <= 255 and own.input.maximum - own.input.minimum == 255
    again = made(samples, name=own.name)
    assert again.input == own.input and np.array_equal(again.test.samples, own.test.samples)


def test_texts_and_names_are_labels() -> None:
    words = np.array(["cat", "ape", "dog"])[LABELS]
    dataset = made(np.eye(30, dtype=int), words)
    assert dataset.labels == ("ape", "cat", "dog") and set(dataset.test.labels) == {0, 1, 2}
    given = made(np.eye(30, dtype=int), classes=np.array(["a", "b", "c", "unseen"]))
    assert given.labels == ("a", "b", "c", "unseen")


@pytest.mark.parametrize("shape", [(1, 5, 3), (5, 2, 3, 5)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_large_samples_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: Any, kind: Any) -> None:
    np.save(tmp_path / "own.npy", RANDOM.integers(0, 200, (30, *shape)).astype(kind))
    np.save(tmp_path / "own.labels.npy", LABELS)
    name = str(tmp_path / "own.npy")
    kept = load_dataset(name)
    monkeypatch.setattr(data_file, "MOST_IN_MEMORY", 0)
    read = load_dataset(name)
    assert read.input == kept.input
    for ours, theirs in ((read.train, kept.train), (read.test, kept.test)):
        assert isinstance(ours.samples, Mapped) and isinstance(theirs.samples, np.ndarray)
        assert (ours.samples.shape, ours.samples.dtype, ours.timed) == (
            theirs.samples.shape,
            theirs.samples.dtype,
            theirs.timed,
        )
        for which in (slice(None), slice(1, 5, 2), np.array([3, 0, 3])):
            assert np.array_equal(ours.subset(which).samples[:], theirs.subset(which).samples)
        assert np.array_equal(chip_input(ours, read.input), chip_input(theirs, kept.input))
        on_disk, held = (on_device(split, kept.input, data_device()) for split in (ours, theirs))
        assert on_disk.held_bytes == 0
        for (x, labels), (expected, known) in zip(on_disk.batches(4), held.batches(4), strict=True):
            assert np.array_equal(x, expected) and np.array_equal(labels, known)


def data_device() -> Any:
    import torch

    return torch.device("cpu")


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (np.zeros((30, 28, 28), np.uint8), LABELS, "have 28 time steps, the network 5; train with timesteps 28; images need"),
        (np.zeros(30), LABELS, "samples of shape (30,); allowed are (N, features)"),
        (np.zeros((30, 0)), LABELS, "samples of shape (30, 0)"),
        (np.zeros((29, 4)), LABELS, "29 samples have 30 labels"),
        (np.full((30, 4), np.nan), LABELS, "values that are not finite"),
        (np.full((30, 4), np.inf), LABELS, "values that are not finite"),
        (np.zeros((30, 4)), LABELS, "floats from 0 to 0 have no range"),
        (np.arange(120).reshape(30, 4) * 1000, LABELS, "samples hold 0..119000; allowed are ranges of 16 bits"),
        (np.zeros((30, 4), complex), LABELS, "type complex128; store integers or floats"),
        (np.zeros((30, 4), int), LABELS * 1.0, "labels are float64 (30,); allowed are whole numbers or texts"),
        (np.zeros((30, 4), int), LABELS - 1, "labels reach from -1 to 1"),
        (np.zeros((30, 4), int), LABELS * 0, "1 classes; allowed are 2 to 1000"),
        (np.zeros((30, 4), int), LABELS + 2**62, "4611686018427387907 classes; allowed are 2 to 1000"),
        (np.zeros((2, 4), int), [0, 1], "a share of 0.2 of 2 samples leaves 0 to test"),
    ],
)
def test_what_is_no_dataset_is_refused(samples: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        made(samples, labels)
    assert message in str(error.value)


def test_statements_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="it holds integers, and low= and high= are the ends of floats"):
        made(np.eye(30, dtype=int), name="own.npz:low=0")
    with pytest.raises(DataError, match="label 'dog' is none of its classes"):
        made(np.eye(30, dtype=int), np.array(["cat", "dog"] * 15), classes=np.array(["cat", "ape"]))
    with pytest.raises(DataError, match="label '' is none of its classes"):
        made(np.eye(30, dtype=int), np.array(["cat", ""] * 15), classes=np.array(["cat", "ape"]))
    with pytest.raises(DataError, match=r"classes are an array of shape \(\); give a name for each, \(classes,\)"):
        made(np.eye(30, dtype=int), classes=np.array("cat"))
    with pytest.raises(DataError, match=r"test_samples int64 \(\); give both one type, and one shape"):
        made(np.eye(30, dtype=int), test_samples=np.array(3), test_labels=LABELS)
    with pytest.raises(DataError, match="30 test_samples have 29 labels; give each its own"):
        made(np.eye(30, dtype=int), test_samples=np.eye(30, dtype=int), test_labels=LABELS[1:])
    with pytest.raises(DataError, match="arrays are not scaled; leave image_size out"):
        load_file(Named("own.npz"), 5, 32)


@pytest.mark.parametrize("name", ["./pics", "../a/b", "/no/where/pics", "~/pics", "a/b/c"])
def test_a_wrong_place_is_said(name: str) -> None:
    with pytest.raises(DataError, match="there is no such file or folder; name the place where it is now"):
        load_dataset(name)
