"""Images of the hub and of folders, read from small local files in the hub's own format."""

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.data.images import HUB, _dataset
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import DataError

datasets = pytest.importorskip("datasets")
image = pytest.importorskip("PIL.Image")

COLUMNS = {  # as on the hub, looked up on 2026-11-22
    "mnist": ("image", {"label": 10}),
    "fashion-mnist": ("image", {"label": 10}),
    "cifar10": ("img", {"label": 10}),
    "cifar100": ("img", {"fine_label": 100, "coarse_label": 20}),
    "imagenet": ("image", {"label": 1000}),
}
SIZES = {"mnist": (28, 28), "fashion-mnist": (28, 28), "cifar10": (32, 32, 3), "cifar100": (32, 32, 3), "imagenet": (20, 20, 3)}


@pytest.fixture(autouse=True)
def offline_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def pictures(count: int, size: tuple[int, ...]) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8))


def write_hub_files(folder: Path, column: str, labels: dict[str, int], size: tuple[int, ...]) -> list[np.ndarray]:
    """Write parquet files as the hub keeps them: PNG bytes in a struct, features in the metadata."""
    images = pictures(12, size)
    kinds = {name: datasets.ClassLabel(names=[f"{name} {i}" for i in range(classes)]) for name, classes in labels.items()}
    features = datasets.Features({column: datasets.Image(), **kinds})
    for split, part in (("train", images[:8]), ("test", images[8:])):
        rows = {column: [image.fromarray(each) for each in part]}
        rows |= {name: [i % classes for i in range(len(part))] for name, classes in labels.items()}
        path = folder / f"{split}-00000-of-00001.parquet"
        folder.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(rows, features=features).to_parquet(path)
    return images


def write_pictures(folder: Path, side: Callable[[int], int] = lambda number: 8) -> None:
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
            for number in range(4):
                size = side(number)
                image.fromarray(np.full((size, size, 3), 40 * number, np.uint8)).save(folder / split / label / f"{number}.png")


def same(read: np.ndarray, drawn: list[np.ndarray]) -> bool:
    return np.array_equal(read, np.stack([each[None] if each.ndim == 2 else np.moveaxis(each, -1, 0) for each in drawn]))


def test_there_are_rows() -> None:
    assert HUB.keys() == COLUMNS.keys()


@pytest.mark.parametrize("name", HUB)
def test_every_row_is_read_from_files_of_the_hub(tmp_path: Path, name: str) -> None:
    column, labels = COLUMNS[name]
    images = write_hub_files(tmp_path / "data" / name, column, labels, SIZES[name])
    read = load_dataset(name)
    assert same(read.train.samples, images[:8]) and same(read.test.samples, images[8:])
    assert read.train.samples.dtype == np.uint8
    assert len(read.labels) == max(labels.values())
    assert read.train.labels.tolist() == list(range(8))
    assert read.input.zero_point == round(float(np.stack(images[:8]).mean()))
    assert (read.input.minimum, read.input.maximum) == (-read.input.zero_point, 255 - read.input.zero_point)
    assert chip_input(read.test, read.input).min() >= read.input.minimum


def test_the_folder_of_files_can_be_somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNC_DATA", str(tmp_path / "elsewhere"))
    write_hub_files(tmp_path / "elsewhere" / "mnist", "image", {"label": 10}, (28, 28))
    assert load_dataset("mnist").input.shape == (1, 28, 28)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets")
    read = load_dataset(str(tmp_path / "pets"))
    assert isinstance(read, Dataset)
    assert (read.labels, read.input.shape, len(read.train), len(read.test)) == (("cat", "dog"), (3, 8, 8), 8, 8)
    assert sorted(set(read.train.samples.ravel().tolist())) == [0, 40, 80, 120]


def test_pictures_of_several_sizes_are_refused_unless_they_are_scaled(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets", lambda number: 8 + number)
    with pytest.raises(DataError, match=r"has images of 4 shapes \(\(3, 8, 8\), .*\); set image_size, such as 32"):
        load_dataset(str(tmp_path / "pets"))
    assert load_dataset(str(tmp_path / "pets"), image_size=12).input.shape == (3, 12, 12)


def test_the_middle_square_is_what_is_scaled(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets")
    for path in (tmp_path / "pets").rglob("*.png"):
        wide = np.zeros((8, 20, 3), np.uint8)
        wide[:, 2:18] = 200  # the square, and what its margins are smoothed with
        image.fromarray(wide).save(path)
    assert set(load_dataset(str(tmp_path / "pets"), image_size=4).train.samples.ravel().tolist()) == {200}


def test_a_test_split_without_labels_or_images_is_refused(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = datasets.Dataset.from_dict(
        {"image": [image.fromarray(each) for each in pictures(2, (8, 8))], "label": [0, 1]}, features=features
    )
    parts = datasets.DatasetDict({"train": rows, "test": rows.remove_columns("label")})
    with pytest.raises(DataError, match="has samples without a label"):
        _dataset("pets", parts, 0)
    with pytest.raises(DataError, match="has no column 'image' of images in its test split"):
        _dataset("pets", datasets.DatasetDict({"train": rows, "test": rows.remove_columns("image")}), 0)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets")
    (tmp_path / "pets" / "train" / "cat" / "1.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(DataError, match="image 0 or a later one is unreadable .*; check its files"):
        load_dataset(str(tmp_path / "pets"))


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    (tmp_path / "data" / "mnist" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no parquet")
    with pytest.raises(DataError, match=r"dataset 'mnist' cannot be loaded from .*; check its files") as caught:
        load_dataset("mnist")
    assert "\n" not in str(caught.value)


def test_data_without_a_test_split_or_without_labels_are_refused(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"label": [1, 2]})
    for folder, splits in (("one", ["train"]), ("two", ["train", "test"])):
        (tmp_path / folder).mkdir()
        for split in splits:
            rows.to_parquet(tmp_path / folder / f"{split}.parquet")
    with pytest.raises(DataError, match="has the splits train; it needs 'train' and one of test, validation, valid"):
        load_dataset(str(tmp_path / "one"))
    with pytest.raises(DataError, match="has the columns label; it needs one of images and one of labels"):
        load_dataset(str(tmp_path / "two"))


@pytest.mark.parametrize("name", ["cifar10", "someone/something"])
def test_what_is_not_here_says_where_to_put_it(name: str) -> None:
    with pytest.raises(DataError, match=rf"dataset {name!r} cannot be loaded from .*connect to the network, or put its files"):
        load_dataset(name)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"dataset 'mnist' needs Hugging Face datasets; pip install 'snnc\[vision\]'"):
        load_dataset("mnist")


@pytest.mark.parametrize("mode", ["I;16", "LA", "1", "P", "RGBA", "CMYK"])
def test_pictures_of_every_mode_become_bytes(tmp_path: Path, mode: str) -> None:
    write_pictures(tmp_path / "modes")
    for path in (tmp_path / "modes").rglob("*.png"):
        if mode == "I;16":
            picture = image.fromarray(np.full((8, 8), 40_000, np.uint16))
        else:
            picture = image.fromarray(np.full((8, 8), 156, np.uint8)).convert(mode)
        path.unlink()
        picture.save(path.with_suffix(".tif"))
    read = load_dataset(str(tmp_path / "modes"))
    assert read.input.shape[0] == (1 if mode in ("I;16", "LA", "1") else 3)
    values = set(read.train.samples.ravel().tolist())
    assert values == {40_000 // 256} if mode == "I;16" else values <= ({0, 255} if mode == "1" else {155, 156, 157})


def test_gray_among_colored_pictures_become_colored(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pets")
    for path in (tmp_path / "pets" / "train").rglob("1.png"):
        image.open(path).convert("L").save(path)
    assert load_dataset(str(tmp_path / "pets")).train.samples.shape == (8, 3, 8, 8)
    for path in (tmp_path / "pets" / "test").rglob("*.png"):
        image.open(path).convert("L").save(path)
    read = load_dataset(str(tmp_path / "pets"))
    assert read.train.samples.shape[1:] == read.test.samples.shape[1:] == (3, 8, 8)


def huge_png(side: int) -> bytes:
    """Return a picture that is small in the file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(side // 8)) * side
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_picture_that_unpacks_to_gigabytes_is_one_line(tmp_path: Path, side: int) -> None:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            (tmp_path / "pets" / split / name / "1.png").write_bytes(huge_png(side if name == "dog" else 8))
    with pytest.raises(DataError, match=r"unreadable \(Image size \(\d+ pixels\) exceeds limit") as caught:
        load_dataset(str(tmp_path / "pets"))
    assert "\n" not in str(caught.value)
