"""Shortcuts: what they bring in floats and in integers, and which shapes they can join."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from random_networks import seeds

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.spiking_layer import SpikingLayer
from snnc.toolchain.layers.synapses import Geometry, Synapses

SHAPES = [((4, 6, 6), (4, 6, 6)), ((3, 8, 4), (6, 4, 2)), ((5,), (15,)), ((2, 6, 6), (4, 2, 2))]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_synapse_gives_what_the_forward_pass_adds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = SHAPES[seed % len(SHAPES)]
    shortcut, strength = Shortcut(source, target, 0.75), int(rng.integers(1, 128))
    spikes = rng.random((3, *source)) < 0.5
    sums = shortcut.synapse("a", strength).sums(spikes)
    joined = shortcut(torch.tensor(spikes).float().unsqueeze(0), float(strength))
    assert np.array_equal(joined[0].numpy(), sums)
    in_thresholds = shortcut(torch.tensor(spikes).double().unsqueeze(0))
    assert np.allclose(in_thresholds[0] * strength, sums * 0.75 / shortcut.pool_area)  # a test of training


def test_doubled_channels_are_the_source_twice() -> None:
    spikes = torch.tensor([1.0, 0.0, 1.0]).reshape(1, 1, 3)
    assert Shortcut((3,), (6,))(spikes).flatten().tolist() == [1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(("scale", "gain", "k"), [(20.0, 1.0, 5), (20.0, 0.5, 2), (0.1, 1.0, 1), (1e5, 1.0, 127)])
def test_strengths_are_whole_and_fit_8_bits(scale: float, gain: float, k: int) -> None:
    assert int(Shortcut((2, 4, 4), (2, 2, 2), gain).strength(torch.tensor(scale))) == k


@pytest.mark.parametrize("target", [(5, 4, 4), (4, 3, 3), (4, 8, 8), (64,), (2, 4, 4), (4, 4, 2)])
def test_shapes_that_need_weights_are_refused(target: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="would need weights; allowed are sides divided by one whole number"):
        Shortcut((4, 4, 4), target)


def test_shortcuts_without_strength_or_spikes_are_refused() -> None:
    with pytest.raises(ConfigError, match="gain is 0; allowed is above 0 thresholds"):
        Shortcut((4,), (4,), 0)
    with pytest.raises(ConfigError, match="carries spikes, so it cannot start at 'input'; name a layer"):
        joined("ternary", {"input": Shortcut((4, 8, 8), (8, 4, 4))})


def joined(weights: str, shortcuts: dict[str, Shortcut], name: str = "a") -> SpikingLayer:
    torch.manual_seed(0)
    synapses = {name: Synapses((4, 8, 8), 8, Geometry(kernel=3, padding=1, pool=2))}
    return SpikingLayer("join", synapses, Neurons(3, 0.5), weights=weights, delta=0.1, shortcuts=shortcuts)


@pytest.mark.parametrize("weights", ["binary-centered", "float"])
def test_a_shortcut_is_worth_its_gain_in_thresholds_in_every_phase(weights: str) -> None:
    layer = joined(weights, {"a": Shortcut((4, 8, 8), (8, 4, 4), 0.8)})
    layer.normalize.variance.fill_(400.0)
    layer.freeze([1])
    chip = layer.integer_parameters()
    k = int(layer.shortcuts["a"].strength(layer.scale))
    assert 4 * k / chip.vth == pytest.approx(0.8, abs=2 / chip.vth)
    spikes = {"a": torch.ones(3, 2, 4, 8, 8)}
    in_thresholds = layer.joined(spikes)
    assert in_thresholds is not None and torch.allclose(in_thresholds, torch.tensor(0.8))  # a test of training
    layer.phase = Phase.INTEGER
    layer.eval()
    fired, membranes = layer.trace({"a": (torch.rand(3, 2, 4, 8, 8) < 0.3).float()})
    assert fired.shape == membranes.shape == (3, 2, 8, 4, 4)


def test_no_weight_of_8_bits_leaves_room_for_a_strength_beyond_them() -> None:
    layer = joined("float", {"a": Shortcut((4, 8, 8), (8, 4, 4), 100.0)})
    layer.freeze([1])
    assert float(100 * layer.scale / 4) <= 127.001
