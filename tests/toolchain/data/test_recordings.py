"""Folders of event recordings: what is read, how it is binned, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from snnc.toolchain.data.events import binned
from snnc.toolchain.data.table import load_dataset, load_fitting
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNC_DATA", str(tmp_path / "data"))


EVENT = [("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", np.int8)]


def events(*rows: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(list(rows), EVENT)


def write(folder: Path, count: int = 5, classes: str = "ab") -> Path:
    """Write recordings of 6 x 4 pixels; class a has events at the left."""
    random = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            places = random.integers([0, 3 * label, 0, 0], [1000, 3 * label + 3, 4, 2], (30, 4))
            np.save(folder / name / f"{number}.npy", events(*map(tuple, places), (1000, 5, 3, 1)))
    return folder


def test_frames_have_equal_shares_of_the_time_or_of_the_events() -> None:
    recorded = events((30, 1, 0, 0), (0, 0, 0, 1), (1, 0, 1, -1), (2, 2, 1, 1))
    by_time = binned(recorded, (3, 2), (2, 2, 2, 3))
    assert by_time[0, 1].tolist() == [[1, 0, 0], [0, 0, 1]] and by_time[0, 0].tolist() == [[0, 0, 0], [1, 0, 0]]
    assert by_time[1].sum() == by_time[1, 0, 0, 1] == 1
    by_count = binned(recorded, (3, 2), (2, 2, 2, 3), "count")
    assert [frame.sum() for frame in by_count] == [2, 2] and by_count[1, 1, 1, 2] == by_count[1, 0, 0, 1] == 1
    assert binned(recorded[:0], (3, 2), (2, 2, 2, 3)).sum() == 0


def test_times_that_are_no_whole_numbers_are_shares_of_their_span() -> None:
    recorded = np.array([(0.5, 0, 0, 1), (0.52, 1, 0, 1), (0.69, 2, 0, 1), (0.7, 0, 1, 1)], [("t", "f8"), *EVENT[1:]])
    frames = binned(recorded, (3, 2), (2, 2, 2, 3))
    assert frames[:, 1].tolist() == [[[1, 1, 0], [0, 0, 0]], [[0, 0, 1], [1, 0, 0]]]
    whole = recorded.copy()
    whole["t"] = [0, 1, 2, 3]
    assert np.array_equal(binned(whole, (3, 2), (2, 2, 2, 3)), binned(whole.astype(EVENT), (3, 2), (2, 2, 2, 3)))


def test_a_folder_is_split_by_class(tmp_path: Path) -> None:
    name = str(write(tmp_path / "moves"))
    dataset = load_dataset(name, 3)
    assert dataset.name == f"{name}:test=0.2,seed=0,bins=time"
    assert (dataset.input, dataset.labels) == (Input((2, 4, 6), 0, 1), ("a", "b"))
    assert dataset.train.samples.shape == (3, 8, 2, 4, 6) and sorted(dataset.test.labels) == [0, 1]
    other = load_dataset(f"{name}:seed=4,test=0.4,bins=count", 3)
    assert len(other.test) == 4 and other.name.endswith("test=0.4,seed=4,bins=count")
    again = load_fitting(other.name, other.input, 3)
    assert np.array_equal(again.test.samples[:], other.test.samples[:])
    assert load_dataset(name, 3, 8).input.shape == (2, 8, 8)


def test_a_folder_may_have_its_own_split(tmp_path: Path) -> None:
    write(tmp_path / "moves" / "train", 4)
    write(tmp_path / "moves" / "test", 2)
    dataset = load_dataset(str(tmp_path / "moves"))
    assert (len(dataset.train), len(dataset.test)) == (8, 4)
    with pytest.raises(DataError, match="it has a folder test; leave test= and seed= out"):
        load_dataset(f"{tmp_path / 'moves'}:seed=1")


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "moves", 3)
    file = folder / "a" / "0.npy"
    for array, message in (
        (np.zeros((3, 4)), r"it holds float64 \(3, 4\); store a structured array with the fields t, x, y and p"),
        (events((0, -1, 0, 0)), "x reaches from -1 to 0; allowed are 0 to 4095"),
        (events((0, 0, 0, 0), (2**62, 0, 0, 0)), r"t reaches from 0 to 4.6\d*e\+18; allowed is a span below 1.1259e\+15"),
        (np.zeros(2, [(field, "U3") for field in "txyp"]), "its field 't' is <U3; store numbers"),
    ):
        np.save(file, array)
        with pytest.raises(DataError, match=message):
            load_dataset(str(folder))
    np.save(file, np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(str(folder))
    (folder / "a" / "9.txt").write_bytes(bytes(7))
    with pytest.raises(DataError, match=r"9\.txt is no recording; allowed are \.npy, \.bin, \.h5, \.hdf5, \.aedat4"):
        load_dataset(str(folder))
    (folder / "a" / "9.txt").unlink()
    file.unlink()
    with pytest.raises(DataError, match="low= and high= are the ends of floats"):
        load_dataset(f"{folder}:low=0")
    with pytest.raises(DataError, match="recordings of 1 classes"):
        load_dataset(str(write(tmp_path / "one", 3, "a")))


def test_too_few_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="leaves 0 to test and the others to train"):
        load_dataset(str(write(tmp_path / "two", 1)))
