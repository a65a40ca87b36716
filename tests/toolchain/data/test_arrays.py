"""Files of arrays: what is damaged, holds objects or lies about its size is refused, in one line that names the file."""

import pickle
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest

from snnc.toolchain.data import arrays, reading_child
from snnc.toolchain.data.arrays import open_arrays
from snnc.toolchain.errors import DataError

SAMPLES, LABELS = np.arange(24, dtype=np.uint8).reshape(6, 4), np.arange(6) % 2


def write(path: Path) -> Path:
    classes = np.array(["up", "down"])
    if path.suffix == ".npz":
        np.savez(path, samples=SAMPLES, labels=LABELS, classes=classes, other=SAMPLES)
    elif path.suffix == ".npy":
        np.save(path, SAMPLES)
        np.save(path.with_suffix(".labels.npy"), LABELS)
        path.with_suffix(".classes.txt").write_text("up\ndown\n")
    else:
        with h5py.File(path, "w") as file:
            file["samples"], file["labels"], file["classes"] = SAMPLES, LABELS, ["up", "down"]
    return path


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".h5"])
def test_every_format_holds_the_same(tmp_path: Path, suffix: str) -> None:
    found = open_arrays(write(tmp_path / f"own{suffix}"))
    assert set(found) == {"samples", "labels", "classes"}
    assert np.array_equal(found["samples"], SAMPLES) and np.array_equal(found["labels"], LABELS)
    assert found["classes"].tolist() == ["up", "down"]
    assert isinstance(found["samples"], np.memmap) == (suffix == ".npy")


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".h5"])
def test_cut_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"own{suffix}")
    path.write_bytes(path.read_bytes()[:-15])
    with pytest.raises(DataError, match=r"own\.\w+: cannot be read \(.*\); write it again"):
        open_arrays(path)


def lying(shape: tuple[int, ...]) -> bytes:
    """Return an .npy whose header claims a shape that its 24 bytes are not."""
    buffer = BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + SAMPLES.tobytes()


def test_claims_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "own.npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples.npy", lying((2**40,)))
    with pytest.raises(DataError, match="claims 1,099,511,627,776 bytes, which are not those that it holds"):
        open_arrays(path)
    mapped = write(tmp_path / "own.npy")
    mapped.write_bytes(lying((2**40,)))
    with pytest.raises(DataError, match="cannot be read"):
        open_arrays(mapped)
    monkeypatch.setattr(arrays, "MOST_UNPACKED", 20)
    for suffix in (".npz", ".h5"):
        with pytest.raises(DataError, match=r"at most 20 are read.*store the samples as \.npy"):
            open_arrays(write(tmp_path / f"own{suffix}"))


def test_no_file_runs_code(tmp_path: Path) -> None:
    objects = np.array([{}, {}], object)
    np.save(tmp_path / "own.npy", objects, allow_pickle=True)
    np.save(tmp_path / "own.labels.npy", LABELS)
    np.savez(tmp_path / "own.npz", samples=objects, labels=LABELS)
    (tmp_path / "pickled.npy").write_bytes(pickle.dumps(SAMPLES))
    np.save(tmp_path / "pickled.labels.npy", LABELS)
    for name in ("own.npy", "own.npz", "pickled.npy"):
        with pytest.raises(DataError, match="cannot be read"):
            open_arrays(tmp_path / name)


def test_an_array_that_was_never_written_is_no_array_of_zeros(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["labels"] = LABELS
        file.create_dataset("samples", (6, 2**14), "f4", chunks=True)
    with pytest.raises(DataError, match=r"/samples has the shape \(6, 16384\), but nothing was written into it"):
        open_arrays(tmp_path / "own.h5")


def test_hdf5_leads_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["labels"], file["samples"] = LABELS, h5py.ExternalLink("other.h5", "samples")
    with pytest.raises(DataError, match="it has no samples; store arrays named samples and labels"):
        open_arrays(tmp_path / "own.h5")
    layout = h5py.VirtualLayout((6, 4), np.uint8)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "samples", (6, 4))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["labels"] = LABELS
        file.create_virtual_dataset("samples", layout)
    with pytest.raises(DataError, match="/samples is no array of this file's own"):
        open_arrays(tmp_path / "own.h5")


def test_a_file_without_end_is_given_up_by_processor_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child limits itself, so that a machine that is busy with other things refuses no sound file."""
    own, endless = write(tmp_path / "own.h5"), tmp_path / "endless.py"
    child = Path(reading_child.__file__).read_text(encoding="utf-8")
    endless.write_text(
        child.replace("    limit(seconds, ", "    limit(seconds)\n    while True: pass\n    limit(seconds, "), encoding="utf-8"
    )
    monkeypatch.setattr(reading_child, "SECONDS", 1)
    assert open_arrays(own).keys() >= {"samples", "labels"}
    monkeypatch.setattr(reading_child, "__file__", str(endless))
    with pytest.raises(DataError, match="its library came to no end within 1 s; it is damaged, write it again"):
        open_arrays(own)


def test_a_harder_limit_from_outside_is_kept(tmp_path: Path) -> None:
    """As under `ulimit -t`, which no process may raise."""
    own = write(tmp_path / "own.h5")
    command = [sys.executable, "-I", reading_child.__file__, str(tmp_path), "1000", "60", "arrays", str(own), "samples"]
    limited = ["sh", "-c", 'ulimit -t 20; exec "$@"', "sh", *command]
    child = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout) == (0, "")
    assert np.array_equal(np.load(tmp_path / "samples.npy"), SAMPLES)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.npz: there is no such file; name the place where it is now"):
        open_arrays(tmp_path / "no.npz")
    np.save(tmp_path / "own.npy", SAMPLES)
    with pytest.raises(DataError, match=r"its labels are looked for in .*own\.labels\.npy"):
        open_arrays(tmp_path / "own.npy")
    np.savez(tmp_path / "own.npz", x=SAMPLES, test_labels=LABELS)
    with pytest.raises(DataError, match="it has no samples and no labels"):
        open_arrays(tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", samples=SAMPLES, labels=LABELS, test_labels=LABELS)
    with pytest.raises(DataError, match="go together"):
        open_arrays(tmp_path / "own.npz")
