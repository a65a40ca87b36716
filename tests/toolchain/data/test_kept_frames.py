"""Frames that are kept: made once, found wherever their folder lies, made anew when anything differs, and never half there."""

import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from event_recordings import WRITERS, drawn
from hypothesis import given
from hypothesis import strategies as st
from training_runs import TINY

from snnc.cli.main import main
from snnc.toolchain.data import kept_frames
from snnc.toolchain.data.dataset import Dataset, Split, chip_input
from snnc.toolchain.data.events import binned
from snnc.toolchain.data.kept_frames import Frames
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError
from snnc.toolchain.seal import LENGTH, sealed
from snnc.training import train

SENSOR = (6, 4)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SNNC_DATA", raising=False)
    monkeypatch.delenv("SNNC_FRAMES", raising=False)


@pytest.fixture
def moves() -> Path:
    return write(Path("moves"))


def write(folder: Path, suffix: str = ".npy", count: int = 5) -> Path:
    for label in "ab":
        (folder / label).mkdir(parents=True)
        for number in range(count):
            WRITERS[suffix](folder / label / f"{number}{suffix}", drawn(30, number + (100 if label == "b" else 0)))
    return folder


def files(place: str = "data/.frames") -> list[Path]:
    return sorted(Path(place).iterdir()) if Path(place).is_dir() else []


def values(dataset: Dataset) -> list[bytes]:
    return [split.samples[:].tobytes() for split in (dataset.train, dataset.test)]


def stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise AssertionError("recordings were read again")

    monkeypatch.setattr(kept_frames, "read_recordings", fail)


@pytest.mark.parametrize("suffix", WRITERS)
def test_frames_of_every_suffix_are_made_once(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    if suffix == ".aedat4":
        pytest.importorskip("aedat")
    first = load_dataset(str(write(Path("moves"), suffix)), 3)
    stop(monkeypatch)
    again = load_dataset("moves", 3)
    assert values(again) == values(first) and len(files()) == 1
    expected = np.stack([binned(drawn(30, number), SENSOR, (3, 2, 4, 6)) for number in range(5)], axis=1)
    whole = {each.tobytes() for split in (again.train, again.test) for each in split.samples[:].swapaxes(0, 1)}
    assert {each.tobytes() for each in expected.swapaxes(0, 1)} <= whole


def test_the_first_start_says_what_it_reads_and_how_far_it_is(
    moves: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "snnc")
    load_dataset(str(moves), 3)
    assert caplog.messages == ["reading 10 recordings into data/.frames, once"]
    load_dataset(str(moves), 3)
    assert len(caplog.messages) == 1
    monkeypatch.setattr(kept_frames, "SECONDS", 0.0)
    monkeypatch.setenv("SNNC_FRAMES", "off")
    load_dataset(str(moves), 3)
    assert caplog.messages[1] == "reading 10 recordings, as every start will: their frames are not kept on disk"
    assert "9 of 10 recordings measured" in caplog.messages and caplog.messages[-1] == "9 of 10 recordings binned"


def test_commands_show_it_unless_asked_for_silence(moves: Path) -> None:
    command = ["train", "--data", str(moves), "--timesteps", "3", "--model", "mlp", "--dry-run"]
    shown = CliRunner().invoke(main, command)
    assert shown.stdout.startswith("reading 10 recordings into data/.frames, once\n"), shown.output
    shutil.rmtree("data")
    silent = CliRunner().invoke(main, [*command, "--json"])
    assert silent.stdout.startswith("{") and not silent.stderr, silent.output
    assert not logging.getLogger("snnc").isEnabledFor(logging.INFO)  # what processes of a sweep ask


def test_frames_are_an_array_in_all_but_their_place(moves: Path) -> None:
    dataset = load_dataset(str(moves), 3)
    samples = dataset.train.samples
    assert isinstance(samples, Frames) and isinstance(samples.bits, np.memmap)
    array = samples[:]
    assert (samples.shape, samples.dtype, samples.ndim, samples.size) == (array.shape, array.dtype, array.ndim, array.size)
    assert samples.shape == (3, 8, 2, 4, 6) and samples.dtype == np.uint8 and (samples.min(), samples.max()) == (0, 1)
    odd = np.arange(8) % 2 == 1
    for which in (slice(1, 7, 2), np.array([4, 0, 4]), odd, np.array([], np.int64)):
        assert np.array_equal(samples[which], array[:, which])
    assert np.array_equal(samples[2], array[:, 2])
    assert np.array_equal(dataset.train.subset(odd).first(2).samples[:], array[:, odd][:, :2])
    assert np.array_equal(chip_input(dataset.train, dataset.input), array)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_any_frames_come_back(count: int, height: int, width: int, seed: int) -> None:
    """Rows of bits end anywhere in a byte."""
    frames = np.random.default_rng(seed).integers(0, 2, (count, 3, 2, height, width), np.uint8)
    kept = Frames(np.packbits(frames.reshape(count, -1), axis=1), (3, 2, height, width), np.arange(count))
    assert np.array_equal(kept[:].swapaxes(0, 1), frames)


def test_whatever_changes_makes_them_anew(moves: Path) -> None:
    first = values(load_dataset(str(moves), 3))
    (before,) = files()
    WRITERS[".npy"](moves / "a" / "0.npy", drawn(40, 7))
    changed = values(load_dataset(str(moves), 3))
    assert changed != first and before not in files() and len(files()) == 1  # the others are of no use any more
    os.utime(moves / "a" / "0.npy", ns=(0, 0))
    (before,) = files()
    assert values(load_dataset(str(moves), 3)) == changed and before not in files()
    (moves / "a" / "0.npy").rename(moves / "a" / "9.npy")
    assert values(load_dataset(str(moves), 3)) != changed and len(files()) == 1
    for others in ({"timesteps": 4}, {"timesteps": 3, "image_size": 5}):
        load_dataset(str(moves), **others)
    load_dataset(f"{moves}:bins=count", 3)
    assert len(files()) == 4
    load_dataset(f"{moves}:test=0.5,seed=3", 3)
    assert len(files()) == 4  # all frames are in one file, however they are divided


def test_a_folder_that_moved_keeps_its_frames(moves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = values(load_dataset(str(moves), 3))
    Path("elsewhere").mkdir()
    shutil.move(moves, "elsewhere/moved")
    with monkeypatch.context() as patch:
        stop(patch)
        assert values(load_dataset("elsewhere/moved", 3)) == first
    WRITERS[".npy"](Path("elsewhere/moved/a/0.npy"), drawn(40, 7))
    load_dataset("elsewhere/moved", 3)
    assert len(files()) == 1


def test_a_square_sensor_needs_no_second_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported network says the side of its frames, not whether that is the sensor's."""
    monkeypatch.setattr("event_recordings.drawn.__defaults__", (0, (5, 5)))
    first = values(load_dataset(str(write(Path("moves"))), 3))
    stop(monkeypatch)
    assert values(load_dataset("moves", 3, 5)) == first
    with pytest.raises(AssertionError, match="read again"):
        load_dataset("moves", 3, 6)


def test_damaged_and_foreign_frames_are_made_anew(moves: Path) -> None:
    first = values(load_dataset(str(moves), 3))
    (path,) = files()
    whole = path.read_bytes()
    body = whole[:-LENGTH]
    key = path.stem.split("-")[1]
    heads = (f'["{key}", 6, 5]', f'["{key}", 24, 1.0]', f'["{key}"]', "{", "[[], [], []]", f'["{key[::-1]}", 4, 6]')
    shapes = [sealed(b"snnc frames 1\n" + text.encode().ljust(4082) + body[4096:]) for text in heads]
    flipped = bytearray(whole)
    flipped[4100] ^= 1
    for damaged in (b"", b"damaged", whole[:-50], bytes(flipped), sealed(body[:-1]), sealed(b"other" + body[5:]), *shapes):
        path.write_bytes(damaged)
        assert values(load_dataset(str(moves), 3)) == first
        assert path.read_bytes() == whole and files() == [path]
    path.unlink()
    path.mkdir()
    assert values(load_dataset(str(moves), 3)) == first  # made in memory, and the folder is left


def test_where_they_are_kept_and_how_to_have_none(moves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNC_FRAMES", "off")
    first = load_dataset(str(moves), 3)
    assert not Path("data").exists() and not isinstance(first.train.samples.bits, np.memmap)
    monkeypatch.setenv("SNNC_FRAMES", "here")
    assert values(load_dataset(str(moves), 3)) == values(first) and len(files("here")) == 1
    monkeypatch.delenv("SNNC_FRAMES")
    monkeypatch.setenv("SNNC_DATA", "there")
    assert values(load_dataset(str(moves), 3)) == values(first) and len(files("there/.frames")) == 1


def test_what_cannot_be_kept_is_made_in_memory(moves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data").write_text("no folder")
    kept = load_dataset(str(moves), 3)
    assert not isinstance(kept.train.samples.bits, np.memmap)
    monkeypatch.setattr(kept_frames, "MOST_BYTES", 100)
    with pytest.raises(
        DataError, match=r"10 recordings as frames \(3, 2, 4, 6\) take 180 bytes, memory has 100, and their frames cannot"
    ):
        load_dataset(str(moves), 3)
    Path("data").unlink()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(
        DataError, match=r"data/[.]frames has 1; set image_size, such as 32, or name a folder .* in SNNC_FRAMES"
    ):
        load_dataset(str(moves), 3)
    monkeypatch.setenv("SNNC_FRAMES", "off")
    with pytest.raises(DataError, match="and their frames are not kept on disk"):
        load_dataset(str(moves), 3)


def test_a_recording_that_cannot_be_read_leaves_nothing(moves: Path) -> None:
    (moves / "b" / "4.npy").write_bytes(b"damaged")
    with pytest.raises(DataError, match="4.npy: cannot be read"):
        load_dataset(str(moves), 3)
    assert files() == []


def test_a_recording_that_changes_meanwhile_is_noticed(moves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = kept_frames._measured
    monkeypatch.setattr(kept_frames, "_measured", lambda *given: ((3, 3), measured(*given)[1]))
    with pytest.raises(DataError, match="0.npy: it was changed while it was read; start again"):
        load_dataset(str(moves), 3)
    assert files() == []


def test_several_at_once_make_them_once(moves: Path) -> None:
    """Each of the processes says whether it has read the recordings, and what it got."""
    code = (
        "import snnc, zlib; from snnc.toolchain.data import kept_frames as k; made = []; make = k._make\n"
        "k._make = lambda *given: made.append(1) or make(*given)\n"
        "data = snnc.load_dataset('moves', 3); print(len(made), zlib.crc32(data.train.samples[:].tobytes()))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [each.communicate()[0].split() for each in started]
    assert sorted(made for made, _ in said) == ["0", "0", "0", "1"] and len({digest for _, digest in said}) == 1
    assert len(files()) == 1


def test_binning_has_the_number_of_the_format() -> None:
    """If these frames change, so must the number in FORMAT, lest frames that were kept before are taken for the new ones."""
    frames = [binned(drawn(60), SENSOR, (5, 2, 3, 5), bins) for bins in ("time", "count")]
    digests = [kept_frames._digest(np.packbits(each).tobytes()) for each in frames]
    assert (kept_frames.FORMAT, digests) == (b"snnc frames 1\n", ["923e508c84965d9a", "1005ac9557d1ad97"])


def test_training_is_the_same_from_disk_and_from_memory(moves: Path) -> None:
    config = TINY.replaced(data=str(moves), timesteps=3, batch_size=4, epochs_float=1, epochs_quantized=1, epochs_integer=1)
    dataset = load_dataset(str(moves), 3)
    train_split, test_split = (Split(split.samples[:], split.labels) for split in (dataset.train, dataset.test))
    held = replace(dataset, train=train_split, test=test_split)
    ours, theirs = (train(config, f"{name}.pt", dataset=each) for name, each in (("disk", dataset), ("memory", held)))
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in theirs.weights)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for the largest memory of a process")
def test_memory_is_bounded() -> None:
    """The frames take 537 MB, their bits 67 MB; a process without them takes about 40 MB, one sample 34 MB."""
    write(Path("moves"), count=8)
    code = (
        "import snnc; data = snnc.load_dataset('moves:test=0.5', 16, 1024)\n"
        "total = sum(part.samples[number].sum() for part in (data.train, data.test) for number in range(8))\n"
        "print(total, open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert int(said[0]) > 0 and int(said[1]) < 250_000


def test_another_folder_has_its_own_frames_whatever_its_times_say() -> None:
    """As archives that are packed reproducibly unpack: the same names, sizes and times."""
    for folder, seed in (("one", 0), ("other", 50)):
        for label in "ab":
            (place := Path(folder, label)).mkdir(parents=True)
            for number in range(5):
                WRITERS[".npy"](place / f"{number}.npy", drawn(30, seed + number))
                os.utime(place / f"{number}.npy", ns=(10**18, 10**18))
    first, second = (values(load_dataset(folder, 3)) for folder in ("one", "other"))
    assert first != second and len(files()) == 2


def test_the_data_folder_can_be_one_of_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    write(Path("data"))
    first = load_dataset("data", 3)
    stop(monkeypatch)
    assert values(load_dataset("data", 3)) == values(first) and len(files()) == 1
