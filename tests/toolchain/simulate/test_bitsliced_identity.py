"""Identities: which synapses are some, and that they join exactly, at every vector width."""

from dataclasses import replace

import numpy as np
import pytest
from against_reference import assert_equal, usable_widths
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_residual_network, random_samples, seeds

from snnc.toolchain.native.library import built
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_identity import Identity, identity_of

needs_kernel = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")
EYE = np.eye(3, dtype=int)[:, :, None, None]


@pytest.mark.parametrize(
    ("synapse", "source", "found"),
    [
        (Conv("a", 7 * EYE), (3, 4, 4), Identity(7, 1, (3, 4, 4), 3)),
        (Conv("a", -7 * EYE), (3, 4, 4), Identity(-7, 1, (3, 4, 4), 3)),
        (Conv("a", 2 * EYE).behind_pool(2, (3, 4, 4)), (3, 4, 4), Identity(2, 2, (3, 4, 4), 3)),
        (Conv("a", np.tile(EYE, (2, 1, 1, 1))), (3, 4, 4), Identity(1, 1, (3, 4, 4), 6)),
        (Dense("a", 5 * np.eye(6)), (6,), Identity(5, 1, (6, 1, 1), 6)),
        (Dense("a", 5 * np.eye(6)), (6, 1, 1), Identity(5, 1, (6, 1, 1), 6)),
        (Conv("a", 0 * EYE), (3, 4, 4), None),
        (Conv("a", EYE, (2, 2)), (3, 4, 4), None),
        (Conv("a", EYE, padding=(1, 1)), (3, 4, 4), None),
        (Conv("a", EYE[::-1]), (3, 4, 4), None),
        (Conv("a", EYE * [1, 2, 1]), (3, 4, 4), None),
        (Conv("a", EYE[:2]), (3, 4, 4), None),
        (Dense("a", np.eye(8)), (2, 2, 2), None),
        (Conv("a", EYE).behind_pool(5, (3, 5, 5)), (3, 5, 5), None),
        (Conv("a", 40000 * EYE), (3, 4, 4), None),
    ],
)
def test_identities_are_known_by_their_weights(synapse: Synapse, source: tuple[int, ...], found: Identity | None) -> None:
    assert identity_of(synapse, source, 0, 1) == found
    assert identity_of(synapse, source, 0, 2) is None


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(usable_widths() or [16]), st.booleans())
def test_random_identities_join_exactly(seed: int, width: int, timed: bool) -> None:
    """Of several strengths, pools and repeats, beside a convolution of spikes or of larger weights, or alone."""
    rng = np.random.default_rng(seed)
    channels, repeats, pool = int(rng.choice([1, 3, 64, 70])), int(rng.integers(1, 4)), int(rng.integers(1, 5))
    side, out = 2 * pool + int(rng.integers(0, pool)), channels * repeats
    strengths = rng.integers(1, 128, 2) * rng.choice([-1, 1], 2)
    kernel = rng.integers(-1, 2, (out, channels, 3, 3)) * rng.choice([1, 20])
    around = Conv("a", kernel, padding=(1, 1)).behind_pool(pool, (channels, side, side))
    eye = np.tile(np.eye(channels, dtype=int), (repeats, 1))[:, :, None, None]
    identities = [Conv("a", strength * eye).behind_pool(pool, (channels, side, side)) for strength in strengths]
    synapses = [around, *identities][int(rng.integers(0, 2)) :]
    shape = around.output_shape((channels, side, side))
    if shape != identities[0].output_shape((channels, side, side)):
        synapses = identities
        shape = identities[0].output_shape((channels, side, side))
    first = Conv("input", rng.integers(-3, 4, (channels, 2, 1, 1)))
    bias = rng.integers(-5, 6, (out, 1, 1))
    layers = (
        Layer("a", (first,), Lif((channels, side, side), 2, 2048)),
        Layer("b", tuple(rng.permutation(np.array(synapses, object))), Lif(shape, int(rng.integers(0, 60)), 2048, bias)),
    )
    network = Network("identities", 4, Input((2, side, side), -4, 4), layers, "spikes")
    assert_equal(network, random_samples(network, 5, timed=timed, seed=seed), width)


@needs_kernel
@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(usable_widths() or [16]))
def test_random_residual_networks_are_equal(seed: int, width: int) -> None:
    network = random_residual_network(seed)
    assert_equal(network, random_samples(network, 5, seed=seed), width)


@needs_kernel
def test_identities_of_a_binary_input_and_identities_alone_stay_in_c() -> None:
    eye = 3 * np.eye(5, dtype=int)
    layer = Layer("a", (Dense("input", eye), Dense("input", 2 * eye)), Lif((5,), 4, 2048))
    network = Network("n", 3, Input((5,), 0, 1), (layer, replace(layer, name="b", synapses=(Dense("a", eye),))), "spikes")
    runners = [runner for _, runner in BitslicedSimulator(network).layers]
    assert [len(runner.events.identities) for runner in runners if isinstance(runner, FusedLayer)] == [1, 0]
    assert_equal(network, random_samples(network, 4))
    assert_equal(network, random_samples(network, 4, timed=True))
