"""Event recordings: binned frames, splits, and N-MNIST's own file format read through tonic."""

import sys
from pathlib import Path

import numpy as np
import pytest

from snnc.toolchain.data.events import EVENTS
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError

tonic = pytest.importorskip("tonic")

EVENT = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SNNC_DATA", str(tmp_path))
    return tmp_path


def recordings(name: str, per_class: int = 10) -> type:
    """Return a stand-in for a class of tonic: the same interface over events drawn at random, no files."""
    row = EVENTS[name]
    original = getattr(tonic.datasets, row.tonic_class)

    class Drawn:
        sensor_size = original.sensor_size

        def __init__(self, save_to: str, transform: object, train: bool = True):
            self.transform = transform
            self.targets = [label for label in range(len(row.classes)) for _ in range(per_class)][::-1]
            self.data = [f"{label}/{number:04d}" for number, label in enumerate(self.targets)]

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            rng = np.random.default_rng(index)
            events = np.zeros(300, EVENT)
            events["x"], events["y"] = rng.integers(0, self.sensor_size[0], (2, 300))
            events["t"], events["p"] = np.sort(rng.integers(0, 10**5, 300)), rng.integers(0, 2, 300)
            return self.transform(events), self.targets[index]  # type: ignore[operator]

    return Drawn


def test_there_are_rows() -> None:
    assert set(EVENTS) == {"cifar10-dvs", "nmnist", "dvs-gesture"}


@pytest.mark.parametrize("name", EVENTS)
def test_every_row_becomes_frames_of_0_and_1(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    row = EVENTS[name]
    original = getattr(tonic.datasets, row.tonic_class)
    assert len(original.classes) == len(row.classes)
    assert original.sensor_size[2] == 2
    monkeypatch.setattr(tonic.datasets, row.tonic_class, recordings(name))
    read = load_dataset(name, timesteps=4)
    classes, side = len(row.classes), row.side
    assert read.input.shape == (2, side, side)
    assert read.train.samples.shape == (4, classes * (10 if row.has_split else 9), 2, side, side)
    assert set(np.unique(read.train.samples)) == {0, 1}
    assert np.bincount(read.test.labels).tolist() == [10 if row.has_split else 1] * classes
    assert len(read.labels) == classes


def test_frames_are_kept_and_read_again(
    monkeypatch: pytest.MonkeyPatch, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "snnc")
    monkeypatch.setattr(tonic.datasets, "NMNIST", recordings("nmnist", 2))
    first = load_dataset("nmnist", timesteps=3, image_size=16)
    monkeypatch.setattr(tonic.datasets, "NMNIST", None)
    again = load_dataset("nmnist", timesteps=3, image_size=16)
    assert np.array_equal(first.train.samples, again.train.samples)
    assert np.array_equal(first.test.labels, again.test.labels)
    assert caplog.messages == [f"reading nmnist through tonic into {folder}, once"]
    whole = (folder / "nmnist-frames-T3-16.npz").read_bytes()
    broken = whole[: len(whole) // 2 - 30] + bytes(60) + whole[len(whole) // 2 + 30 :]
    for damaged in (b"", b"damaged", whole[:-50], broken):
        (folder / "nmnist-frames-T3-16.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"nmnist-frames-T3-16.npz: frames kept by snnc cannot be read .*; delete the file"):
            load_dataset("nmnist", timesteps=3, image_size=16)
    (folder / "nmnist-frames-T3-16.npz").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"nmnist-frames-T3-16.npz: frames kept by snnc cannot be read .*; delete the file"):
        load_dataset("nmnist", timesteps=3, image_size=16)


def test_files_of_nmnist_are_read_through_tonic(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """One event is five bytes: x, y, then polarity in one bit and 23 bits of microseconds."""
    for part, count in (("Train", 2), ("Test", 1)):
        for label in range(10):
            path = folder / "NMNIST" / part / str(label)
            path.mkdir(parents=True)
            for number in range(count):
                events = [(label, 3, 0, 1000), (20, 30, 1, 250_000)]
                raw = [bytes([x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255]) for x, y, p, t in events]
                (path / f"{number:05d}.bin").write_bytes(b"".join(raw))
    monkeypatch.setattr(tonic.datasets.NMNIST, "_check_exists", lambda self: True)
    read = load_dataset("nmnist", timesteps=2, image_size=34)
    assert (len(read.train), len(read.test)) == (20, 10)
    for frames, label in zip(read.train.samples.swapaxes(0, 1), read.train.labels, strict=True):
        assert sorted(map(tuple, np.argwhere(frames).tolist())) == [(0, 0, 3, label), (1, 1, 30, 20)]


def test_what_cannot_be_downloaded_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(tonic.datasets.NMNIST, "download", offline)
    with pytest.raises(
        DataError,
        match="dataset 'nmnist' cannot be loaded .Network is unreachable.; connect to the network, or put tonic's files into",
    ):
        load_dataset("nmnist")


def test_without_tonic_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(DataError, match=r"dataset 'nmnist' needs tonic, which is GPL-3.0-only; pip install 'snnc\[events\]'"):
        load_dataset("nmnist")
