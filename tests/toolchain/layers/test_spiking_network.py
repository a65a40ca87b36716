"""The graph: what `add` refuses, phases, gradients through joins, states, and when activations are freed."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from random_models import random_model
from random_networks import seeds

from snnc.toolchain.errors import ConfigError, LoweringError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import Logits, SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input

NEURONS = Neurons(3, 0.5)
CONV = Geometry(kernel=3, padding=1)


def layer(name: str, synapses: dict[str, Synapses], neurons: Neurons = NEURONS, weights: str = "ternary") -> SpikingLayer:
    return SpikingLayer(name, synapses, neurons, weights=weights, delta=0.1)


def residual(weights: str = "ternary") -> SpikingNetwork:
    """Return a small residual network: a shortcut around a block, one from the pooled encoder, and a read-out of two layers."""
    network = SpikingNetwork("residual", 3, Input((2, 8, 8), -4, 4))

    def synapses(source: str, out: int, geometry: Geometry) -> dict[str, Synapses]:
        return {source: Synapses(network.shape(source), out, geometry)}

    stem = network.add(layer("stem", synapses(INPUT, 8, CONV), weights="float"))
    one = network.add(layer("block.1", synapses(stem, 8, CONV), weights=weights))
    two = network.add(layer("block.2", synapses(one, 8, CONV) | synapses(stem, 8, Geometry(kernel=1)), weights=weights))
    pooled = Geometry(kernel=3, padding=1, pool=2)
    down = network.add(layer("down", synapses(two, 8, pooled) | synapses(stem, 8, Geometry(kernel=1, pool=2)), weights=weights))
    flat = network.add(layer("fc", synapses(down, 16, Geometry()) | synapses(stem, 16, Geometry(pool=4)), weights=weights))
    network.add(ReadOut("readout", synapses(flat, 5, Geometry()) | synapses(down, 5, Geometry(pool=2)), NEURONS))
    return network


def test_logits_sum_first_and_divide_then() -> None:
    membranes, scale = torch.randn(7, 4, 5, generator=torch.Generator().manual_seed(0)), torch.tensor(3.0)
    logits = Logits(membranes, scale)
    assert torch.equal(logits.total, membranes.sum(0) / 3)
    assert torch.equal(logits.steps, membranes / 3)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("weights", ["float", "ternary"])
def test_a_residual_network_learns_in_every_phase_and_every_synapse_gets_a_gradient(phase: Phase, weights: str) -> None:
    torch.manual_seed(0)
    network = residual(weights).train()
    x, labels = torch.randint(-4, 5, (64, 2, 8, 8)), torch.randint(0, 5, (64,))
    network.set_phase(min(phase, Phase.QUANTIZED))
    with torch.no_grad():
        for _ in range(30):
            network(x)  # statistics to fold
    network.set_phase(phase)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3 if phase is Phase.INTEGER else 1e-2)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        logits = network(x)
        assert logits.values.shape == (3, 64, 5)
        loss = F.cross_entropy(logits.total, labels)
        loss.backward()
        losses.append(float(loss.detach()))
        for weight in network.parameters():
            assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any()
        optimizer.step()
    assert losses[-1] < 0.95 * losses[0]


def test_scale_is_one_until_the_integer_phase() -> None:
    network = residual().eval()
    x = torch.zeros(2, 2, 8, 8)
    for phase in (Phase.FLOAT, Phase.QUANTIZED):
        network.set_phase(phase)
        assert float(network(x).scale) == 1
    network.set_phase(Phase.INTEGER)
    assert float(network(x).scale) == float(network.readout.scale) > 1


def test_scales_are_fixed_on_the_way_into_the_integer_phase_unless_they_were_loaded() -> None:
    network = residual().eval()
    network.set_phase(Phase.INTEGER, freeze=False)
    assert [float(each.scale) for each in network.layers] == [1] * 6
    network.set_phase(Phase.FLOAT)
    network.set_phase(Phase.INTEGER)
    fixed = [float(each.scale) for each in network.layers]
    assert min(fixed) > 1
    network.hidden[0].normalize.shift.data.fill_(9.0)
    network.set_phase(Phase.INTEGER)
    assert [float(each.scale) for each in network.layers] == fixed
    assert {each.phase for each in network.layers} == {network.phase} == {Phase.INTEGER}


def test_scales_leave_room_for_the_sum_of_spikes_that_share_synapses() -> None:
    network = SpikingNetwork("added", 3, Input((4,), -7, 5))
    for name in ("a", "b"):
        network.add(layer(name, {INPUT: Synapses((4,), 6, Geometry())}, weights="float"))
    out = ReadOut("readout", dict.fromkeys(("a", "b"), Synapses((6,), 2, Geometry())), NEURONS)
    network.add(out)
    seen = dict[str, list[float]]()
    for each in network.layers:
        each.freeze = lambda limits, name=each.name: seen.update({name: limits})  # type: ignore[method-assign,misc]
    network.set_phase(Phase.INTEGER)
    assert seen == {"a": [7], "b": [7], "readout": [2]}
    assert [dict(out.spiking("spikes").inputs)[name] is out.synapses[0] for name in ("a", "b")] == [True, True]


def test_a_layer_that_cannot_be_frozen_leaves_all_in_the_phase_before() -> None:
    network = residual()
    network.hidden[-1].normalize.variance.fill_(1e12)
    with pytest.raises(LoweringError, match="layer 'fc': threshold"):
        network.set_phase(Phase.INTEGER)
    assert {each.phase for each in network.layers} == {network.phase} == {Phase.FLOAT}


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_state_restores_the_network(seed: int) -> None:
    model, other = random_model(seed), random_model(seed)
    with torch.no_grad():
        for value in [*other.parameters(), *other.buffers()]:
            value.fill_(0.25)
    other.load_state_dict(model.state_dict())
    samples = np.random.default_rng(seed).integers(0, 2, (3, *model.input.shape))
    ours, theirs = model.trace(samples), other.trace(samples)
    assert list(ours.spikes) == [layer.name for layer in model.layers]
    for name, membranes in ours.membranes.items():
        assert np.array_equal(membranes, theirs.membranes[name])


@pytest.mark.parametrize(("shortcut", "most"), [(False, 2), (True, 3)])
def test_activations_are_freed_after_their_last_use(shortcut: bool, most: int) -> None:
    """A layer holds its own input and output; spikes that a shortcut takes wait for it, and no longer."""
    network, alive, seen = SpikingNetwork("deep", 3, Input((6,), 0, 1)), [], []
    last = INPUT
    for depth in range(6):
        synapses = {last: Synapses((6,), 6, Geometry())}
        if shortcut and depth == 3:
            synapses["0"] = Synapses((6,), 6, Geometry())
        last = network.add(layer(str(depth), synapses))
    network.add(ReadOut("readout", {last: Synapses((6,), 2, Geometry())}, NEURONS))

    def watch(module: torch.nn.Module, arguments: object, output: torch.Tensor) -> None:
        alive.append(weakref.ref(output))
        seen.append(sum(tensor() is not None for tensor in alive))

    for each in network.hidden:
        each.register_forward_hook(watch)
    with torch.no_grad():
        network.eval()(torch.ones(2, 6))
    assert seen == ([1, 2, 3, 3, 2, 2] if shortcut else [1, 2, 2, 2, 2, 2])
    assert max(seen) == most


def dense(source: str, features: int = 6, out: int = 6) -> dict[str, Synapses]:
    return {source: Synapses((features,), out, Geometry())}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: layer("a", dense("input")), "layer 'a': the name is taken; give each layer its own"),
        (lambda: layer("input", dense("input")), "layer 'input': the name is taken; .* and none the name 'input'"),
        (lambda: layer("b", dense("c")), "layer 'b': source 'c' is unknown; allowed are input, a: add it before"),
        (lambda: layer("b", dense("b")), "layer 'b': source 'b' is unknown"),
        (
            lambda: layer("b", dense("a", 5)),
            r"layer 'b': its synapses take a source of shape \(5,\), 'a' has \(6,\); build them with network.shape\('a'\)",
        ),
        (lambda: layer("b", dense("a"), Neurons(4, 0.5)), "layer 'b': got 4 time steps, the network has 3; use those"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(wrong: Callable[[], SpikingLayer], message: str) -> None:
    network = SpikingNetwork("n", 3, Input((6,), 0, 1))
    assert network.add(layer("a", dense("input"))) == "a"
    with pytest.raises(ConfigError, match=message):
        network.add(wrong())
    assert [each.name for each in network.layers] == ["a"]


def test_the_read_out_is_the_last_layer_and_there_is_one() -> None:
    network = SpikingNetwork("n", 3, Input((6,), 0, 1))
    with pytest.raises(ConfigError, match="network 'n' has no read-out; add a ReadOut as its last layer"):
        network(torch.ones(1, 6))
    network.add(ReadOut("out", dense(INPUT), NEURONS))
    for another in (layer("b", dense("out")), ReadOut("out2", dense(INPUT), NEURONS)):
        with pytest.raises(ConfigError, match="nothing may come after the read-out 'out'; add it last, and once"):
            network.add(another)
    assert network.readout.name == "out" and network.hidden == []
    with pytest.raises(ConfigError, match="network: source 'x' is unknown; allowed are input, out"):
        network.shape("x")
