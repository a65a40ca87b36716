"""Networks side by side: every spike and membrane is that of the member alone."""

from dataclasses import replace

import numpy as np
import pytest
from random_networks import random_samples

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.committee import side_by_side
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.predictions import probabilities, softmax
from snnc.toolchain.network.readout import ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


def member(seed: int, *, units: int = 100, dv: int = 2048) -> Network:
    """Return a small network with a shortcut whose first layer, the encoder, is the same for all seeds."""
    shared, rng = np.random.default_rng(0), np.random.default_rng(seed)
    encoder = Layer("encoder", (Conv("input", shared.integers(-9, 10, (2, 1, 2, 2))),), Lif((2, 3, 3), 8, dv))
    bias = rng.integers(-2, 3, (2, 1, 1))
    weight = rng.choice([-1, 1], (2, 2, 3, 3))
    middle = Layer("middle", (Conv("encoder", weight, padding=(1, 1)),), Lif((2, 3, 3), int(rng.integers(1, 4)), dv, bias))
    head = (Dense("middle", rng.integers(-5, 6, (3, 18))), Dense("encoder", rng.integers(-5, 6, (3, 18))))
    readout = Layer("readout", head, Lif((3,), 131071, dv, rng.integers(-4, 5, 3)))
    return Network(
        f"m{seed}", 4, Input((1, 4, 4), -3, 3), (encoder, middle, readout), labels=("a", "b", "c"), logit_units=units
    )


def replace_vth(neuron: Lif, vth: int) -> Lif:
    return Lif(neuron.shape, vth, neuron.dv, neuron.bias_mantissa, neuron.bias_exponent, neuron.du)


def test_each_member_computes_what_it_computes_alone() -> None:
    members = [member(seed) for seed in (1, 2, 3)]
    together = side_by_side(members, "committee")
    prove(together)
    samples = random_samples(together, 20)
    whole = simulate(together, samples)
    for number, alone in enumerate(members):
        trace = simulate(alone, samples)
        middle = "middle" if number == 0 else f"middle-m{number}"
        assert np.array_equal(whole.spikes["encoder"], trace.spikes["encoder"])
        assert np.array_equal(whole.spikes[middle], trace.spikes["middle"])
        assert np.array_equal(whole.membranes[middle], trace.membranes["middle"])
        assert np.array_equal(whole.membranes["readout"][..., 3 * number : 3 * number + 3], trace.membranes["readout"])
    outputs = [simulate(alone, samples).outputs(alone) for alone in members]
    expected = np.mean([softmax(each / 100) for each in outputs], axis=0)
    assert np.allclose(probabilities(together, whole.outputs(together)), expected)
    assert (together.members, together.classes, together.labels) == (3, 3, ("a", "b", "c"))


@pytest.mark.parametrize("readout", ["spikes", "first-spike"])
def test_members_of_spikes_decide_as_alone(readout: ReadOutKind) -> None:
    members = [_spiking(seed, readout) for seed in (1, 2)]
    together = side_by_side(members, "committee")
    samples = random_samples(together, 20)
    outputs = [simulate(alone, samples).outputs(alone) for alone in members]
    assert np.array_equal(simulate(together, samples).outputs(together), np.hstack(outputs))
    assert together.readout == readout and len(np.unique(outputs)) > 3


def _spiking(seed: int, readout: ReadOutKind) -> Network:
    network = member(seed)
    last = network.layers[-1]
    neuron = replace_vth(last.neuron, 5)
    return replace(network, layers=(*network.layers[:-1], replace(last, neuron=neuron)), readout=readout)


def test_what_members_have_in_common_is_kept_once() -> None:
    together = side_by_side([member(1), member(2)], "committee")
    assert [layer.name for layer in together.layers] == ["encoder", "middle", "middle-m1", "readout"]
    same = side_by_side([member(1), member(1)], "committee")
    assert [layer.name for layer in same.layers] == ["encoder", "middle", "readout"]


def test_members_of_another_kind_are_refused() -> None:
    with pytest.raises(NetworkError, match="a committee has no members"):
        side_by_side([], "")
    with pytest.raises(NetworkError, match="members differ in timesteps: 4 and 5"):
        side_by_side([member(1), replace(member(2), timesteps=5)], "")
    with pytest.raises(NetworkError, match="members differ in logit_units"):
        side_by_side([member(1), member(2, units=99)], "")
    with pytest.raises(NetworkError, match="'m2' does not say how many units a logit has"):
        side_by_side([member(1), member(2, units=0)], "")
    with pytest.raises(NetworkError, match="differ in their decays"):
        side_by_side([member(1), member(2, dv=1024)], "")
    last = member(2).layers[-1]
    other = replace(last, neuron=replace_vth(last.neuron, 5))
    kinds: tuple[ReadOutKind, ...] = ("spikes", "first-spike")
    for readout in kinds:
        spiking = [replace(member(1), readout=readout), replace(member(2), readout=readout)]
        spiking[1] = replace(spiking[1], layers=(*spiking[1].layers[:-1], other))
        with pytest.raises(NetworkError, match="spiking read-outs have the thresholds 131071 and 5; rescale one of them"):
            side_by_side(spiking, "")
    with pytest.raises(NetworkError, match="members differ in readout: spikes and first-spike"):
        side_by_side([replace(member(1), readout="spikes"), replace(member(2), readout="first-spike")], "")
    with pytest.raises(NetworkError, match="is a committee of 2 itself"):
        side_by_side([side_by_side([member(1), member(2)], "both"), member(3)], "")
