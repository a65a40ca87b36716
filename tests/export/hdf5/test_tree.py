"""Any HDF5 file is taken apart as it is, or refused in one line, soon and without much memory."""

import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest

from snnc.export.hdf5 import walk
from snnc.export.hdf5.tree import Group, own_tree, read_tree
from snnc.toolchain.errors import FileFormatError

Write = Callable[[h5py.File], object]


def made(write: Write) -> bytes:
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def everything(file: h5py.File) -> None:
    file["group/whole"] = np.arange(6, dtype=np.int16).reshape(2, 3)
    file["group/real"] = 0.5
    file["group/yes"] = True
    file["group/text"] = "ternär"
    file["group/names"] = np.array([[b"a", b"bcd"], [b"", b"e"]], object)
    file["group/fixed"] = np.array([b"conv"])
    file["group/nothing"] = np.zeros((0, 3), np.float32)
    file.create_dataset("packed", data=np.arange(1000.0), compression="gzip", shuffle=True)
    file["group"].attrs.update(number=3, share=0.25, name="größe", yes=True)


@pytest.mark.parametrize("read", [read_tree, own_tree])
def test_everything_is_read_as_it_was_written(read: Callable[[bytes], Group]) -> None:
    root = read(made(everything))
    group = root.group("group")
    assert group.array("whole").dtype == np.int16 and group.array("whole").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert group.array("real")[()] == 0.5 and group.array("yes")[()].item() is True
    assert bytes(group.array("text")[()]).decode() == "ternär"
    assert group.array("names").tolist() == [[b"a", b"bcd"], [b"", b"e"]]
    assert group.array("fixed").tolist() == [b"conv"]
    assert group.array("nothing").shape == (0, 3)
    assert np.array_equal(root.array("packed"), np.arange(1000.0))
    assert group.attributes == {"number": 3, "share": 0.25, "name": "größe", "yes": True}
    with pytest.raises(FileFormatError, match="no group '/group/real'"):
        group.group("real")
    with pytest.raises(FileFormatError, match="no array '/group'"):
        root.array("group")


def chain(file: h5py.File) -> None:
    group = file
    for _ in range(walk.DEEPEST + 2):
        group = group.create_group("in")


def external(file: h5py.File) -> None:
    file.create_dataset("x", (4,), "i1", external=[("/etc/hostname", 0, 4)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "i1")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def zeros(file: h5py.File) -> None:
    file.create_dataset("x", data=np.zeros(2**29, np.int8), chunks=(2**24,), compression="gzip", compression_opts=9)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "/x is a link to elsewhere"),
        (lambda file: file.__setitem__("x", h5py.ExternalLink("pipe", "/y")), "/x is a link to elsewhere"),
        (lambda file: (file.create_group("a"), file.__setitem__("b", file["a"])), "/b is stored under two names"),
        (lambda file: (file.create_group("a"), file["a"].__setitem__("b", file["a"])), "/a/b is stored under two names"),
        (chain, "groups deep"),
        (external, "/x keeps its numbers in another file"),
        (virtual, "/x keeps its numbers in another file"),
        (
            lambda file: file.create_dataset("x", (2**20, 2**20), "f4", chunks=(64, 64)),
            r"/x claims the shape \(1048576, 1048576",
        ),
        (zeros, "it unpacks to 536,870,912 bytes or more; allowed are 268,435,456 for a file of its size"),
        (lambda file: file.__setitem__("x", h5py.Empty("f4")), "/x is empty"),
        (lambda file: file.__setitem__("x", np.array([(1, 2.0)], "i4,f8")), "/x is of type .*; allowed are numbers and texts"),
        (lambda file: file.__setitem__("x", np.dtype("i4")), "/x is neither a group nor an array"),
        (lambda file: file.attrs.__setitem__("x", np.arange(3)), "attribute 'x' of / is no single value"),
        (lambda file: file.create_dataset("x", data=np.arange(9), scaleoffset=4, chunks=(9,)), "/x is packed by filter 6"),
    ],
)
def test_what_leads_out_or_claims_too_much_is_refused(write: Write, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_tree(made(write))


@pytest.mark.parametrize("content", [b"", b"text", made(everything)[:500], made(everything)[:-10]])
def test_no_hdf5_is_one_line(content: bytes) -> None:
    with pytest.raises(FileFormatError, match="not a readable HDF5 file") as caught:
        read_tree(content)
    assert "\n" not in str(caught.value)


def test_every_byte_of_a_file_may_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Single bytes of the global heap's header made libhdf5 loop for ever."""
    monkeypatch.setattr(walk, "SECONDS", 1)
    content = made(lambda file: file.__setitem__("text", "some text that lies in the global heap"))
    heap = content.index(b"GCOL")
    for place in range(heap, heap + 32):
        started = time.monotonic()
        changed = bytearray(content)
        changed[place] ^= 0xFF
        try:
            read_tree(bytes(changed))
        except FileFormatError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
        assert time.monotonic() - started < 30


def ended(code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return what is said when the reading process runs some code instead."""
    script = tmp_path / "instead.py"
    script.write_text(code)
    monkeypatch.setattr(walk, "__file__", str(script))
    monkeypatch.setattr(walk, "SECONDS", 0)
    read_tree.cache_clear()
    with pytest.raises(FileFormatError) as caught:
        read_tree(made(everything))
    return str(caught.value)


def test_a_process_that_loops_or_dies_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert ended("while True: pass", monkeypatch, tmp_path) == "libhdf5 came to no end within 1 s; it is damaged"
    killed = "import os; os.kill(os.getpid(), 11)"
    assert ended(killed, monkeypatch, tmp_path) == "libhdf5 failed on it (it was ended by signal 11); it is damaged"
    failed = ended("raise MemoryError('much')", monkeypatch, tmp_path)
    assert failed == "libhdf5 failed on it (MemoryError: much); it is damaged"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")
def test_the_reading_process_is_limited() -> None:
    code = "from snnc.export.hdf5 import walk; walk.limit(2**28, 1)\n"
    greedy = subprocess.run([sys.executable, "-c", code + "bytes(2**29)"], capture_output=True, text=True, check=False)
    assert "MemoryError" in greedy.stderr
    endless = subprocess.run([sys.executable, "-c", code + "while True: pass"], capture_output=True, check=False, timeout=20)
    assert endless.returncode < 0


def test_a_harder_limit_from_outside_is_kept() -> None:
    """As under `ulimit -t`, which no process may raise."""
    code = "from snnc.export.hdf5 import walk; walk.limit(2**28, 60); "
    code += "import resource; print(resource.getrlimit(resource.RLIMIT_CPU))"
    limited = ["sh", "-c", 'ulimit -t 20; exec "$@"', "sh", sys.executable, "-c", code]
    assert subprocess.run(limited, capture_output=True, text=True, check=True).stdout == "(20, 20)\n"


def test_nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes are read once: commands ask for a file several times."""
    content = made(everything)
    assert read_tree(content) is read_tree(content)
    monkeypatch.setattr(subprocess, "run", None)
    assert read_tree(content).members
