"""Recordings by suffix: every row of READERS and every layout of HDF5 holds the same events, and damage is one line."""

import sys
from pathlib import Path
from typing import Any

import event_recordings
import h5py
import numpy as np
import pytest
from event_recordings import EVENT, LAYOUTS, WRITERS, drawn, write_aedat4, write_root, write_structured
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.toolchain.data import event_files, reading, reading_child
from snnc.toolchain.data.event_files import FIELDS, READERS, extent, read_recordings
from snnc.toolchain.data.events import binned
from snnc.toolchain.errors import DataError

ROWS = st.lists(st.tuples(st.integers(0, 2**23 - 1), st.integers(0, 255), st.integers(0, 255), st.integers(0, 1)), max_size=9)


def needs(suffix: str) -> None:
    if suffix == ".aedat4":
        pytest.importorskip("aedat")


def read(path: Path) -> np.ndarray:
    ((found, events),) = read_recordings([path])
    assert found == path
    return events


def same(found: np.ndarray, events: np.ndarray) -> bool:
    return all(np.array_equal(found[field], events[field]) for field in FIELDS)


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"recording {path}: ") and "\n" not in said
    return said


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("count", [0, 1, 2500])
def test_every_suffix_holds_the_same(tmp_path: Path, suffix: str, count: int) -> None:
    needs(suffix)
    WRITERS[suffix](tmp_path / f"own{suffix.upper()}", events := drawn(count))
    assert same(read(tmp_path / f"own{suffix.upper()}"), events)


@pytest.mark.parametrize("suffix", [".npy", ".bin"])
@given(rows=ROWS)
def test_any_events_are_read(tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list[tuple[int, ...]]) -> None:
    path = tmp_path_factory.mktemp("any") / f"own{suffix}"
    WRITERS[suffix](path, np.array(rows, EVENT))
    assert same(read(path), np.array(rows, EVENT))


@pytest.mark.parametrize("suffix", [".h5", ".aedat4"])
@given(several=st.lists(ROWS, min_size=1, max_size=8))
@settings(max_examples=5, deadline=None)
def test_any_recordings_are_read_together(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, several: list[list[tuple[int, ...]]]
) -> None:
    needs(suffix)
    paths = [tmp_path_factory.mktemp("any") / f"{number}{suffix}" for number in range(len(several))]
    for path, rows in zip(paths, several, strict=True):
        WRITERS[suffix](path, np.array(rows, EVENT))
    found = list(read_recordings(paths))
    assert [path for path, _ in found] == paths
    assert all(same(events, np.array(rows, EVENT)) for (_, events), rows in zip(found, several, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_makes_the_same_frames(tmp_path: Path, layout: str) -> None:
    if layout == "dsec":
        pytest.importorskip("hdf5plugin")
    LAYOUTS[layout](tmp_path / "own.h5", events := drawn(300))
    found = read(tmp_path / "own.h5")
    assert extent(tmp_path, found) == (6, 4)
    for bins in ("time", "count"):
        ours, theirs = (binned(each, (6, 4), (5, 2, 4, 6), bins) for each in (found, events))
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("suffix", READERS)
def test_cut_files_are_refused(tmp_path: Path, suffix: str) -> None:
    needs(suffix)
    path = tmp_path / f"own{suffix}"
    WRITERS[suffix](path, drawn(50))
    path.write_bytes(path.read_bytes()[:-17])
    assert "cannot be read (" in refused(path) and refused(path).endswith("; write it again")
    path.write_bytes(b"no such thing")
    assert "cannot be read (" in refused(path)
    path.unlink()
    path.mkdir()
    refused(path)


@pytest.mark.parametrize("suffix", [".h5", ".aedat4"])
def test_the_one_that_is_damaged_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    needs(suffix)
    monkeypatch.setattr(event_files, "TOGETHER", 3)
    paths = [tmp_path / f"{number}{suffix}" for number in range(5)]
    for path in paths:
        WRITERS[suffix](path, drawn(50))
    paths[4].write_bytes(b"damaged")
    done = []
    with pytest.raises(DataError, match=f"4{suffix}: cannot be read"):
        for path, _ in read_recordings(paths):
            done.append(path)
    assert done == paths[:4]


def test_much_is_read_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    for number, path in enumerate(paths):
        write_root(path, drawn(50, number))
    child = tmp_path / "child.py"
    source = Path(reading_child.__file__).read_text(encoding="utf-8")
    child.write_text(source.replace("ENOUGH = 2**27", "ENOUGH = 1"), encoding="utf-8")
    monkeypatch.setattr(reading_child, "__file__", str(child))
    started = []

    def counted(*given: Any) -> str:
        started.append(given)
        return reading.read_apart(*given)

    monkeypatch.setattr(event_files, "read_apart", counted)
    assert all(same(events, drawn(50, number)) for number, (_, events) in enumerate(read_recordings(paths)))
    assert len(started) == 3


def test_hdf5_without_events_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.h5"
    write_root(tmp_path / "other.h5", drawn(50))
    with h5py.File(path, "w") as file:
        file["samples"] = np.zeros(3)
    assert "it has no arrays t, x, y and p, neither in a group 'events' nor at its root" in refused(path)
    with h5py.File(path, "w") as file:
        file["events"] = h5py.ExternalLink("other.h5", "/")
    assert "it has no arrays t, x, y and p" in refused(path)
    with h5py.File(path, "w") as file:
        file["t"], file["x"], file["y"], file["p"] = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(4)
    assert "t, x, y and p are of different lengths, [3, 3, 3, 4]" in refused(path)
    with h5py.File(path, "w") as file:
        file["t"], file["x"], file["y"], file["p"] = np.zeros(3), np.zeros(3), np.zeros(3), h5py.SoftLink("/t")
    assert "no list of this file's own" in refused(path)
    with h5py.File(path, "w") as file:
        file["events"] = np.zeros(3, [("t", int), ("x", int)])
    assert "its events have the fields t, x; store t, x, y and p" in refused(path)
    with h5py.File(path, "w") as file:
        for field in "txyp":
            file.create_dataset(field, (2**40,), np.int64, chunks=(2**10,))
    assert "/t takes 8,796,093,022,208 bytes, at most" in refused(path)
    for names, kind in ((["t", "x", "y", "p"], np.int64), (["events"], EVENT)):
        with h5py.File(path, "w") as file:
            for name in names:
                file.create_dataset(name, (9,), kind)
        assert f"/{names[0]} has the shape (9,), but nothing was written into it" in refused(path)
    monkeypatch.setattr(event_files, "MOST_BYTES", 100)
    write_structured(path, drawn(50))
    assert "/events takes 650 bytes, at most 100 are read; cut the recording in parts" in refused(path)


def test_a_virtual_array_leads_nowhere(tmp_path: Path) -> None:
    write_root(tmp_path / "other.h5", drawn(50))
    layout = h5py.VirtualLayout((50,), np.int64)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "t", (50,))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["x"] = file["y"] = file["p"] = np.zeros(50)
        file.create_virtual_dataset("t", layout)
    assert "/t is no list of this file's own" in refused(tmp_path / "own.h5")


def test_what_aedat4_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aedat")
    write_aedat4(tmp_path / "own.aedat4", drawn(50), streams=2)
    assert "it has 2 streams of events; allowed is one, of one camera" in refused(tmp_path / "own.aedat4")
    write_aedat4(tmp_path / "own.aedat4", drawn(50))
    monkeypatch.setattr(event_files, "MOST_BYTES", 100)
    assert "its events take more than 100 bytes; cut the recording in parts" in refused(tmp_path / "own.aedat4")


@pytest.mark.parametrize(("package", "suffix"), [("aedat", ".aedat4"), ("hdf5plugin", ".h5")])
def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, suffix: str) -> None:
    pytest.importorskip(package)
    WRITERS[suffix](tmp_path / f"own{suffix}", drawn(50))
    child = tmp_path / "child.py"
    source = Path(reading_child.__file__).read_text(encoding="utf-8")
    child.write_text(source.replace("import os\n", f"import os, sys\nsys.modules['{package}'] = None\n", 1), encoding="utf-8")
    monkeypatch.setattr(reading_child, "__file__", str(child))
    said = refused(tmp_path / f"own{suffix}")
    assert package in said and "; pip install 'snnc[recordings]' (from a clone: " in said


def test_a_filter_that_nothing_knows_is_named(tmp_path: Path) -> None:
    """As that of Prophesee's own HDF5 files, which comes with their software alone."""
    pytest.importorskip("hdf5plugin")
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((50,))
    properties.set_filter(36559, h5py.h5z.FLAG_OPTIONAL)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        space = h5py.h5s.create_simple((50,))
        for field in "txyp":
            h5py.h5d.create(file.id, field.encode(), h5py.h5t.NATIVE_INT64, space, properties)
    assert "packed by filter 36559, which nothing here knows; store it with gzip" in refused(tmp_path / "own.h5")


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits of a process")
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("while True: pass", "its library came to no end within 1 s; it is damaged, write it again"),
        ("os.abort()", "cannot be read (its library failed on it); write it again"),
        ("os.write(1, b'gone\\xff'); os.abort()", "cannot be read (gone\ufffd); write it again"),
        ("bytearray(2**33)", "cannot be read (MemoryError); write it again"),
    ],
)
def test_a_library_that_fails_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, message: str
) -> None:
    write_root(tmp_path / "own.h5", drawn(50))
    child = tmp_path / "child.py"
    source = Path(reading_child.__file__).read_text(encoding="utf-8")
    child.write_text(source.replace("    written = 0\n", f"    written = 0\n    {statement}\n", 1), encoding="utf-8")
    monkeypatch.setattr(reading_child, "__file__", str(child))
    monkeypatch.setattr(reading_child, "SECONDS", 1)
    assert message in refused(tmp_path / "own.h5")


def test_there_is_a_writer_for_each_row() -> None:
    assert set(event_recordings.WRITERS) == set(READERS)


@pytest.mark.parametrize("suffix", [".h5", ".aedat4"])
def test_a_link_is_read_by_its_own_suffix(tmp_path: Path, suffix: str) -> None:
    """Caches and git-annex keep files by their digests, with links that have their names."""
    needs(suffix)
    WRITERS[suffix](tmp_path / f"own{suffix}", events := drawn(20))
    (tmp_path / f"own{suffix}").rename(tmp_path / "0123abcd")
    (tmp_path / f"own{suffix}").symlink_to(tmp_path / "0123abcd")
    assert same(read(tmp_path / f"own{suffix}"), events)


@pytest.mark.parametrize("suffix", READERS)
def test_a_recording_that_is_gone_is_one_line(tmp_path: Path, suffix: str) -> None:
    needs(suffix)
    assert "cannot be read" in refused(tmp_path / f"gone{suffix}")


def test_a_process_that_fails_after_its_work_has_done_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS[".h5"](tmp_path / "own.h5", events := drawn(20))
    monkeypatch.setattr(event_files, "read_apart", lambda *given: reading.read_apart(*given) or "its library failed on it")
    assert same(read(tmp_path / "own.h5"), events)
