"""Layers: normalization, scales that fit the chip, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from random_networks import random_model, seeds

from snnc.toolchain.errors import LoweringError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.spiking_layer import Phase, ReadOut, SpikingLayer, largest_unit, repeated
from snnc.toolchain.layers.synapses import Geometry
from snnc.toolchain.lower import lower
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import overflows


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
    unit = largest_unit(weight, bias, limit, neurons=Neurons(2, 1.0))
    shares = [
        unit * weight.abs().max() / 127,
        unit * bias.abs().max() / (0.8 * lif.BIAS_MANTISSA_MAX),
        unit * (weight.abs().sum(1) * limit + bias.abs()).max() * 2 / (0.8 * lif.INPUT_MAX),
    ]
    assert float(max(shares)) == pytest.approx(1, rel=1e-5)


def test_the_unit_is_limited_by_weights_biases_and_sums() -> None:
    weight, bias = torch.tensor([[0.5, -1.0]]), torch.tensor([0.0])
    assert float(largest_unit(weight, bias, input_limit=1, neurons=Neurons(9, 0.5))) == 127
    assert float(largest_unit(weight, torch.tensor([100.0]), 1, Neurons(9, 0.5))) == pytest.approx(0.8 * 4095 / 100)
    assert float(largest_unit(weight, bias, input_limit=1000, neurons=Neurons(2, 0.5))) == pytest.approx(
        0.8 * 131071 / 1.5 / 1500
    )


def test_a_layer_whose_weights_all_vanish_is_refused_with_a_remedy() -> None:
    layer = SpikingLayer("fc1", (4,), 2, Geometry(), weights="ternary", delta=0.1, neurons=Neurons(3, 0.5))
    torch.nn.init.constant_(layer.synapses.weight, 0.05)
    with pytest.raises(LoweringError, match="layer 'fc1': all weights are 0 after quantization; lower delta"):
        layer.freeze(1)


def test_dropout_silences_a_neuron_at_all_steps_and_not_in_the_integer_phase() -> None:
    layer = SpikingLayer("fc1", (4,), 50, Geometry(), weights="ternary", delta=0.1, neurons=Neurons(3, 0.5), dropout=0.5)
    torch.nn.init.constant_(layer.normalize.shift, 5.0)
    spikes = layer(torch.ones(1, 20, 4))
    assert set(spikes.unique().tolist()) == {0, 2}
    assert torch.equal(spikes[0], spikes[1])
    layer.freeze(1)
    layer.phase = Phase.INTEGER
    assert set(layer(torch.ones(1, 20, 4)).unique().tolist()) <= {0, 1}


@pytest.mark.parametrize(("setting", "what"), [("shift", "bias"), ("variance", "threshold")])
def test_a_layer_that_does_not_fit_the_chip_is_refused_when_it_is_frozen(setting: str, what: str) -> None:
    layer = SpikingLayer("fc1", (4,), 2, Geometry(), weights="binary", delta=0.1, neurons=Neurons(3, 0.5))
    getattr(layer.normalize, setting).data.fill_(1e12)
    with pytest.raises(
        LoweringError, match=rf"layer 'fc1': {what} of \d+ weight units is outside 0..\d+; lower the learning rate"
    ):
        layer.freeze(1)


def test_repeating_over_time_copies_nothing() -> None:
    one = torch.ones(1, 2, 3)
    assert repeated(one, 5).data_ptr() == one.data_ptr()
    assert repeated(one, 5).shape == (5, 2, 3)


def test_the_first_logits_are_of_order_one() -> None:
    torch.manual_seed(0)
    readout = ReadOut("readout", (400,), 10, Geometry(), neurons=Neurons(8, 0.5))
    membranes, scale = readout((torch.rand(1, 200, 400) < 0.5).float())
    assert membranes.shape == (8, 200, 10)
    assert float(scale) == 1
    assert 0.2 < float(membranes.detach().sum(0).std()) < 2
