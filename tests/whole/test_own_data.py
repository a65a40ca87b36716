"""Data of one's own train, export and verify, and do so after they and the checkpoint were moved to another folder."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from training_runs import ONE_EACH, Interrupting

import snnc
from snnc.cli.main import main
from snnc.toolchain.training.checkpoint import load_checkpoint

TRAIN = ["train", "--model", "mlp", "--width", "0.03", "--timesteps", "3", "--batch-size", "12", "-q"]
FEW = ["--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def snnc_runs(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == status, result.output
    return result.output


def write_pictures(folder: Path) -> None:
    """Write images of 30 x 20 pixels of three classes, each with a bright third."""
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 6)):
        for label, name in enumerate("abc"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 60, (30, 20))
                pixels[label * 10 : (label + 1) * 10] += 150
                image.fromarray(pixels.astype(np.uint8)).save(folder / part / name / f"{number}.png")


def write_recordings(folder: Path) -> None:
    """Write recordings of 9 x 4 pixels; those of a class have their events in one third."""
    random = np.random.default_rng(0)
    for label, name in enumerate("abc"):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            events = np.zeros(40, [("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", bool)])
            events["t"], events["x"] = np.arange(40), random.integers(3 * label, 3 * label + 3, 40)
            events["y"], events["p"] = random.integers(0, 4, 40), random.integers(0, 2, 40)
            np.save(folder / name / f"{number}.npy", events)


def write_arrays(name: str) -> None:
    if name == "moves":
        write_recordings(Path(name))
        return
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    shape = (60, 3, 4) if "timed" in name else (60, 1, 5, 7)
    samples = random.integers(0, 2, shape) + labels.reshape(-1, *[1] * (len(shape) - 1))
    if name.endswith("npz"):
        np.savez(name, samples=samples / 3 if "floats" in name else samples, labels=labels, classes=np.array(["a", "b", "c"]))
    elif name.endswith("npy"):
        np.save(name, samples)
        np.save(Path(name).with_suffix(".labels.npy"), labels)
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(name, "w") as file:
            file["samples"], file["labels"] = samples, labels


@pytest.mark.parametrize("name", ["floats.npz", "timed.npz", "own.npy", "own.h5", "moves"])
def test_a_file_trains_and_verifies_and_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_arrays(name)
    snnc_runs(*TRAIN, "--data", f"{name}:seed=3", *FEW)
    stated = "test=0.2,seed=3" + (",bins=time" if name == "moves" else "") + (",low=0,high=1" if "floats" in name else "")
    assert load_checkpoint("model.pt").config.data == f"{name}:{stated}"
    snnc_runs("export", "--target", "loihi2", "model.pt")
    assert snnc.read_network("model.net").data == f"{name}:{stated}"
    if name == "floats.npz":
        assert snnc.read_network("model.net").labels == ("a", "b", "c")
    assert "EQUAL: reference = fast = torch" in snnc_runs("simulate", "model.pt", "model.net", "-e", "fast", "-e", "torch")
    shutil.move(tmp_path / "here", tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    said = snnc_runs("simulate", "there/model.net", status=2)
    assert "name the place where it is now" in said or "name data with --data" in said
    assert "EQUAL" in snnc_runs("simulate", "there/model.pt", "-e", "fast", "--data", f"there/{name}")


def test_images_that_are_not_square_are_verified() -> None:
    pytest.importorskip("datasets")
    write_pictures(Path("rect"))
    snnc_runs(*TRAIN, "--data", "./rect", *FEW)
    assert "EQUAL: reference = fast = torch on 18 samples" in snnc_runs("simulate", "model.pt", "-e", "fast", "-e", "torch")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_training_goes_on_with_data_that_moved(kind: str) -> None:
    name = "./pics" if kind == "folder" else "floats.npz"
    if kind == "folder":
        pytest.importorskip("datasets")
        write_pictures(Path(name))
    else:
        write_arrays(name)
    config = ONE_EACH.replaced(data=name, batch_size=12)
    with pytest.raises(KeyboardInterrupt):
        snnc.train(config, "model.pt", callbacks=[Interrupting(2)])
    shutil.copy("model.pt", "stayed.pt")
    snnc_runs("train", "--resume", "stayed.pt", "-q")
    Path("elsewhere").mkdir()
    shutil.move(name, f"elsewhere/{name}")
    assert "name the place where it is now (--data)" in snnc_runs("train", "--resume", "model.pt", status=2)
    assert "was trained on other data" in snnc_runs("train", "--resume", "model.pt", "--data", "digits", status=2)
    snnc_runs("train", "--resume", "model.pt", "--data", f"elsewhere/{Path(name)}", "-q")
    moved, stayed = load_checkpoint("model.pt"), load_checkpoint("stayed.pt")
    assert moved.config.data.startswith("elsewhere/")
    assert all(np.array_equal(moved.weights[key], value) for key, value in stayed.weights.items())


def test_a_dataset_of_a_program_is_not_guessed() -> None:
    write_arrays("own.npz")
    dataset = snnc.load_dataset("own.npz")
    mine = snnc.Dataset("mine", dataset.train, dataset.test, dataset.labels, dataset.input)
    snnc.train(ONE_EACH.replaced(batch_size=12), "model.pt", dataset=mine)
    assert "the network was trained on 'mine', which is not here; name data with --data" in snnc_runs(
        "simulate", "model.pt", status=2
    )
    assert "EQUAL" in snnc_runs("simulate", "model.pt", "-e", "fast", "--data", "own.npz")
