"""Architectures: every row of the table builds, runs in all phases, and lowers to what it computes."""

import numpy as np
import pytest
import torch
from random_models import scatter_statistics

from snnc.models import MODELS, build_model, load_model
from snnc.toolchain.errors import ConfigError, DataError, FileFormatError, LoweringError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import Input
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.training.config import TrainConfig

PIXELS = Input((3, 8, 8), -128, 127, zero_point=128)


def test_there_are_models() -> None:
    assert MODELS


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("timed", [False, True])
def test_every_model_runs_in_all_phases_and_lowers(name: str, timed: bool) -> None:
    torch.manual_seed(0)
    config = TrainConfig(model=name, width=0.05, timesteps=4)
    model = build_model(config, PIXELS, 7).eval()
    scatter_statistics(model)
    rng = np.random.default_rng(0)
    samples = rng.integers(-128, 128, (4, 2, *PIXELS.shape) if timed else (2, *PIXELS.shape))
    for phase in Phase:
        model.set_phase(phase)
        assert model(torch.tensor(samples).float()).total.shape == (2, 7)
    network = lower(model, tuple("abcdefg"))
    ours, theirs = simulate(network, samples), model.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.spikes[layer.name], theirs.spikes[layer.name])


def test_cifarnet_is_the_papers() -> None:
    model = build_model(TrainConfig(model="cifarnet", width=1.0, weights="ternary"), Input((3, 32, 32), -128, 127), 10)
    shapes = [layer.output_shape for layer in model.layers]
    assert shapes == [
        (128, 32, 32),
        (256, 32, 32),
        (512, 16, 16),
        (1024, 8, 8),
        (512, 8, 8),
        (1024,),
        (512,),
        (10,),
    ]
    assert model.hidden[0].quantize is None
    assert all(layer.quantize is not None for layer in model.hidden[1:])


@pytest.mark.parametrize("side", [9, 34])
def test_images_of_odd_sides_are_computed_as_on_the_chip(side: int) -> None:
    torch.manual_seed(0)
    model = build_model(TrainConfig(width=0.03, timesteps=3), Input((2, side, side), 0, 1), 3)
    assert all(size % 2 == 0 for layer in model.layers[1:3] for size in layer.output_shape[1:])
    samples = np.random.default_rng(0).integers(0, 2, (3, 4, 2, side, side))
    for phase in (Phase.FLOAT, Phase.QUANTIZED):
        model.set_phase(phase)
        model.train()
        for _ in range(20):
            model(torch.tensor(samples, dtype=torch.float32))
    model.set_phase(Phase.INTEGER)
    model.eval()
    network = lower(model)
    ours, theirs = simulate(network, samples), model.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.spikes[layer.name], theirs.spikes[layer.name]), layer.name
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name]), layer.name
    assert ours.spikes["conv3"].any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="model 'vgg' is unknown; allowed are cifarnet, mlp, resnet, ffn"):
        build_model(TrainConfig(model="vgg"), PIXELS, 2)
    with pytest.raises(ConfigError, match="an image of 1 x 1 is smaller than the pool behind it; take larger images"):
        build_model(TrainConfig(), Input((1, 3, 3), 0, 1), 2)
    model = build_model(TrainConfig(model="mlp", width=0.05), PIXELS, 2)
    with pytest.raises(
        DataError, match=r"input of shape \(2, 5\) does not fit: allowed are \(B, 3, 8, 8\) and \(5, B, 3, 8, 8\)"
    ):
        model(torch.ones(2, 5))
    with pytest.raises(LoweringError, match="only the integer phase computes integers"):
        model.trace(np.ones((2, *PIXELS.shape), np.int64))
    with pytest.raises(FileFormatError, match="no such file"):
        load_model("none.pt")
