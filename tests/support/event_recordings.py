"""Writes event recordings as others write them: a function for each row of READERS, and for each layout of HDF5."""

import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

EVENT = [("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.int8)]
Events = NDArray[np.void]


def drawn(count: int, seed: int = 0, sides: tuple[int, int] = (6, 4)) -> Events:
    """Return events at random places and times, in the order of their times."""
    random = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["t"] = np.sort(random.integers(0, 10_000, count))
    for field, most in (("x", sides[0]), ("y", sides[1]), ("p", 2)):
        events[field] = random.integers(0, most, count)
    return events


def write_npy(path: Path, events: Events) -> None:
    with path.open("wb") as file:
        np.save(file, events)


def write_bin(path: Path, events: Events) -> None:
    """Write a file as those of N-MNIST: x, y, and a bit of polarity in front of 23 bits of microseconds."""
    rows = np.zeros((len(events), 5), np.uint8)
    t, p = events["t"].astype(np.int64), events["p"].astype(np.int64)
    for column, values in enumerate((events["x"], events["y"], p << 7 | t >> 16, t >> 8 & 255, t & 255)):
        rows[:, column] = values
    path.write_bytes(rows.tobytes())


def write_dsec(path: Path, events: Events) -> None:
    """Write a group of arrays, packed by Blosc if hdf5plugin is here, as the files of DSEC are."""
    try:
        from hdf5plugin import Blosc

        packing = dict(Blosc(cname="zstd"))
    except ImportError:
        packing = {"compression": "gzip"}
    with h5py.File(path, "w") as file:
        for field in "txyp":
            file.create_dataset(f"events/{field}", data=events[field], maxshape=(None,), **packing)
        file["t_offset"], file["ms_to_idx"] = 49_599_300_523, np.zeros(5, np.uint64)


def write_root(path: Path, events: Events) -> None:
    with h5py.File(path, "w") as file:
        for field in "txyp":
            file[field] = events[field]


def write_seconds(path: Path, events: Events) -> None:
    """Write times as seconds, as event_utils does."""
    with h5py.File(path, "w") as file:
        for field, values in (("xs", events["x"]), ("ys", events["y"]), ("ts", events["t"] / 1e6), ("ps", events["p"] > 0)):
            file[f"events/{field}"] = values


def write_structured(path: Path, events: Events) -> None:
    with h5py.File(path, "w") as file:
        file["events"] = events


def write_prophesee(path: Path, events: Events) -> None:
    with h5py.File(path, "w") as file:
        file["CD/events"] = events[["x", "y", "p", "t"]]


def write_aedat4(path: Path, events: Events, streams: int = 1, cut: int = 1000) -> None:
    """Write packets of at most `cut` events, not compressed, by the schema of AEDAT4 (ioheader.fbs, events.fbs)."""
    info = "".join(
        f'<node name="{number}"><attr key="typeIdentifier" type="string">EVTS</attr><node name="info">'
        '<attr key="sizeX" type="int">34</attr><attr key="sizeY" type="int">34</attr></node></node>'
        for number in range(streams)
    )
    text = f'<dv version="2.0"><node name="outInfo">{info}</node></dv>'.encode()
    # A root offset, the identifier, a vtable of three slots, its table, and the text.
    header = (
        struct.pack("<I4sHHHHHHiI", 20, b"IOHE", 10, 8, 0, 0, 4, 0, 12, 4) + struct.pack("<I", len(text)) + text + b"\0\0\0\0"
    )
    content = b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(header)) + header
    for start in range(0, len(events), cut):
        some = events[start : start + cut]
        packed = np.zeros(len(some), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("on", "?"), ("", "V3")])
        for field, values in (("t", some["t"]), ("x", some["x"]), ("y", some["y"]), ("on", some["p"] > 0)):
            packed[field] = values
        body = struct.pack("<I4sHHHHiII", 16, b"EVTS", 6, 8, 4, 0, 8, 4, len(some)) + packed.tobytes()
        content += struct.pack("<II", 0, len(body) + 4) + struct.pack("<I", len(body)) + body
    path.write_bytes(content)


WRITERS: dict[str, Callable[[Path, Events], None]] = {
    ".npy": write_npy,
    ".bin": write_bin,
    ".h5": write_dsec,
    ".hdf5": write_structured,
    ".aedat4": write_aedat4,
}
LAYOUTS = {
    "dsec": write_dsec,
    "root": write_root,
    "seconds": write_seconds,
    "structured": write_structured,
    "prophesee": write_prophesee,
}
