"""What a dry run says: counts that can be checked by hand, and memory against what autograd really keeps."""

import numpy as np
import pytest
import torch
from training_runs import TINY

from snnc.models import build_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_layer import ReadOut
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.training.batches import DeviceSplit, on_device
from snnc.toolchain.training.estimate import SAMPLES, estimate, plan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def samples(digits: Dataset) -> DeviceSplit:
    return on_device(digits.train, digits.input, CPU)


def test_parameters_and_neurons_are_those_of_the_network(samples: DeviceSplit) -> None:
    model = build_model(TINY, samples.input, 10)
    planned = estimate(TINY, model, samples)
    assert sum(layer.parameters for layer in planned.layers) == sum(weight.numel() for weight in model.parameters())
    assert [layer.neurons for layer in planned.layers] == [31, 15, 10]
    assert planned.data_mib == samples.raw.numel() / 2**20


def test_synaptic_operations_are_spikes_times_synapses(samples: DeviceSplit) -> None:
    planned = estimate(TINY, build_model(TINY.replaced(dropout=0.0), samples.input, 10), samples)
    first, second, third = planned.layers
    used = np.count_nonzero(samples.as_input(samples.raw[:SAMPLES]).numpy()) / SAMPLES
    assert first.synaptic_operations == pytest.approx(used * 31 * TINY.timesteps)
    assert second.synaptic_operations == pytest.approx(first.spikes * 15)
    assert third.synaptic_operations == pytest.approx(second.spikes * 10)
    assert third.spikes == 0


def test_synaptic_operations_of_all_sources_add_up(samples: DeviceSplit) -> None:
    network = build_model(TINY.replaced(dropout=0.0), samples.input, 10)
    chain = estimate(TINY, network, samples)
    joined, neurons = SpikingNetwork("joined", TINY.timesteps, samples.input), network.readout.neurons
    for layer in network.hidden:
        joined.add(layer)
    first, second = (layer.name for layer in network.hidden)
    joined.add(ReadOut("out", {name: Synapses(joined.shape(name), 10, Geometry()) for name in (second, first)}, neurons))
    planned = estimate(TINY, joined, samples)
    assert planned.layers[:2] == chain.layers[:2]
    spikes = planned.layers[0].spikes + planned.layers[1].spikes
    assert planned.layers[2].synaptic_operations == pytest.approx(10 * spikes)
    assert planned.layers[2].parameters == 10 * (31 + 15 + 1)


@pytest.mark.parametrize(("method", "networks"), [("baseline", 1), ("tna", 2), ("tna3", 3), ("kd", 2)])
def test_twins_count(samples: DeviceSplit, method: str, networks: int) -> None:
    alone = estimate(TINY.replaced(method="baseline"), build_model(TINY, samples.input, 10), samples)
    planned = estimate(TINY.replaced(method=method), build_model(TINY, samples.input, 10), samples)
    assert planned.networks == networks
    learning = 1 if method == "kd" else networks
    assert planned.training_mib >= alone.training_mib * learning * 0.99


def test_memory_grows_with_the_batch(samples: DeviceSplit) -> None:
    model = build_model(TINY.replaced(model="cifarnet", width=0.1), samples.input, 10)
    small, large = (estimate(TINY.replaced(batch_size=size), model, samples).training_mib for size in (32, 320))
    assert 3 < large / small < 10


def test_a_wide_network_is_measured_in_a_narrow_one(monkeypatch: pytest.MonkeyPatch, digits: Dataset) -> None:
    """Rates carry over; counts grow with the neurons, operations with neurons times outputs, memory with both."""
    config = TINY.replaced(model="cifarnet", width=0.25, batch_size=32)
    build = lambda c: build_model(c, digits.input, 10)  # noqa: E731
    whole = plan(config, digits, build)
    monkeypatch.setattr("snnc.toolchain.training.estimate.SMALL", 2**14)
    narrow = plan(config, digits, build)
    for one, other in zip(whole.layers, narrow.layers, strict=True):
        assert (one.name, one.shape, one.parameters, one.neurons) == (other.name, other.shape, other.parameters, other.neurons)
        assert other.spikes == pytest.approx(one.spikes, rel=0.5, abs=1)
        assert other.synaptic_operations == pytest.approx(one.synaptic_operations, rel=0.5)
    assert narrow.training_mib == pytest.approx(whole.training_mib, rel=0.2)


def test_a_model_without_a_width_that_is_too_large_is_refused(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnc.toolchain.training.estimate.SMALL", 100)
    fixed = TINY.replaced(width=0.5)
    with pytest.raises(ConfigError, match=r"model 'mlp' has [0-9,]+ parameters at any width; too many to estimate"):
        plan(TINY, digits, lambda config: build_model(fixed, digits.input, 10))
