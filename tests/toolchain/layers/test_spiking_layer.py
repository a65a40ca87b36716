"""Layers: normalization, scales that fit the chip, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from random_networks import random_model, seeds

from snnc.toolchain.errors import LoweringError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.lower import lower
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import overflows


def dense(features: int, out: int) -> dict[str, Synapses]:
    return {"input": Synapses((features,), out, Geometry())}


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_chosen_scales_never_overflow(seed: int) -> None:
    network = lower(random_model(seed))
    assert not any(overflows(network))
    for layer in (network.layers[0], network.layers[-1]):
        assert abs(layer.neuron.bias_mantissa).max() <= lif.BIAS_MANTISSA_MAX
        assert all(abs(synapse.weight).max() <= 127 for synapse in layer.synapses)


def test_a_layer_whose_weights_all_vanish_is_refused_with_a_remedy() -> None:
    layer = SpikingLayer("fc1", dense(4, 2), Neurons(3, 0.5), weights="ternary", delta=0.1)
    torch.nn.init.constant_(layer.synapses[0].weight, 0.05)
    with pytest.raises(LoweringError, match="layer 'fc1': all weights are 0 after quantization; lower delta"):
        layer.freeze([1])


def test_dropout_silences_a_neuron_at_all_steps_and_not_in_the_integer_phase() -> None:
    layer = SpikingLayer("fc1", dense(4, 50), Neurons(3, 0.5), weights="ternary", delta=0.1, dropout=0.5)
    torch.nn.init.constant_(layer.normalize.shift, 5.0)
    spikes = layer({"input": torch.ones(1, 20, 4)})
    assert set(spikes.unique().tolist()) == {0, 2}
    assert torch.equal(spikes[0], spikes[1])
    layer.freeze([1])
    layer.phase = Phase.INTEGER
    assert set(layer({"input": torch.ones(1, 20, 4)}).unique().tolist()) <= {0, 1}


@pytest.mark.parametrize(("setting", "what"), [("shift", "bias"), ("variance", "threshold")])
def test_a_layer_that_does_not_fit_the_chip_is_refused_when_it_is_frozen(setting: str, what: str) -> None:
    layer = SpikingLayer("fc1", dense(4, 2), Neurons(3, 0.5), weights="binary", delta=0.1)
    getattr(layer.normalize, setting).data.fill_(1e12)
    with pytest.raises(
        LoweringError, match=rf"layer 'fc1': {what} of \d+ weight units is outside 0..\d+; lower the learning rate"
    ):
        layer.freeze([1])


def test_the_first_logits_are_of_order_one() -> None:
    torch.manual_seed(0)
    readout = ReadOut("readout", dense(400, 10), Neurons(8, 0.5))
    membranes, scale = readout({"input": (torch.rand(1, 200, 400) < 0.5).float()})
    assert membranes.shape == (8, 200, 10)
    assert float(scale) == 1
    assert 0.2 < float(membranes.detach().sum(0).std()) < 2
