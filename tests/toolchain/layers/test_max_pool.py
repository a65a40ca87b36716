"""Max pooling of spikes: exactly the maximum in torch, and exactly a population of OR neurons everywhere behind training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import scatter_statistics
from training_runs import ONE_EACH

import snnc
from snnc.cli.main import main
from snnc.models import build_model
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.training.config import TrainConfig

sides = st.integers(6, 13)
kinds, betas = st.sampled_from(["AP", "MP"]), st.sampled_from([0.25, 0.5, 1.0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), sides, sides, st.integers(1, 3), st.integers(1, 2), kinds, betas)
def test_every_step_is_the_maximum(seed: int, height: int, width: int, stride: int, pool: int, kind: str, beta: float) -> None:
    """Strided convolutions in front are equal, too, with sides of any size that a pool may not fill."""
    torch.manual_seed(seed)
    config = TrainConfig(model=f"3C3s{stride}-{kind}{pool}-4C3:ternary", beta=beta, timesteps=4)
    model = build_model(config, snnc.Input((1, height, width), -5, 11, 5), 3)
    scatter_statistics(model)
    model.set_phase(Phase.INTEGER)
    network = snnc.lower(model.eval())
    samples = np.random.default_rng(seed).integers(-5, 12, (5, 1, height, width))
    ours, reference = model.trace(samples), snnc.simulate(network, samples)
    for layer in network.layers:
        assert np.array_equal(ours.membranes[layer.name], reference.membranes[layer.name])
    if kind == "MP":
        first, second = (torch.as_tensor(reference.spikes[name], dtype=torch.float32) for name in ("conv1", "pool1"))
        expected = torch.nn.functional.max_pool2d(first.flatten(0, 1), pool).reshape(second.shape)
        assert torch.equal(second, expected)


def test_it_trains_and_is_equal_in_every_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snnc.train(ONE_EACH.replaced(model="4C3-MP2-6C3s2d0.1:binary-8FC", method="baseline"), "model.pt")
    result = CliRunner().invoke(main, ["export", "model.pt", "--target", "loihi2"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(
        main, ["simulate", "model.pt", "model.net", "-n", "8", *["-e", "fast", "-e", "torch", "-e", "onnx", "-e", "c"]]
    )
    assert result.exit_code == 0, result.output
    network = snnc.read_network("model.net")
    pool = network.layers[1]
    assert (pool.name, pool.neuron.vth, pool.neurons) == ("pool1", 0, 4 * 4 * 4)
    assert "pool1" in CliRunner().invoke(main, ["inspect", "model.pt"]).output
    plan = CliRunner().invoke(main, ["train", "--model", "4C3-MP2-8FC", "--dry-run"])
    assert plan.exit_code == 0 and "pool1" in plan.output


def test_it_teaches_as_relu_does() -> None:
    from snnc.toolchain.layers.relu_network import ReluNetwork

    network = ReluNetwork(build_model(TrainConfig(model="4C3-MP2-8FC"), snnc.Input((1, 8, 8), 0, 1), 3))
    assert network(torch.rand(2, 1, 8, 8)).total.shape == (2, 3)


def test_what_has_no_spikes_is_refused() -> None:
    with pytest.raises(ConfigError, match="max pooling takes spikes, 'input' has none"):
        MaxPool("pool", "input", (1, 8, 8), 2, Neurons(5, 0.5))
    with pytest.raises(ConfigError, match=r"needs a source \(C, H, W\) with sides of at least 3, got \(1, 8, 2\)"):
        MaxPool("pool", "conv", (1, 8, 2), 3, Neurons(5, 0.5))
