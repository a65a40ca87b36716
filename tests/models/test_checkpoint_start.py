"""Fine-tuning: layers start from those of a checkpoint that have their name and shape, and whatever differs stays fresh."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import snnc
from snnc.cli.main import main
from snnc.models.checkpoint_start import checkpoint_start
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.checkpoint import Checkpoint


def built(config: snnc.TrainConfig, checkpoint: Checkpoint, classes: int = 10) -> SpikingNetwork:
    return snnc.build_model(config, checkpoint.input, classes)


def test_weights_and_statistics_are_those_of_the_checkpoint(tiny_path: Path, tiny: Checkpoint) -> None:
    start = checkpoint_start(tiny_path)
    assert start.config == tiny.config
    network = built(start.config, tiny)
    start.load(network)
    for name, tensor in network.state_dict().items():
        assert name.endswith(".scale") or torch.equal(tensor, tiny.weights[name]), name


def test_what_differs_stays_fresh(tiny_path: Path, tiny: Checkpoint) -> None:
    start = checkpoint_start(tiny_path)
    assert start.taken(built(start.config.replaced(readout="spikes"), tiny)) == ["fc1", "fc2"]
    assert start.taken(built(start.config, tiny, classes=3)) == ["fc1", "fc2"]
    wide = built(start.config.replaced(weights="float"), tiny)  # one variance for each channel, from one for all
    start.load(wide)
    variance = wide.hidden[1].normalize.variance
    assert torch.equal(variance, tiny.weights["layers.1.normalize.variance"].expand(variance.shape))
    with pytest.raises(ConfigError, match="none of its layers .* has the name and the shape of one of conv1"):
        start.taken(built(start.config.replaced(model="cifarnet", width=0.01), tiny))


def test_training_starts_where_the_checkpoint_ended(tiny_path: Path, tmp_path: Path, digits: Dataset) -> None:
    config = checkpoint_start(tiny_path).config.replaced(epochs_float=0, epochs_quantized=0, epochs_integer=1, lr_integer=1e-6)
    before = snnc.load_model(tiny_path)[1].accuracy
    tuned = snnc.train(config.replaced(method="baseline"), tmp_path / "tuned.pt", dataset=digits, init=tiny_path)
    assert abs(tuned.accuracy - before) < 0.1
    with pytest.raises(ConfigError, match="which the same command reads"):
        snnc.train(config, tiny_path, dataset=digits, init=tiny_path)


def test_the_command_says_what_starts_from_it_and_keeps_runs_apart(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["--epochs-float", "0", "--epochs-quantized", "0", "--epochs-integer", "1"]
    command = ["train", "--init", str(tiny_path), *short, "--beta", "0.9", "--method", "baseline", "-o"]
    result = CliRunner().invoke(main, [*command, "runs/one"])
    assert result.exit_code == 0, result.output
    assert f"from {tiny_path}: fc1, fc2, readout; fresh: none" in result.output
    assert "beta is 3686/4096 = 0.899902, the nearest that chips keep" in result.output
    assert sorted(path.name for path in Path("runs/one").iterdir())[:2] == ["model.history.json", "model.pt"]
    assert snnc.load_model("runs/one/model.pt")[1].config.model == "mlp"
    result = CliRunner().invoke(main, [*command, "runs/one/"])
    assert result.exit_code == 2
    assert "output 'runs/one/model.pt' exists, and another run wrote it" in result.output
    result = CliRunner().invoke(main, [*command, "a.pt", "--graph", "x.nir"])
    assert "--init and the graph x.nir each say what training starts from" in result.output
    result = CliRunner().invoke(main, ["train", "--resume", "runs/one", "--init", "a.pt"])
    assert "--resume takes the checkpoint's own settings; leave out --init" in result.output
