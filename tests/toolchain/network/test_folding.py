"""Folding changes no membrane, and makes a chain of a network whose shortcuts lead around single layers."""

import numpy as np
from hypothesis import given, settings
from random_networks import random_network, random_residual_network, random_samples, seeds

from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_folding_changes_no_membrane_and_is_final(seed: int) -> None:
    network = random_residual_network(seed) if seed % 2 else random_network(seed)
    folded = fold_parallel(network)
    samples = random_samples(network, 3, seed=seed)
    before, after = simulate(network, samples), simulate(folded, samples)
    for layer in network.layers:
        np.testing.assert_array_equal(before.membranes[layer.name], after.membranes[layer.name])
    assert fold_parallel(folded) == folded


def test_shortcuts_around_one_layer_fold_and_longer_ones_stay() -> None:
    counts = {layer.name: len(layer.synapses) for layer in fold_parallel(random_residual_network(1)).layers}
    assert counts == {"a": 1, "b": 1, "c": 2, "d": 2, "e": 1, "f": 2, "hidden": 1, "deep": 1, "out": 2}


def joined(*synapses: Conv | Dense, shape: tuple[int, ...] = (2, 4, 4)) -> Network:
    out = synapses[0].output_shape(shape)
    return Network("joined", 2, Input(shape, 0, 1), (Layer("a", synapses, Lif(out, 3, 2048)),), "spikes")


def test_an_identity_is_added_to_the_center_tap_and_a_sum_to_the_four_central_ones() -> None:
    kernel, eye = np.ones((2, 2, 3, 3), int), np.eye(2, dtype=int)[:, :, None, None]
    around = Conv(INPUT, kernel, padding=(1, 1))
    for pool in (1, 2):
        pair = around.behind_pool(pool, (2, 4, 4)), Conv(INPUT, 5 * eye).behind_pool(pool, (2, 4, 4))
        for synapses in (pair, pair[::-1]):
            (folded,) = fold_parallel(joined(*synapses)).layers[0].synapses
            assert isinstance(folded, Conv)
            center = slice(pool, 2 * pool)
            assert (folded.weight[0, 0, center, center] == 6).all() and folded.weight.sum() == 18 * 2 * pool**2 + 10 * pool**2
            assert folded.weight[0, 1].max() == 1


def test_kernels_of_which_none_covers_the_other_stay() -> None:
    crossed = joined(Conv(INPUT, np.ones((2, 2, 1, 3)), padding=(0, 1)), Conv(INPUT, np.ones((2, 2, 3, 1)), padding=(1, 0)))
    assert fold_parallel(crossed) == crossed


def test_dense_synapses_of_one_source_are_added_even_beyond_8_bits() -> None:
    pair = Dense(INPUT, np.full((3, 2), 100)), Dense(INPUT, np.full((3, 2), 100))
    (folded,) = fold_parallel(joined(*pair, shape=(2,))).layers[0].synapses
    assert folded.weight.tolist() == [[200, 200]] * 3
