"""What layers share: sums over sources, and the largest scale at which nothing can overflow."""

import pytest
import torch
from hypothesis import given, settings
from random_networks import seeds

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.population import Population, largest_scale, repeated
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network import lif


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_chosen_scales_use_the_whole_range(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(3, 7, generator=generator), 3 * torch.randn(3, generator=generator)
    limit = int(torch.randint(1, 300, (), generator=generator))
    scale = largest_scale([weight], bias, [limit], neurons=Neurons(2, 1.0))
    shares = [
        scale * weight.abs().max() / 127,
        scale * bias.abs().max() / (0.8 * lif.BIAS_MANTISSA_MAX),
        scale * (weight.abs().sum(1) * limit + bias.abs()).max() * 2 / (0.8 * lif.INPUT_MAX),
    ]
    assert float(max(shares)) == pytest.approx(1, rel=1e-5)


def test_the_scale_is_limited_by_weights_biases_and_sums() -> None:
    weight, bias = torch.tensor([[0.5, -1.0]]), torch.tensor([0.0])
    assert float(largest_scale([weight], bias, [1], Neurons(9, 0.5))) == 127
    assert float(largest_scale([weight], torch.tensor([100.0]), [1], Neurons(9, 0.5))) == pytest.approx(0.8 * 4095 / 100)
    assert float(largest_scale([weight], bias, [1000], Neurons(2, 0.5))) == pytest.approx(0.8 * 131071 / 1.5 / 1500)


def test_the_scale_is_that_of_all_sources_together() -> None:
    weights, none, neurons = [torch.tensor([[0.5]]), torch.tensor([[0.25, -0.25]])], torch.tensor([0.0]), Neurons(1, 0.5)
    assert float(largest_scale(weights, none, [1, 1], neurons)) == 127 / 0.5
    most = 0.8 * lif.INPUT_MAX
    assert float(largest_scale(weights, none, [1000, 4000], neurons)) == pytest.approx(most / (0.5 * 1000 + 0.5 * 4000))


def test_repeating_over_time_copies_nothing() -> None:
    one = torch.ones(1, 2, 3)
    assert repeated(one, 5).data_ptr() == one.data_ptr()
    assert repeated(one, 5).shape == (5, 2, 3)


def test_currents_of_all_sources_add_up_and_those_of_one_step_repeat() -> None:
    synapses = {"input": Synapses((1, 2, 2), 3, Geometry()), "a": Synapses((5,), 3, Geometry())}
    population = Population("join", synapses, Neurons(4, 0.5))
    spikes = {"input": torch.rand(1, 2, 1, 2, 2), "a": torch.rand(4, 2, 5), "b": torch.rand(4, 2, 9)}
    weights = [each.weight for each in population.synapses]
    current = population.current(spikes, weights, pool_sums=False)
    for t in range(4):
        expected = spikes["input"][0].flatten(1) @ weights[0].T + spikes["a"][t] @ weights[1].T
        assert torch.allclose(current[t], expected, atol=1e-6)  # a test of training
    assert population.sources == ("input", "a")


def test_sources_of_the_same_synapses_are_added_and_weighed_once() -> None:
    shared, own = Synapses((4,), 3, Geometry()), Synapses((5,), 3, Geometry())
    population = Population("join", {"a": shared, "b": own, "c": shared}, Neurons(4, 0.5))
    assert population.summed == (("a", "c"), ("b",))
    assert population.sources == ("a", "c", "b")
    assert population.inputs == [("a", shared), ("c", shared), ("b", own)]
    assert population.by_source([1, 2]) == [("a", 1), ("c", 1), ("b", 2)]
    assert len(list(population.parameters())) == 2
    spikes = {name: torch.rand(4, 2, size) for name, size in (("a", 4), ("b", 5), ("c", 4))}
    current = population.current(spikes, [shared.weight, own.weight], pool_sums=False)
    expected = (spikes["a"] + spikes["c"]) @ shared.weight.T + spikes["b"] @ own.weight.T
    assert torch.allclose(current, expected, atol=1e-6)  # a test of training


def test_sources_of_different_shapes_and_layers_without_any_are_refused() -> None:
    other = {"input": Synapses((4,), 3, Geometry()), "a.b": Synapses((5,), 2, Geometry())}
    with pytest.raises(ConfigError, match=r"layer 'x': got \(3,\) from 'input', \(2,\) from 'a.b'; allowed is one or more"):
        Population("x", other, Neurons(4, 0.5))
    with pytest.raises(ConfigError, match="layer 'x': got no sources; allowed is one or more synapses"):
        Population("x", {}, Neurons(4, 0.5))
