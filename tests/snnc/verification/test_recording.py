"""Recordings are read from .npz files and folders, in both orders of axes; what does not fit is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import example

from snnc.toolchain.errors import DataError
from snnc.verification.recording import read_recording


@pytest.mark.parametrize("lava", [False, True])
def test_folders_hold_the_same(tmp_path: Path, lava: bool) -> None:
    network, arrays = example()
    names = {"spikes": "", "u": "-u", "v": "-v"}
    for name, values in arrays.items():
        kind, _, layer = name.partition("/")
        if kind in names:
            ordered = values.transpose(*range(values.ndim - 1, 0, -1), 0) if lava else values
            np.save(tmp_path / f"{layer}{names[kind]}.npy", ordered.astype(np.float64))
    np.save(tmp_path / "image.npy", arrays["input"][0].transpose())
    recording = read_recording(tmp_path, network)
    assert recording.samples is not None and np.array_equal(recording.samples, arrays["input"][:1])
    assert not recording.resets_shown
    assert len(recording.arrays) == 18
    assert all(np.array_equal(recording.arrays[name], arrays[name]) for name in recording.arrays)


def test_other_names_are_known_by_their_shapes(tmp_path: Path) -> None:
    network, arrays = example()
    np.save(tmp_path / "conv-0.npy", arrays["spikes/block2a"].transpose(3, 2, 1, 0))
    np.save(tmp_path / "conv-0-s.npy", arrays["spikes/block2a"].transpose(3, 2, 1, 0))
    np.save(tmp_path / "fc.npy", arrays["spikes/out"][:-2].transpose())
    np.save(tmp_path / "other.npy", np.zeros((7, 7, 7)))
    np.save(tmp_path / "conv-0-u.npy", arrays["u/block2a"].transpose(3, 2, 1, 0))
    recording = read_recording(tmp_path, network)
    assert set(recording.arrays) == {"spikes/block2a", "u/block2a"}
    assert set(recording.left_out) == {"conv-0-s", "out", "other"}
    assert "it is of another run" in recording.left_out["out"]


def changed(arrays: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {**arrays, name: value}


def test_a_number_may_be_an_array_of_one(tmp_path: Path) -> None:
    network, arrays = example()
    np.savez(tmp_path / "a.npz", **changed(arrays, "timesteps", np.array([5])))
    assert read_recording(tmp_path / "a.npz", network).timesteps == 5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("spikes/stem", np.zeros((18, 4, 6, 5)), r"spikes/stem has shape \(18, 4, 6, 5\); allowed is \(steps, 4, 6, 6\)"),
        ("spikes/stem", np.full((18, 4, 6, 6), 0.5), "spikes/stem holds values that are no whole numbers"),
        ("spikes/stem", np.zeros((3, 4, 6, 6)), "its arrays have 3, [0-9]+ steps; all must have the same number"),
        ("spikes/stem", np.array(["a"], object), "not a readable recording"),
        ("spikes/stem", np.full((18, 4, 6, 6), np.nan), "spikes/stem holds values that are no whole numbers"),
        ("offset/stem", np.array(-1), "offset/stem is -1; allowed is 0 and more"),
        ("timesteps", np.array(-5), "timesteps is -5; allowed is 1 and more"),
        ("timesteps", np.array([5, 5]), r"timesteps has shape \(2,\); allowed is one number"),
        ("timesteps", np.array([]), r"timesteps has shape \(0,\); allowed is one number"),
        ("timesteps", np.array(2.5), "timesteps holds values that are no whole numbers"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, name: str, value: np.ndarray, message: str) -> None:
    network, arrays = example()
    np.savez(tmp_path / "a.npz", **changed(arrays, name, value))
    with pytest.raises(DataError, match=rf"a\.npz: .*{message}"):
        read_recording(tmp_path / "a.npz", network)


def test_recordings_of_nothing_are_refused(tmp_path: Path) -> None:
    network, _ = example()
    np.savez(tmp_path / "a.npz", timesteps=5)
    (tmp_path / "empty").mkdir()
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-30])
    none, unreadable = "spikes of none of the layers stem", "not a readable recording"
    damaged = [(name, unreadable) for name in ("b.npz", "c.npz", "cut.npz")]
    for name, message in (("a.npz", none), ("empty", none), *damaged):
        with pytest.raises(DataError, match=message):
            read_recording(tmp_path / name, network)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, arrays = example()
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr("snnc.verification.recording.MOST_BYTES", (tmp_path / "a.npz").stat().st_size + 1)
    with pytest.raises(DataError, match="it unpacks to more than"):
        read_recording(tmp_path / "a.npz", network)


def test_unknown_layers_are_left_out(tmp_path: Path) -> None:
    network, arrays = example()
    np.savez(tmp_path / "a.npz", **changed(arrays, "spikes/other", np.zeros((18, 2))))
    assert read_recording(tmp_path / "a.npz", network).left_out == {"spikes/other": "the network has no layer of that name"}
