"""Layers: normalization, scales that fit the chip, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from random_models import random_model
from random_networks import seeds

from snnc.toolchain.errors import ConfigError, LoweringError
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


def pooled(sides: tuple[int, ...]) -> dict[str, Synapses]:
    return {str(i): Synapses((1, 4 * side, 4 * side), 2, Geometry(kernel=1, pool=side)) for i, side in enumerate(sides)}


@pytest.mark.parametrize(
    ("sides", "multiples"), [((1,), [1]), ((4,), [1]), ((1, 2, 4), [16, 4, 1]), ((2, 3), [9, 4]), ((2, 2), [1, 1])]
)
def test_pools_of_different_areas_get_one_exact_scale(sides: tuple[int, ...], multiples: list[int]) -> None:
    layer = SpikingLayer("join", pooled(sides), Neurons(3, 0.5), weights="binary", delta=0.1)
    layer.freeze([1] * len(sides))
    chip = layer.integer_parameters()
    assert [float(weight.detach().abs().max()) for weight in chip.weights] == multiples
    assert float(layer.scale) == pytest.approx(layer.pool_area, rel=1e-4)
    shapes = {source: each.source_shape for source, each in zip(layer.sources, layer.synapses, strict=True)}
    spikes = {source: (torch.rand(3, 5, *shape) < 0.5).float() for source, shape in shapes.items()}
    layer.phase = Phase.QUANTIZED
    averages = layer.current(spikes, layer.current_weights(), pool_sums=False)
    sums = layer.current(spikes, chip.weights, pool_sums=True)
    assert torch.equal(sums, sums.round())
    assert torch.allclose(sums, averages * layer.pool_area, atol=1e-3)  # a test of training


def test_pools_that_need_more_than_8_bits_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"layer 'join': pools of 1 x 1, 12 x 12 need ternary weights of 144, allowed are 1 to 127"
    ):
        SpikingLayer("join", pooled((1, 12)), Neurons(3, 0.5), weights="ternary", delta=0.1)
    SpikingLayer("join", pooled((1, 12)), Neurons(3, 0.5), weights="float", delta=0.1)


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
