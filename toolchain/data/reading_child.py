"""Reads files of others whose libraries may crash or loop for ever on a damaged one, HDF5 and AEDAT4, as a process of its own.

`python reading_child.py FOLDER MOST_BYTES SECONDS arrays FILE NAME...` writes FOLDER/NAME.npy of each array that there is in an
HDF5 file. `... events FILE...` writes FOLDER/NUMBER.npy of recordings, of the first ones if all would be much, as structured
arrays with the fields t, x, y and p. Either exits with 1, or with 3 if a package is missing, after one line that says why a
file is refused, and ends itself after so many seconds of a processor, however busy the machine is. Imports nothing of snnc: it
must start quickly.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SECONDS = 60  # of one processor that the process may take, and more for large files
BYTES_PER_SECOND = 2**22
ENOUGH = 2**27  # bytes of events after which no further recording is begun
START = 2**30  # bytes of memory beyond those of the events, and of two copies of them
MISSING = 3  # what the process ends with if a package is missing
FIELDS = {  # of an event, and the names that common files give them
    "t": ("t", "ts", "timestamp", "timestamps"),
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "p": ("p", "ps", "polarity", "polarities", "on"),
}
PLACES = ("events", "CD/events", "")  # of the events in an HDF5 file: as in DSEC, Prophesee's files, or at its root


class Missing(Exception):
    """A package is not installed; the text says what needs it."""


def array_of(entry: Any) -> Any:
    """Return the numbers, or the texts, of an array. Raises ValueError for what leads out of the file or is no array."""
    import h5py
    import numpy as np

    if not isinstance(entry, h5py.Dataset) or entry.is_virtual or entry.external:
        raise ValueError(f"{entry.name} is no array of this file's own")
    check_written(entry)
    if h5py.check_string_dtype(entry.dtype):
        return np.array([str(text) for text in entry.asstr()[...].ravel()]).astype(np.str_)
    if entry.dtype.kind not in "iufb":
        raise ValueError(f"{entry.name} holds no numbers, but {entry.dtype}")
    return entry[...]


def write_arrays(folder: str, most: int, file: str, names: list[str]) -> None:
    """Write arrays of an HDF5 file. Raises ValueError for more than `most` bytes, OSError for a damaged file."""
    import h5py
    import numpy as np

    with h5py.File(file, "r") as stored:
        kept = [name for name in names if isinstance(stored.get(name, getlink=True), h5py.HardLink)]
        size = sum(int(stored[name].nbytes) for name in kept if isinstance(stored[name], h5py.Dataset))
        if size > most:
            raise ValueError(f"its arrays take {size:,} bytes, at most {most:,} are read; store the samples as .npy")
        for name in kept:
            np.save(Path(folder, name), array_of(stored[name]), allow_pickle=False)


def write_events(folder: str, most: int, files: list[str]) -> None:
    """Write recordings, each whole or not at all. Raises ValueError for one of more than `most` bytes, or without events."""
    import numpy as np

    written = 0
    for number, file in enumerate(files):
        events = (aedat4_events if file.lower().endswith(".aedat4") else hdf5_events)(file, most)
        temporary, written = Path(folder, "unfinished.npy"), written + events.nbytes
        np.save(temporary, events, allow_pickle=False)
        os.replace(temporary, Path(folder, f"{number}.npy"))
        if written > ENOUGH:
            return


def hdf5_events(file: str, most: int) -> Any:
    """Return the events of an HDF5 file: a structured array, or an array of each field, in one of PLACES."""
    import h5py

    with h5py.File(file, "r") as stored:
        for place in PLACES:
            if (events := events_in(own_entry(stored, place), most)) is not None:
                return events
    raise ValueError("it has no arrays t, x, y and p, neither in a group 'events' nor at its root")


def events_in(entry: Any, most: int) -> Any:
    """Return the events in a structured array, or in a group of arrays; None if they are not there."""
    import h5py

    if isinstance(entry, h5py.Dataset) and entry.dtype.names:
        check_array(entry, most)
        return together(entry.dtype.names, lambda name: entry.fields(name)[...])
    found = fields_among(entry) if isinstance(entry, h5py.Group) else {}
    if len(found) < len(FIELDS):
        return None
    arrays = {name: own_entry(entry, name) for name in found.values()}
    for array in arrays.values():
        check_array(array, most // len(FIELDS))
    return together(arrays, lambda name: array_of(arrays[name]))


def own_entry(group: Any, path: str) -> Any:
    """Return what lies at a path, or None if it is not there or a link leads out of the file."""
    import h5py

    for name in filter(None, path.split("/")):
        if not (isinstance(group, h5py.Group) and isinstance(group.get(name, getlink=True), h5py.HardLink)):
            return None
        group = group[name]
    return group


def fields_among(names: Iterable[str]) -> dict[str, str]:
    """Return which of some names stands for each field of an event."""
    there = set(names)
    found = {field: next((name for name in known if name in there), "") for field, known in FIELDS.items()}
    return {field: name for field, name in found.items() if name}


def check_array(array: Any, most: int) -> None:
    """Raise ValueError for what is no list of events that can be read, Missing for a compression of hdf5plugin's."""
    import h5py

    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external or array.ndim != 1:
        raise ValueError(f"{array.name if array else 'an array'} is no list of this file's own")
    if array.nbytes > most:
        raise ValueError(f"{array.name} takes {array.nbytes:,} bytes, at most {most:,} are read; cut the recording in parts")
    properties = array.id.get_create_plist()
    for code in (properties.get_filter(index)[0] for index in range(properties.get_nfilters())):
        if h5py.h5z.filter_avail(code):
            continue
        try:
            import hdf5plugin  # noqa: F401 - registers its filters
        except ImportError:
            raise Missing(f"{array.name} is packed by filter {code}, as in DSEC, which needs hdf5plugin") from None
        if not h5py.h5z.filter_avail(code):
            raise ValueError(f"{array.name} is packed by filter {code}, which nothing here knows; store it with gzip")
    check_written(array)


def check_written(array: Any) -> None:
    """Raise ValueError for an array that was made and never written, which would read as zeros, however large."""
    if array.nbytes and not array.id.get_storage_size():
        raise ValueError(f"{array.name} has the shape {array.shape}, but nothing was written into it")


def together(names: Iterable[str], read: Any) -> Any:
    """Return a structured array of the fields of events, each read by its name in the file."""
    import numpy as np

    found = fields_among(names)
    if len(found) < len(FIELDS):
        raise ValueError(f"its events have the fields {', '.join(names)}; store t, x, y and p")
    columns = {field: read(name) for field, name in found.items()}
    if len({column.shape for column in columns.values()}) > 1:
        raise ValueError(f"t, x, y and p are of different lengths, {[len(column) for column in columns.values()]}")
    events = np.empty(len(columns["t"]), [(field, column.dtype) for field, column in columns.items()])
    for field, column in columns.items():
        events[field] = column
    return events


def aedat4_events(file: str, most: int) -> Any:
    """Return the events of an AEDAT4 file, of its only stream that has any."""
    import numpy as np

    try:
        import aedat
    except ImportError:
        raise Missing("AEDAT4 needs the package aedat") from None
    decoder = aedat.Decoder(file)
    streams = [stream for stream in decoder.id_to_stream().values() if stream["type"] == "events"]
    if len(streams) != 1:
        raise ValueError(f"it has {len(streams)} streams of events; allowed is one, of one camera")
    parts, size = [], 0
    for part in (packet["events"] for packet in decoder if "events" in packet):
        parts.append(part)
        size += part.nbytes
        if size > most:
            raise ValueError(f"its events take more than {most:,} bytes; cut the recording in parts")
    events = np.concatenate(parts) if parts else np.zeros(0, [(field, np.int64) for field in FIELDS])
    return together(events.dtype.names or (), lambda name: events[name])


def limit(seconds: int, memory: int = 0) -> None:
    """Give this process so many seconds of a processor, and so many more bytes of memory, if any, for good."""
    try:
        import resource
    except ImportError:  # Windows: who started this process still ends it in time
        return
    _, outside = resource.getrlimit(resource.RLIMIT_CPU)  # nobody may raise a limit from outside, such as ulimit -t
    hard = seconds + 1 if outside == resource.RLIM_INFINITY else min(seconds + 1, outside)
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            pass  # a system that counts otherwise, or a harder limit from outside


def main(folder: str, most: int, seconds: int, what: str, files: list[str]) -> None:
    """Read arrays or events within limits."""
    limit(seconds, 3 * most + START if what == "events" else 0)
    if what == "events":
        write_events(folder, most, files)
    else:
        write_arrays(folder, most, files[0], files[1:])


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
    except Missing as error:
        print(error)
        sys.exit(MISSING)
    except Exception as error:  # noqa: BLE001 - whatever the libraries find in a damaged file
        print(" ".join(str(error).split())[:300] or type(error).__name__)
        sys.exit(1)
