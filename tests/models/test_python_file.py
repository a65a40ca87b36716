"""Networks that a Python file builds: run because they are named, never because a checkpoint was opened."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from training_runs import ONE_EACH, Interrupting

import snnc
from snnc.cli.main import main
from snnc.experiments.one_run import Job, run_job
from snnc.models import python_file
from snnc.toolchain.errors import ConfigError, FileFormatError, SnncError
from snnc.toolchain.training.checkpoint import load_checkpoint, save_checkpoint
from snnc.toolchain.training.config import TrainConfig

PIXELS = snnc.Input((1, 8, 8), -5, 11, 5)
CODE = """
from pathlib import Path

import snnc

Path("ran").touch()


def layers(config, input, classes):
    neurons = snnc.Neurons(config.timesteps, config.beta, config.surrogate)
    kernel = snnc.Synapses(input.shape, 2, snnc.Geometry(kernel=3, padding=1))
    first = snnc.SpikingLayer("conv", {"input": kernel}, neurons, weights="float", delta=config.delta)
    return [first, snnc.ReadOut("readout", {"conv": snnc.Synapses((2, 8, 8), classes, snnc.Geometry())}, neurons)]


def build(config, input, classes):
    network = snnc.SpikingNetwork("mine", config.timesteps, input)
    for layer in layers(config, input, classes):
        network.add(layer)
    return network


def nothing(config, input, classes):
    return [1]


def wide(config, input, classes):
    return build(config, input, classes + 1)


def failing(config, input, classes):
    return 1 / 0
"""


@pytest.fixture(autouse=True)
def nobody_named_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_file, "_NAMED", {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(CODE)


def forget() -> None:
    """Be another process, as far as named files go."""
    python_file._NAMED.clear()
    Path("ran").unlink(missing_ok=True)


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == status, result.output
    return result.output


@pytest.mark.parametrize("function", ["build", "layers"])
def test_it_builds_what_the_function_returns(function: str) -> None:
    model = snnc.build_model(TrainConfig(model=f"my_model.py:{function}"), PIXELS, 10)
    assert [layer.name for layer in model.layers] == ["conv", "readout"] and model.source == CODE


def test_a_training_is_opened_only_with_its_file(tmp_path: Path) -> None:
    snnc.train(ONE_EACH.replaced(model="my_model.py:build"), "model.pt")
    assert load_checkpoint("model.pt").source == CODE
    forget()
    with pytest.raises(ConfigError, match=r"model\.pt: the model is code.*add --model my_model\.py:build"):
        snnc.load_model("model.pt")
    for command in (["simulate"], ["inspect"], ["evaluate"], ["export"]):
        assert "which runs only if you name its file" in run(*command, "model.pt", status=2)
    load_checkpoint("model.pt")
    assert not Path("ran").exists()
    (tmp_path / "elsewhere").mkdir()
    moved = Path("my_model.py").rename(tmp_path / "elsewhere" / "other.py")
    named = ["--model", f"{moved}:build"]
    assert "EQUAL" in run("simulate", "model.pt", "-e", "fast", "-e", "torch", "-n", "20", *named)
    forget()
    run("export", "model.pt", "--target", "onnx", *named)
    assert "EQUAL" in run("simulate", "model.onnx", "-e", "fast", "-n", "5")  # exported files need no code
    forget()
    assert snnc.load_model("model.pt", model=f"{moved}:build")[0].source == CODE
    forget()
    moved.write_text(CODE + "\n")
    assert "name the file as it was" in run("simulate", "model.pt", *named, status=2)
    forget()
    run("inspect", "model.pt", "--save-model", "kept.py")
    assert Path("kept.py").read_text() == CODE and not Path("ran").exists()
    assert "EQUAL" in run("simulate", "model.pt", "-e", "fast", "-n", "5", "--model", "kept.py:build")
    assert "no Python file and function" in run("simulate", "model.pt", "--model", "mlp", status=2)


def test_a_training_goes_on_with_its_file() -> None:
    with pytest.raises(KeyboardInterrupt):
        snnc.train(ONE_EACH.replaced(model="my_model.py:build"), "model.pt", callbacks=[Interrupting(2)])
    forget()
    assert "which runs only if you name its file" in run("train", "--resume", "model.pt", status=2)
    run("train", "--resume", "model.pt", "--model", "my_model.py:build", "-q")
    assert load_checkpoint("model.pt").resume is None


def test_a_training_starts_from_its_checkpoint_where_a_settings_file_names_it() -> None:
    snnc.train(ONE_EACH.replaced(model="my_model.py:build"), "model.pt")
    text = 'model = "my_model.py:build"\nmethod = "baseline"\nepochs_float = 0\nepochs_quantized = 0\nepochs_integer = 1\n'
    Path("own.toml").write_text(text)
    Path("other.toml").write_text(text.replace("my_model.py:build", "8FC"))
    forget()
    assert "which runs only if you name its file" in run("train", "--init", "model.pt", "-c", "other.toml", status=2)
    assert not Path("ran").exists()
    run("train", "--init", "model.pt", "-c", "own.toml", "--sweep", "lr=0.001", "--processes", "1", "-q")
    assert Path("sweep.json").is_file()
    forget()
    run("train", "--init", "model.pt", "-c", "own.toml", "--dry-run")
    forget()
    assert "no such file" in run("train", "--init", "model.pt", "-c", "own.toml", "--model", "gone.py:build", status=2)
    assert not Path("ran").exists()  # --model overrides what the settings file names


def test_a_run_of_a_sweep_over_models_starts_from_the_one_that_its_plan_names() -> None:
    snnc.train(ONE_EACH.replaced(model="my_model.py:build"), "model.pt")
    forget()
    job = Job("row", ONE_EACH.replaced(model="my_model.py:layers", method="baseline"), 0, "", "model.pt")
    with pytest.raises(ConfigError, match=r"the model is my_model\.py:build .*, but my_model\.py:layers has"):
        run_job(job)
    assert run_job(replace(job, named="my_model.py:build")).row == "row"


def test_no_checkpoint_makes_code_run() -> None:
    snnc.train(ONE_EACH.replaced(model="my_model.py:build"), "model.pt")
    kept = load_checkpoint("model.pt")
    forget()
    forged = [
        replace(kept, config=kept.config.replaced(model="my_model.py:build")),  # no digest
        replace(kept, source=CODE + "\n"),  # another text than the digest's
        replace(kept, source=""),
        replace(kept, config=kept.config.replaced(model="mlp")),
    ]
    for each in forged:
        save_checkpoint(each, "forged.pt")
        with pytest.raises(FileFormatError, match="is not the code that it keeps"):
            snnc.load_model("forged.pt")
    with pytest.raises(SnncError):
        snnc.train(kept.config, "again.pt", resume=kept)
    with pytest.raises(SnncError):
        snnc.train(kept.config, "again.pt")
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no.py:build", "model file no.py: there is no such file"),
        ("my_model.py:train", "it has no function 'train'; define it"),
        ("my_model.py:nothing", "my_model.py:nothing returned list; return a SpikingNetwork, or the list of its layers"),
        ("my_model.py:wide", "outputs (11,); needed are 5, (1, 8, 8) and (10,)"),
        ("my_model.py:failing", "my_model.py, line 32: ZeroDivisionError: division by zero"),
        ("broken.py:build", "broken.py, line 2: SyntaxError"),
        ("ends.py:build", "ends.py, line 1: SystemExit: 3"),
        ("my_model.py:build@0123456789abcdef", "the model is code, which runs only if you name its file"),
    ],
)
def test_code_that_fails_is_one_line(model: str, message: str) -> None:
    Path("broken.py").write_text("\ndef build(:\n")
    Path("ends.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(ConfigError) as error:
        snnc.build_model(TrainConfig(model=model), PIXELS, 10)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_weights_are_those_that_were_trained() -> None:
    snnc.train(ONE_EACH.replaced(model="my_model.py:layers"), "model.pt")
    model, checkpoint = snnc.load_model("model.pt")
    assert all(torch.equal(value, checkpoint.weights[name]) for name, value in model.state_dict().items())
