"""Walks through an HDF5 file and takes all of it apart, refusing what claims more than it holds or leads out of the file.

Run as a script it does so with the file on its standard input and answers on its standard output (tree.py reads that). libhdf5
may loop for ever or crash on a damaged file, so nobody else opens one with it. Imports nothing of snnc: it must start quickly.
"""

import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

PACKING = 1100  # bytes that gzip can make of one
DEEPEST = 40  # groups inside groups
MOST_OBJECTS = 100_000
MOST_ATTRIBUTES = 1000  # of one object
MOST_TEXT = 2**26  # bytes of all texts together
FEWEST_BYTES = 2**28  # that any file may unpack to ...
GROWTH = 32  # ... and how many times its own size; weights of -1, 0 and 1 in 32 bits take a twentieth when packed
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
ALIGNMENT = 64
SECONDS = 5  # of one processor, for a small file
BYTES_PER_SECOND = 2**24  # of the file itself, for large ones
START = 2**29  # bytes of memory beyond the file's, before its sizes are known


class Refused(Exception):
    """The file is not to be read; the text says why."""


class Walk:
    """One pass over a file: `describe` judges every object and returns what is JSON of it, `arrays` then yields the rest."""

    def __init__(self, file_bytes: int):
        """Start with nothing seen; `file_bytes` is the size of the file."""
        self.most = max(FEWEST_BYTES, GROWTH * file_bytes)
        self.seen: set[int] = set()
        self.total = self.text = self.end = 0
        self.found: list[tuple[int, h5py.Dataset]] = []

    def describe(self, group: h5py.Group, depth: int = 0) -> dict[str, Any]:
        """Return a group as JSON values. Raises Refused."""
        if depth > DEEPEST:
            raise Refused(f"{group.name} lies more than {DEEPEST} groups deep")
        members = {}
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Refused(f"{group.name}/{name} is a link to elsewhere")
            entry = group[name]
            self._note(entry)
            if isinstance(entry, h5py.Group):
                members[name] = self.describe(entry, depth + 1)
            elif isinstance(entry, h5py.Dataset):
                members[name] = self._dataset(entry)
            else:
                raise Refused(f"{entry.name} is neither a group nor an array")
        return {"members": members, "attributes": self._attributes(group)}

    def arrays(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes of all arrays, with what lies between them."""
        position = 0
        for start, dataset in self.found:
            values = np.ascontiguousarray(dataset[()])
            yield b"\0" * (start - position)
            yield values.reshape(-1).view(np.uint8).data if values.size else b""
            position = start + values.nbytes

    def _note(self, entry: Any) -> None:
        """Remember an object; one that two names share could be written out without end."""
        address = h5py.h5o.get_info(entry.id).addr
        if address in self.seen:
            raise Refused(f"{entry.name} is stored under two names")
        self.seen.add(address)
        if len(self.seen) > MOST_OBJECTS:
            raise Refused(f"it holds more than {MOST_OBJECTS:,} objects")

    def _dataset(self, entry: h5py.Dataset) -> dict[str, Any]:
        self._check_storage(entry)
        attributes = self._attributes(entry)
        if h5py.check_string_dtype(entry.dtype) is not None and entry.dtype.kind == "O":
            return {"text": self._texts(entry), "shape": list(entry.shape), "attributes": attributes}
        if entry.dtype.kind not in "biufS" or entry.dtype.fields or entry.dtype.subdtype:
            raise Refused(f"{entry.name} is of type {entry.dtype}; allowed are numbers and texts")
        start = -(-self.end // ALIGNMENT) * ALIGNMENT
        self.found.append((start, entry))
        self.end = start + entry.size * entry.dtype.itemsize
        return {"dtype": entry.dtype.str, "shape": list(entry.shape), "at": start, "attributes": attributes}

    def _check_storage(self, entry: h5py.Dataset) -> None:
        if entry.external or entry.is_virtual:
            raise Refused(f"{entry.name} keeps its numbers in another file")
        if entry.shape is None:
            raise Refused(f"{entry.name} is empty")
        properties = entry.id.get_create_plist()
        used = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
        if not used <= FILTERS:
            raise Refused(f"{entry.name} is packed by filter {min(used - FILTERS)}; allowed are gzip, lzf, shuffle, fletcher32")
        size, stored = entry.size * entry.dtype.itemsize, entry.id.get_storage_size()
        chunk = int(np.prod(entry.chunks, dtype=np.float64)) * entry.dtype.itemsize if entry.chunks else 0
        if size > PACKING * stored or chunk > max(self.most, PACKING * stored):
            raise Refused(f"{entry.name} claims the shape {entry.shape}, which the file does not hold")
        self.total += size
        if self.total > self.most:
            raise Refused(f"it unpacks to {self.total:,} bytes or more; allowed are {self.most:,} for a file of its size")

    def _texts(self, entry: h5py.Dataset) -> list[str]:
        texts = [bytes(each) for each in np.ravel(entry[()])]
        self._count(sum(map(len, texts)))
        return [text.decode("latin-1") for text in texts]

    def _attributes(self, entry: Any) -> dict[str, Any]:
        if len(entry.attrs) > MOST_ATTRIBUTES:
            raise Refused(f"{entry.name} has {len(entry.attrs):,} attributes; allowed are {MOST_ATTRIBUTES}")
        found = {}
        for name in entry.attrs:
            if entry.attrs.get_id(name).shape != ():
                raise Refused(f"attribute {name!r} of {entry.name} is no single value")
            value = entry.attrs[name]
            if not isinstance(value, str | np.integer | np.floating | np.bool_):
                raise Refused(f"attribute {name!r} of {entry.name} is no number and no text")
            self._count(len(value) if isinstance(value, str) else 0)
            found[name] = value if isinstance(value, str) else value.item()
        return found

    def _count(self, characters: int) -> None:
        self.text += characters
        if self.text > MOST_TEXT:
            raise Refused(f"it holds more than {MOST_TEXT:,} bytes of text")


def seconds_for(file_bytes: int) -> float:
    """Return how long reading a file may take."""
    return SECONDS + file_bytes / BYTES_PER_SECOND


def limit(memory: int, seconds: float) -> None:
    """Limit this process to so many more bytes of memory and seconds of a processor, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: who started this process still ends it in time
        return
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass  # a system that counts otherwise, or a harder limit from outside
    whole = int(seconds) + 1
    _, outside = resource.getrlimit(resource.RLIMIT_CPU)  # nobody may raise a limit from outside, such as ulimit -t
    hard = whole + 1 if outside == resource.RLIM_INFINITY else min(whole + 1, outside)
    resource.setrlimit(resource.RLIMIT_CPU, (min(whole, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(content: bytes, seconds: float | None = None) -> Iterator[bytes | memoryview]:
    """Yield the answer about a file: eight bytes of length, JSON, and the arrays; of a refused file only JSON.

    With `seconds`, this process is limited to those and to the memory that the arrays can need, for good.
    """
    arrays: Iterator[bytes | memoryview] = iter(())
    try:
        file = h5py.File(BytesIO(content), "r")
        walk = Walk(len(content))
        head: dict[str, Any] = {"group": walk.describe(file)}
        if seconds is not None:
            limit(2 * walk.total + START, seconds)
        arrays = walk.arrays()
    except Refused as error:
        head = {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever h5py makes of damaged bytes
        head = {"unreadable": f"{type(error).__name__}: {error}"}
    text = json.dumps(head).encode()
    yield len(text).to_bytes(8, "little")
    yield text + b" " * (-(8 + len(text)) % ALIGNMENT)
    yield from arrays


def main() -> None:
    """Answer about the file on standard input, within so many seconds of a processor."""
    content, seconds = sys.stdin.buffer.read(), float(sys.argv[1])
    limit(START + len(content), seconds)
    for part in answer(content, seconds):
        sys.stdout.buffer.write(part)


if __name__ == "__main__":
    main()
