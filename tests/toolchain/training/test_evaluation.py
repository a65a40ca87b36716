"""Evaluation: accuracy, firing rates and sparsity against a direct count."""

import numpy as np
import pytest
import torch
from training_runs import TINY

from snnc.models import build_model
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.evaluation import certainty, evaluate, sparsity


def test_it_is_what_the_chip_will_do(digits: Dataset) -> None:
    torch.manual_seed(0)
    model = build_model(TINY, digits.input, 10)
    torch.nn.init.uniform_(model.hidden[1].synapses[0].weight, -0.3, 0.3)
    model.set_phase(Phase.INTEGER)
    network = lower(model)
    trace = simulate(network, chip_input(digits.test, digits.input))
    evaluation = evaluate(model, on_device(digits.test, digits.input, torch.device("cpu")))
    right = (trace.outputs(network).argmax(1) == digits.test.labels).mean()
    assert evaluation.accuracy == pytest.approx(right, abs=1e-6)
    for name, rate in evaluation.firing_rates.items():
        assert rate == pytest.approx(trace.spikes[name].mean(), abs=1e-6)
    weights = {layer.name: layer.synapses[0].weight for layer in network.layers}
    assert sparsity(model) == pytest.approx({name: float(np.mean(weight == 0)) for name, weight in weights.items()}, abs=1e-6)


def test_it_leaves_the_network_as_it_was(digits: Dataset) -> None:
    model = build_model(TINY, digits.input, 10).train()
    before = model.hidden[0].normalize.mean.clone()
    evaluate(model, on_device(digits.test, digits.input, torch.device("cpu")))
    assert model.training and model.hidden[0].training
    assert torch.equal(before, model.hidden[0].normalize.mean)


def test_sparsity_counts_the_synapses_of_all_sources() -> None:
    network = SpikingNetwork("join", 3, Input((4,), 0, 1))
    neurons = Neurons(3, 0.5)
    first = network.add(SpikingLayer("a", {INPUT: Synapses((4,), 2, Geometry())}, neurons, weights="ternary", delta=0.1))
    synapses = {source: Synapses(network.shape(source), 3, Geometry()) for source in (INPUT, first)}
    network.add(ReadOut("out", synapses, neurons))
    for each, value in zip(network.readout.synapses, (0.0, 1.0), strict=True):
        torch.nn.init.constant_(each.weight, value)
    assert sparsity(network) == {"a": 0, "out": 12 / 18}


def test_certainty_is_a_histogram_of_the_means_of_weights() -> None:
    model = build_model(TINY.replaced(weights="posterior"), Input((1, 8, 8), -5, 11), 10)
    latents = model.hidden[1].synapses[0].weight
    means = np.random.default_rng(0).uniform(-1, 1, tuple(latents.shape))
    latents.data.copy_(torch.from_numpy(np.arctanh(means)))
    expected = np.histogram(np.abs(means), 10, (0, 1))[0] / means.size
    assert certainty(model) == {"fc2": pytest.approx(expected, abs=0.005)}
    assert sum(certainty(model)["fc2"]) == pytest.approx(1, abs=1e-4)
    latents.data.fill_(50.0)
    assert certainty(model) == {"fc2": [0.0] * 9 + [1.0]}
    assert certainty(build_model(TINY, Input((1, 8, 8), -5, 11), 10)) == {}
