"""Overflows of a run, and witnesses: inputs that really overflow, or the news that none was found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.overflow import overflowing
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.witness import Witness, file_samples, witnesses


def dense(weight: ArrayLike, neuron: Lif, *, maximum: int = 1, timesteps: int = 3, delay: int = 0) -> Network:
    layer = Layer("fc", (Dense(INPUT, weight, delay),), neuron)
    return Network("n", timesteps, Input((layer.synapses[0].weight.shape[1],), 0, maximum), (layer,), "spikes")


def replayed(network: Network, witness: Witness) -> list[str]:
    """Return what overflows in a run of a witness."""
    samples = file_samples(network, [witness]) - network.input.zero_point
    timed = samples.swapaxes(0, 1) if samples.ndim == len(network.input.shape) + 2 else samples
    return [found.what for found in overflowing(network, timed, simulate(network, timed))]


def test_every_kind_of_overflow_is_found_where_it_happens() -> None:
    network = dense([[127, -127], [1, 0]], Lif((2,), 131071, 0), maximum=2000, timesteps=2)
    samples = np.array([[0, 0], [1500, 0], [0, 600]])
    found = overflowing(network, samples, simulate(network, samples))
    assert [(each.what, each.sample, each.step, each.neuron, each.value) for each in found] == [
        ("current u", 1, 0, (0,), 127 * 64 * 1500),
        ("membrane v (before a reset)", 1, 1, (0,), 2 * (127 * 64 * 1500 - 2**24)),  # of what wrapped around
    ]


def test_a_readout_that_spikes_has_overflowed() -> None:
    layer = Layer("fc", (Dense(INPUT, [[5]]),), Lif((1,), 9, 0))
    network = Network("n", 3, Input((1,), 0, 1), (layer,), "membrane")
    samples = np.array([[0], [1]])
    (found,) = overflowing(network, samples, simulate(network, samples))
    assert str(found) == "layer 'fc': read-out membrane of neuron (0,) reaches 640 at step 1 of sample 1, the limit is 576"


@settings(max_examples=40, deadline=None)
@given(
    st.integers(-(2**17), 2**17), st.integers(-(2**17), 2**17), st.sampled_from([0, 500, 2048, 4095]), st.integers(0, 2**17 - 1)
)
def test_few_inputs_are_all_tried(first: int, second: int, dv: int, vth: int) -> None:
    network = dense([[first, second]], Lif((1,), vth, dv), timesteps=4)
    for witness in witnesses(network):
        assert witness.exhaustive
        every = np.array([[[(code >> (2 * t + i)) & 1 for i in range(2)] for t in range(4)] for code in range(256)])
        found = overflowing(network, every.swapaxes(0, 1), simulate(network, every.swapaxes(0, 1)))
        assert (witness.frames is not None) == (witness.overflow.what in [each.what for each in found])
        if witness.frames is not None:
            assert witness.overflow.what in replayed(network, witness)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_membrane_is_driven_over_its_limit_among_many_inputs(sign: int, delay: int) -> None:
    weight = np.full((1, 40), 127)
    weight[0, ::3] = -127
    network = dense(sign * weight, Lif((1,), 50000, 30), maximum=30, timesteps=8, delay=delay)
    found = witnesses(network)
    assert found
    for witness in found:
        assert witness.frames is not None
        assert str(witness).endswith("the limit is 8388607")
        assert replayed(network, witness) == [witness.overflow.what]


def test_a_deep_membrane_is_driven_through_spikes() -> None:
    rng = np.random.default_rng(3)
    conv = Layer("conv", (Conv(INPUT, rng.integers(-1, 2, (6, 1, 3, 3)), padding=(1, 1)),), Lif((6, 5, 5), 3, 2048))
    weight = rng.integers(-400, 401, (2, 150))
    last = Layer("fc", (Dense("conv", weight),), Lif((2,), 131071, 0))
    network = Network("n", 40, Input((1, 5, 5), 0, 3), (conv, last), "spikes")
    found = witnesses(network)
    assert found
    for witness in found:
        assert not witness.exhaustive
        assert witness.frames is not None
        assert witness.frames.min() >= 0
        assert witness.frames.max() <= 3
        assert witness.overflow.what in replayed(network, witness)


def test_that_no_input_overflows_is_said_where_all_were_tried() -> None:
    """Neurons a and b are never both active, which bounds do not know."""
    half = lif.INPUT_MAX // 2 + 10
    first = Layer("a", (Dense(INPUT, [[1], [-1]]),), Lif((2,), 0, 4095))
    last = Layer("b", (Dense("a", [[half, half]]),), Lif((1,), 10, 4095))
    network = Network("n", 2, Input((1,), -1, 1), (first, last), "spikes")
    assert any(overflows(network))
    for witness in witnesses(network):
        assert witness.frames is None
        assert str(witness).endswith(f"none of all 9 inputs reaches more than {half * 64}, the bound is not tight")


def test_witnesses_of_a_file_have_the_zero_point_of_the_data() -> None:
    layer = Layer("fc", (Dense(INPUT, [[2**16]]),), Lif((1,), 131071, 0))
    network = Network("n", 2, Input((1,), -10, 10, zero_point=100), (layer,), "spikes")
    samples = file_samples(network, witnesses(network))
    assert samples.ndim in (2, 3)
    assert set(samples.ravel()) <= set(range(90, 111))
