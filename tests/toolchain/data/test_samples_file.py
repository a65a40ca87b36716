"""Samples of a user's own: read exactly, and refused in one line for whatever does not fit."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.data.samples_file import labelled_split, read_samples
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense

T, SHAPE = 3, (1, 2, 3)
NETWORK = Network(
    "net",
    T,
    Input(SHAPE, -5, 11, zero_point=5),
    (Layer("fc", (Dense("input", np.ones((4, 6), int)),), Lif((4,), 9, 2048)),),
    "spikes",
)


@given(st.integers(1, 4), st.booleans(), st.sampled_from(["u1", "i2", ">i4", "i8", "u8"]), st.integers(0, 9), st.booleans())
def test_samples_lose_nothing_but_the_zero_point(
    tmp_path_factory: pytest.TempPathFactory, count: int, timed: bool, kind: str, seed: int, alone: bool
) -> None:
    raw = np.random.default_rng(seed).integers(0, 17, (count, *([T] if timed else []), *SHAPE)).astype(kind)
    folder = tmp_path_factory.mktemp("samples")
    path = folder / ("own.npy" if alone else "own.npz")
    np.save(path, raw) if alone else np.savez(path, samples=raw, labels=np.arange(count))
    samples, labels = read_samples(path, NETWORK)
    assert samples.shape == ((T, count, *SHAPE) if timed else (count, *SHAPE))
    np.testing.assert_array_equal(samples.swapaxes(0, 1) + 5 if timed else samples + 5, raw.astype(int))
    assert (None if labels is None else labels.tolist()) == (None if alone else list(range(count)))
    assert read_samples(path, NETWORK, count)[0].shape == samples.shape


ONES = np.ones((2, *SHAPE), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"samples": ONES * 1.0}, "its samples are float64; the network takes integers: quantize and round them first"),
        ({"samples": ONES.astype(complex)}, "its samples are complex128"),
        ({"samples": np.array(["a"])}, "its samples are <U1"),
        ({"samples": ONES * 17}, "samples hold 12..12 after the zero point 5, the network takes -5..11"),
        ({"samples": np.full((2, *SHAPE), 2**63, np.uint64)}, "samples hold 9223372036854775803"),
        ({"samples": ONES[0]}, r"samples of shape \(1, 2, 3\); allowed are \(N, 1, 2, 3\) and \(N, 3, 1, 2, 3\)"),
        (
            {"samples": np.ones((3, 2, *SHAPE), int)},
            "have 2 time steps, the network has 3; samples come first, then time: swap",
        ),
        ({"samples": np.ones((5, 4, *SHAPE), int)}, "have 4 time steps, the network has 3$"),
        ({"samples": ONES[:0]}, "it holds no samples"),
        ({"x": ONES}, "it has no array 'samples', only x"),
        ({"samples": ONES, "labels": np.zeros(3, int)}, r"its labels are int64 of shape \(3,\); allowed are integers \(2,\)"),
        ({"samples": ONES, "labels": np.zeros(2)}, "its labels are float64"),
        (
            {"samples": ONES, "labels": np.array([0, 4])},
            r"its labels are 0\.\.4, the network has 4 outputs; count classes from 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(DataError, match=f"^{tmp_path / 'own.npz'}: .*{said}"):
        read_samples(tmp_path / "own.npz", NETWORK)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    with pytest.raises(DataError, match="no such file; name an .npz or .npy file of samples"):
        read_samples(path, NETWORK)
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="not a readable file of samples"):
        read_samples(path, NETWORK)
    np.savez(path, samples=ONES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a readable file of samples"):
        read_samples(path, NETWORK)
    np.save(tmp_path / "own.npy", ONES)
    (tmp_path / "short.npy").write_bytes((tmp_path / "own.npy").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"its array claims 12 bytes, which are not those that it holds \(11\)"):
        read_samples(tmp_path / "short.npy", NETWORK)
    (tmp_path / "own.csv").write_text("1,2")
    with pytest.raises(DataError, match="must end in .npz or .npy; write one with numpy.savez"):
        read_samples(tmp_path / "own.csv", NETWORK)
    with pytest.raises(DataError, match="it has no array 'labels'; add one"):
        labelled_split(tmp_path / "own.npy", NETWORK)
    with pytest.raises(DataError, match="3 samples were asked for; allowed are 1 to 2"):
        read_samples(tmp_path / "own.npy", NETWORK, 3)


def test_nothing_in_a_file_is_run_and_no_size_is_believed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "own.npz"
    np.savez(path, samples=np.array([Evil()], object))
    with pytest.raises(DataError, match="its samples are object"):
        read_samples(path, NETWORK)
    np.savez(path, samples=ONES, labels=np.array([Evil(), Evil()], object))
    with pytest.raises(DataError, match="its labels are object"):
        read_samples(path, NETWORK)
    assert not (tmp_path / "ran").exists()
    with zipfile.ZipFile(path, "w") as archive, archive.open("samples.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**9, *SHAPE)})
    with pytest.raises(DataError, match="its arrays claim 6,000,000,000 bytes"):
        read_samples(path, NETWORK)
