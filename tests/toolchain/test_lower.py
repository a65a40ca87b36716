"""Lowering: the network computes what the model computes, number for number."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from random_models import random_geometry, random_model
from random_networks import random_samples, seeds

from snnc.toolchain.errors import LoweringError, NetworkError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.lower import folded, lower, whole
from snnc.toolchain.network.network import Input
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_random_models_equal_their_networks_at_every_layer_and_step(seed: int) -> None:
    model = random_model(seed)
    network = lower(model)
    for timed in (False, True):
        samples = random_samples(network, 6, timed=timed, seed=seed)
        ours, theirs = simulate(network, samples), model.trace(samples)
        for layer in network.layers:
            assert np.array_equal(ours.spikes[layer.name], theirs.spikes[layer.name])
            assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
        logits = model(torch.tensor(samples, dtype=torch.float32)).total
        assert logits.isfinite().all()
        assert np.array_equal(ours.outputs(network).argmax(1), logits.argmax(1).numpy())


def test_random_models_have_joins_of_all_kinds() -> None:
    """The comparison above would say little if layers had one source each."""
    networks = [lower(random_model(seed)) for seed in range(60)]
    joins = [layer.synapses for network in networks for layer in network.layers if len(layer.synapses) > 1]
    kinds = {frozenset(type(synapse) for synapse in synapses) for synapses in joins}
    assert len(joins) > 60
    assert {frozenset([Conv]), frozenset([Dense])} <= kinds
    shared = [(a, b) for joined in joins for a, b in pairwise(joined) if isinstance(a, Dense) is isinstance(b, Dense)]
    assert any(a.source != b.source and np.array_equal(a.weight, b.weight) for a, b in shared)
    assert any("input" in [synapse.source for synapse in synapses][1:] for synapses in joins)
    assert any(abs(synapse.weight).max() in (4, 16) for synapses in joins for synapse in synapses)  # beside another pool


def test_random_models_do_spike() -> None:
    """The comparison above would be empty if no neuron ever fired, or all did."""
    rates = []
    for seed in range(40):
        network = lower(random_model(seed))
        trace = simulate(network, random_samples(network, 6))
        rates += [trace.spikes[layer.name].mean() for layer in network.layers[:-1]]
    assert np.mean([0.02 < rate < 0.98 for rate in rates]) > 0.5


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_folded_pooling_gives_the_same_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = (int(rng.integers(1, 4)), 8, 4)
    synapses = Synapses(source, 5, random_geometry(rng, source))
    weight = rng.integers(-3, 4, synapses.weight.shape)
    spikes = rng.integers(0, 2, (1, 3, *source))
    expected = synapses(torch.tensor(spikes).float(), torch.tensor(weight).float(), pool_sums=True)
    synapse = folded(synapses, weight, "input")
    assert synapse.output_shape(source) == synapses.output_shape
    assert np.array_equal(synapse.sums(spikes[0]), expected[0].detach().numpy())


def test_hidden_weights_are_exactly_ternary() -> None:
    seen = set()
    for seed in range(30):
        model = random_model(seed, joins=False)
        for trained, layer in zip(model.hidden[1:], lower(model).layers[1:], strict=False):
            if trained.quantize is not None:
                seen |= set(layer.synapses[0].weight.flat)
    assert seen == {-1, 0, 1}


def test_a_model_before_the_integer_phase_is_refused() -> None:
    model = random_model(1)
    model.set_phase(Phase.FLOAT)
    with pytest.raises(LoweringError, match="only been trained to phase 'float'; train it through the integer phase"):
        lower(model)


def test_a_bias_that_does_not_fit_names_its_layer() -> None:
    model = random_model(3)
    with torch.no_grad():
        model.hidden[0].normalize.shift.fill_(1e6)
    with pytest.raises(
        NetworkError, match=r"layer 'layer.0': bias mantissa \d+ is outside -131071..131071; a bias has 24 bits"
    ):
        lower(model)


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_values_that_are_not_whole_are_refused(value: float) -> None:
    with pytest.raises(LoweringError, match="no whole numbers"):
        whole(torch.tensor([1.0, value]))


def test_the_input_range_travels_along() -> None:
    model = random_model(5)
    model.input = Input(model.input.shape, 0, 1, 0)
    assert lower(model).input == model.input


def test_a_huge_image_of_a_small_model_is_refused_before_anything_is_made() -> None:
    side = 2**14
    network, neurons = SpikingNetwork("huge", 3, Input((1, side, side), 0, 1)), Neurons(3, 0.5, "boxcar")
    one = Synapses((1, side, side), 2, Geometry(kernel=1))
    network.add(SpikingLayer("a", {"input": one}, neurons, weights="float", delta=0.1))
    network.add(ReadOut("out", {"a": Synapses((2, side, side), 2, Geometry(kernel=1))}, neurons))
    network.set_phase(Phase.INTEGER, freeze=False)
    with pytest.raises(NetworkError, match="1,073,741,824 neurons are too many; allowed are 16,777,216"):
        lower(network)
