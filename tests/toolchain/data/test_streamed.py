"""Samples on disk are an array in all but their place, and train, are tested and verified as those in memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from training_runs import TINY

from snnc.cli.main import main
from snnc.evaluation.predictions import predicted
from snnc.files import load_subject, split_for
from snnc.toolchain.data.dataset import chip_input
from snnc.toolchain.data.streamed import Streamed
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.members import statistics_batches
from snnc.training import train

datasets = pytest.importorskip("datasets")
image = pytest.importorskip("PIL.Image")

CLASSES = ("cat", "dog")
SMALL = TINY.replaced(epochs_float=1, epochs_quantized=1, epochs_integer=1, batch_size=5, shift=2, flip=0.5, timesteps=2)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnc.toolchain.data.images.MOST_IN_MEMORY", 0)


def write_pictures(folder: Path, train: int = 13, test: int = 6, size: tuple[int, ...] = (12, 9, 3), gray: int = -1) -> Path:
    """Write noise of any sides; the picture with the number `gray` of each class has no colors."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label in CLASSES:
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                picture = image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
                picture = picture.convert("L") if number == gray else picture
                picture.save(folder / split / label / f"{number:03}.png")
    return folder


@pytest.mark.parametrize(("size", "gray"), [((12, 9, 3), -1), ((12, 9), -1), ((8, 8, 3), 2)])
def test_it_holds_what_memory_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, ...], gray: int) -> None:
    write_pictures(tmp_path / "pets", size=size, gray=gray)
    kept = load_dataset("pets", image_size=8)
    stream(monkeypatch)
    read = load_dataset("pets", image_size=8)
    assert (read.input, read.labels) == (kept.input, kept.labels)
    for ours, theirs in ((read.train, kept.train), (read.test, kept.test)):
        samples, array = ours.samples, theirs.samples
        assert isinstance(samples, Streamed) and isinstance(array, np.ndarray)
        assert (samples.shape, samples.dtype, samples.ndim, samples.size, len(samples)) == (
            (array.shape, array.dtype, array.ndim, array.size, len(array))
        )
        odd = np.arange(len(array)) % 2 == 1
        for which in (slice(None), slice(3, 9, 2), np.array([4, 0, 4]), odd, -1, np.array([], np.int64)):
            assert np.array_equal(samples[which], array[which])
        few = ours.subset(odd).first(2)
        assert isinstance(few.samples, Streamed) and np.array_equal(few.samples[:], array[odd][:2])
        assert np.array_equal(chip_input(ours, read.input), chip_input(theirs, kept.input))
        assert ours.labels.tolist() == theirs.labels.tolist()


def test_only_what_is_asked_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream(monkeypatch)
    samples: Any = load_dataset(str(write_pictures(tmp_path / "pets")), image_size=8).train.samples
    read: list[int] = []
    encoded = samples.encoded

    def counted(indices: list[int]) -> list[Any]:
        read.extend(indices)
        return list(encoded(indices))

    object.__setattr__(samples, "encoded", counted)
    samples.select(slice(4, 20)).select(np.array([2, 5]))[1:]
    assert read == [9]


@pytest.mark.parametrize(("rank", "processes"), [(0, 1), (0, 2), (1, 2)])
def test_batches_on_the_device_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, processes: int) -> None:
    write_pictures(tmp_path / "pets")
    kept = load_dataset("pets", image_size=8)
    stream(monkeypatch)
    read = load_dataset("pets", image_size=8)
    ours, theirs = (on_device(each.train, each.input, torch.device("cpu")) for each in (read, kept))
    assert ours.held_bytes == 0 and theirs.held_bytes == kept.train.samples.size
    pairs = list(zip(ours.batches(4, rank, processes), theirs.batches(4, rank, processes), strict=True))
    assert sum(len(labels) for (_, labels), _ in pairs) == 13 * 2 // processes
    assert all(torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) for one, other in pairs)
    streamed, kept_ones = list(statistics_batches(ours)), list(statistics_batches(theirs))  # one after the other: no_grad
    assert torch.equal(torch.cat(streamed), torch.cat(kept_ones))


def test_a_training_ends_with_the_same_bits_and_is_tested_verified_and_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SMALL.replaced(data=str(write_pictures(tmp_path / "pets")), image_size=8)
    kept = train(config, "kept.pt", dataset=load_dataset(config.data, image_size=8))
    logits = predicted("kept.pt", config.data, None).logits
    stream(monkeypatch)
    read = train(config, "read.pt", dataset=load_dataset(config.data, image_size=8))
    assert read.history[-1].loss == kept.history[-1].loss and read.accuracy == kept.accuracy
    assert kept.weights.keys() == read.weights.keys()
    assert all(torch.equal(read.weights[name], kept.weights[name]) for name in kept.weights)
    assert np.array_equal(predicted("read.pt", config.data, None).logits, logits)
    split = split_for(load_subject("read.pt")[0].network, config.data, 3)
    assert isinstance(split.samples, Streamed) and len(split) == 3
    simulated = CliRunner().invoke(main, ["simulate", "read.pt", "--data", config.data, "-e", "fast", "-e", "tensor"])
    assert simulated.exit_code == 0, simulated.output
    assert "12" in simulated.output


def test_a_dry_run_counts_no_memory_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path / "pets")
    stream(monkeypatch)
    command = ["train", "--data", "pets", "--image-size", "8", "--model", "mlp", "--width", "0.03", "--dry-run", "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0 and '"data_mib": 0.0' in result.stdout, result.output


def test_imagenets_preset_says_what_is_missing() -> None:
    result = CliRunner().invoke(main, ["train", "--preset", "imagenet-sei", "--dry-run"])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "dataset 'imagenet' cannot be loaded from ILSVRC/imagenet-1k" in result.stderr and "data/imagenet" in result.stderr


def test_labels_that_are_secret_leave_the_validation_split(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    (tmp_path / "data" / "imagenet").mkdir(parents=True)
    for split, labels in (("train", [0, 1, 1]), ("validation", [1, 0]), ("test", [-1, -1])):
        rows = {"image": [image.fromarray(np.full((9, 9, 3), 7, np.uint8))] * len(labels), "label": labels}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(f"data/imagenet/{split}-00000-of-00001.parquet")
    assert load_dataset("imagenet", image_size=4).test.labels.tolist() == [1, 0]


def test_faults_found_late_are_one_line_that_names_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream(monkeypatch)
    monkeypatch.setattr("snnc.toolchain.data.images.MEASURED", 1)
    train_folder = write_pictures(tmp_path / "pets") / "train"
    (train_folder / "dog" / "002.png").write_bytes(b"\x89PNG no picture")
    image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(train_folder / "dog" / "004.png")
    samples = load_dataset("pets").train.samples
    assert samples[:15].shape == (15, 3, 12, 9)
    with pytest.raises(DataError, match="dataset 'pets': image 15 is unreadable .*; check its files"):
        samples[10:]
    with pytest.raises(DataError, match=r"image 17 has shape \(3, 10, 10\), others have \(3, 12, 9\); set image_size"):
        samples[16:]
    config = SMALL.replaced(data="pets")
    with pytest.raises(DataError, match="dataset 'pets': image 1[57]"):
        train(config, "model.pt", dataset=load_dataset("pets"))
    monkeypatch.setattr("snnc.toolchain.data.images.MEASURED", 256)
    with pytest.raises(DataError, match="image 15 or a later one is unreadable"):
        load_dataset("pets")


PEAK = """
import resource
from dataclasses import replace
import snnc
from snnc.toolchain.data import images
images.MOST_IN_MEMORY = 0
data = snnc.load_dataset("pets")
config = snnc.TrainConfig(model="mlp", width=0.001, epochs_float=1, epochs_quantized=0, epochs_integer=0, batch_size=8,
    timesteps=1, method="baseline", shift=0, weights="binary")
peaks = []
for part in (data.train.first(32), data.train):
    snnc.train(config, f"{len(part)}.pt", dataset=replace(data, train=part))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*peaks, data.train.samples.size // 1024)
"""


def test_memory_does_not_grow_with_the_split(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets", train=1, test=1, size=(256, 256, 3))
    for label in CLASSES:  # pictures of one color are small files: this is about what they decode to
        for number in range(200):
            image.new("RGB", (256, 256), (number, 90, 200)).save(tmp_path / "pets" / "train" / label / f"{number:03}.png")
    ran = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    few, all_of_them, decoded = map(int, ran.stdout.split())
    assert decoded == 400 * 3 * 256 * 256 // 1024
    assert all_of_them - few < decoded / 4  # KiB
