"""Layers: normalisation, scales that fit the chip, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from random_networks import random_model, seeds

from snnc.toolchain import lif
from snnc.toolchain.bounds import overflows
from snnc.toolchain.errors import ConfigError, LoweringError
from snnc.toolchain.layers import Normalise, Phase, ReadOut, SpikingLayer, decay_register, largest_unit, repeated
from snnc.toolchain.lower import lower
from snnc.toolchain.pooled_synapses import Geometry


def test_normalising_per_channel_is_batch_normalisation() -> None:
    x = torch.randn(3, 4, 5, 6, 6, dtype=torch.float64) * 3 + 1
    ours, theirs = Normalise(5, per_channel=True).double(), torch.nn.BatchNorm2d(5, affine=False).double()
    assert torch.allclose(ours(x).flatten(0, 1), theirs(x.flatten(0, 1)))  # a test of training
    assert torch.allclose(ours.mean, theirs.running_mean)


def test_one_scale_per_layer_keeps_the_weights_of_channels_in_proportion() -> None:
    x = torch.stack([torch.randn(1000), 5 * torch.randn(1000)], dim=1).reshape(1, 1000, 2)
    y = Normalise(2, per_channel=False)(x).detach()
    assert torch.allclose(y.mean(1), torch.zeros(2), atol=1e-5)  # a test of training
    assert float(y[..., 1].std() / y[..., 0].std()) == pytest.approx(float(x[..., 1].std() / x[..., 0].std()), rel=1e-4)
    assert float(y.square().mean()) == pytest.approx(1, rel=1e-3)


def test_running_statistics_are_used_and_kept_outside_training() -> None:
    norm = Normalise(2, per_channel=False).eval()
    x = torch.randn(1, 8, 2) + 7
    assert torch.allclose(norm(x), x, rtol=1e-4)  # a test of training
    assert norm.mean.tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_chosen_scales_never_overflow(seed: int) -> None:
    network = lower(random_model(seed))
    assert not any(overflows(network))
    for layer in (network.layers[0], network.layers[-1]):
        assert abs(layer.neuron.bias_mantissa).max() <= lif.BIAS_MANTISSA_MAX
        assert abs(layer.synapses[0].weight).max() <= 127


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_chosen_scales_use_the_whole_range(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(3, 7, generator=generator), 3 * torch.randn(3, generator=generator)
    limit = int(torch.randint(1, 300, (), generator=generator))
    unit = largest_unit(weight, bias, limit, leak=1.0, timesteps=2)
    shares = [
        unit * weight.abs().max() / 127,
        unit * bias.abs().max() / (0.8 * lif.BIAS_MANTISSA_MAX),
        unit * (weight.abs().sum(1) * limit + bias.abs()).max() * 2 / (0.8 * lif.INPUT_MAX),
    ]
    assert float(max(shares)) == pytest.approx(1, rel=1e-5)


def test_the_unit_is_limited_by_weights_biases_and_sums() -> None:
    weight, bias = torch.tensor([[0.5, -1.0]]), torch.tensor([0.0])
    assert float(largest_unit(weight, bias, input_limit=1, leak=0.5, timesteps=9)) == 127
    assert float(largest_unit(weight, torch.tensor([100.0]), 1, 0.5, 9)) == pytest.approx(0.8 * 4095 / 100)
    assert float(largest_unit(weight, bias, input_limit=1000, leak=0.5, timesteps=2)) == pytest.approx(
        0.8 * 131071 / 1.5 / 1500
    )


def test_a_layer_whose_weights_all_vanish_is_refused_with_a_remedy() -> None:
    layer = SpikingLayer("fc1", (4,), 2, Geometry(), weights="ternary", delta=0.1, leak=0.5)
    torch.nn.init.constant_(layer.synapses.weight, 0.05)
    with pytest.raises(LoweringError, match="layer 'fc1': all weights are 0 after quantisation; lower delta"):
        layer.freeze(1, 3)


def test_dropout_silences_a_neuron_at_all_steps_and_not_in_the_integer_phase() -> None:
    layer = SpikingLayer("fc1", (4,), 50, Geometry(), weights="ternary", delta=0.1, leak=0.5, dropout=0.5)
    torch.nn.init.constant_(layer.normalise.shift, 5.0)
    spikes, _ = layer(torch.ones(1, 20, 4), 3)
    assert set(spikes.unique().tolist()) == {0, 2}
    assert torch.equal(spikes[0], spikes[1])
    layer.freeze(1, 3)
    layer.phase = Phase.INTEGER
    assert set(layer(torch.ones(1, 20, 4), 3)[0].unique().tolist()) <= {0, 1}


@pytest.mark.parametrize(("setting", "what"), [("shift", "bias"), ("variance", "threshold")])
def test_a_layer_that_does_not_fit_the_chip_is_refused_when_it_is_frozen(setting: str, what: str) -> None:
    layer = SpikingLayer("fc1", (4,), 2, Geometry(), weights="binary", delta=0.1, leak=0.5)
    getattr(layer.normalise, setting).data.fill_(1e12)
    with pytest.raises(
        LoweringError, match=rf"layer 'fc1': {what} of \d+ weight units is outside 0..\d+; lower the learning rate"
    ):
        layer.freeze(1, 5)


@pytest.mark.parametrize("leak", [0.0, 1.1, 0.3, -1])
def test_leaks_that_the_chip_does_not_have_are_refused(leak: float) -> None:
    with pytest.raises(ConfigError, match=r"is not k / 4096 with k in 1..4096; try 0.5"):
        decay_register(leak)


@pytest.mark.parametrize(("leak", "dv"), [(1.0, 0), (0.5, 2048), (1 / 4096, 4095)])
def test_leaks_and_registers(leak: float, dv: int) -> None:
    assert decay_register(leak) == dv


def test_repeating_over_time_copies_nothing() -> None:
    one = torch.ones(1, 2, 3)
    assert repeated(one, 5).data_ptr() == one.data_ptr()
    assert repeated(one, 5).shape == (5, 2, 3)


def test_the_first_logits_are_of_order_one() -> None:
    torch.manual_seed(0)
    readout = ReadOut("readout", (400,), 10, Geometry(), leak=0.5, timesteps=8)
    logits = readout((torch.rand(1, 200, 400) < 0.5).float(), 8)
    assert 0.2 < float(logits.detach().std()) < 2
