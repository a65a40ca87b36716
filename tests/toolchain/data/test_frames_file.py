"""Frames of events are kept as they are; another content of their file is refused in one line, without its claims."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnc.toolchain.data import frames_file as module
from snnc.toolchain.data.dataset import Split
from snnc.toolchain.data.frames_file import frames_file, read_frames
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.seal import sealed_zip

SHAPE = (3, 2, 4, 4)
GOOD: dict[str, Any] = {
    "train": np.ones((3, 5, 2, 4, 4), np.uint8),
    "train_labels": np.arange(5),
    "test": np.zeros((3, 2, 2, 4, 4), np.uint8),
    "test_labels": np.array([0, 9]),
}


def write(path: Path, **changes: Any) -> Path:
    """Write a file with other arrays, its seal fitting."""
    buffer = BytesIO()
    np.savez_compressed(buffer, **{name: value for name, value in (GOOD | changes).items() if value is not None})
    path.write_bytes(sealed_zip(buffer.getvalue()))
    return path


def test_frames_come_back(tmp_path: Path) -> None:
    splits = [Split(GOOD[part], GOOD[f"{part}_labels"]) for part in ("train", "test")]
    (tmp_path / "a.npz").write_bytes(frames_file(*splits))
    for one, other in zip(splits, read_frames(tmp_path / "a.npz", SHAPE, 10), strict=True):
        assert np.array_equal(one.samples, other.samples) and np.array_equal(one.labels, other.labels)


@pytest.mark.parametrize(
    "changes",
    [
        {"train_labels": np.arange(4)},
        {"test_labels": np.array([0, 10])},
        {"test_labels": np.array([-1, 0])},
        {"train_labels": np.ones((5, 1), int)},
        {"train_labels": np.ones(5)},
        {"train": np.ones((5, 2, 4, 4), np.uint8)},
        {"train": np.ones((3, 5, 2, 4, 4))},
        {"train": GOOD["train"] * 2},
        {"train": np.full((3, 5, 2, 4, 4), "x")},
        {"test": np.zeros((3, 0, 2, 4, 4), np.uint8), "test_labels": np.zeros(0, int)},
    ],
    ids=range(10),
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="its "):
        read_frames(write(tmp_path / "a.npz", **changes), SHAPE, 10)


def test_missing_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        read_frames(write(tmp_path / "a.npz", test=None), SHAPE, 10)


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_BYTES", 2**20)
    count = 2**15
    path = write(tmp_path / "a.npz", train=np.zeros((3, count, 2, 4, 4), np.uint8), train_labels=np.zeros(count, int))
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match="its train split claims 3,145,728 bytes; allowed are"):
        read_frames(path, SHAPE, 10)


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileFormatError, match="do not fit the checksum"):
        read_frames(tmp_path / "a.npz", SHAPE, 10)
