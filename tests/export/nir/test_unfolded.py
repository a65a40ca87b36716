"""Pools and shortcuts found again in the weights that a graph has for them; whatever is none stays as it is."""

from dataclasses import replace

import numpy as np
import pytest

from snnc.export.nir.paths import Path
from snnc.export.nir.unfolded import Weights, unfolded
from snnc.export.nir.windows import whole_image
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network.synapse import Conv, Dense

rng = np.random.default_rng(0)


def taps(*shape: int) -> np.ndarray:
    return rng.integers(1, 100, shape)


def path(shape: tuple[int, ...], stride: int = 1, padding: int = 0, crop: tuple[int, int] | None = None) -> Path:
    return Path("n", shape, shape, stride=(stride, stride), padding=(padding, padding), crop=crop)


def found(shape: tuple[int, ...], synapse: Conv | Dense) -> Weights:
    way = path(shape, synapse.stride[0], synapse.padding[0]) if isinstance(synapse, Conv) else path(shape)
    return unfolded("n", way, synapse.weight.astype(float))


@pytest.mark.parametrize(("stride", "padding", "pool"), [(1, 1, 2), (2, 1, 4), (1, 0, 3), (3, 2, 1)])
def test_a_pool_in_front_of_a_kernel(stride: int, padding: int, pool: int) -> None:
    shape, plain = (2, 12, 24), Conv("n", taps(3, 2, 3, 3), (stride, stride), (padding, padding))
    each = found(shape, plain.behind_pool(pool, shape) if pool > 1 else plain)
    assert (each.kernel, each.stride, each.padding, each.pool) == (3, stride, padding, pool)
    assert np.array_equal(each.weight, plain.weight.astype(int) * pool**2)  # of averages, where the graph has those of sums


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 5, 4), (3, 7, 7)])
def test_a_pool_in_front_of_a_matrix(shape: tuple[int, ...]) -> None:
    pooled = (3, shape[1] // 2, shape[2] // 2)
    plain = Dense("n", taps(5, int(np.prod(pooled))))
    each = found(shape, plain.behind_pool(2, shape))
    assert (each.kernel, each.pool) == (None, 2)
    assert np.array_equal(each.weight, plain.weight.astype(int) * 4)
    assert found(shape, Dense("n", taps(5, int(np.prod(shape))))).pool == 1


def test_pools_of_the_graph_are_kept_and_zeros_tell_of_none() -> None:
    """Weights of 0, or all the same, stand behind any pool: what is trained on must not shrink for it."""
    equal, shape = np.ones((5, 3 * 8 * 8)), (3, 8, 8)
    windows = whole_image(shape).behind("avg", (2, 2), (2, 2), (0, 0))
    assert unfolded("n", replace(path(shape), windows=windows), equal).pool == 2
    assert unfolded("n", path(shape), 0 * equal).pool == 1
    kernel = np.ones((4, 3, 4, 4))
    assert unfolded("n", replace(path(shape, 4), windows=windows), kernel).kernel == 2
    assert unfolded("n", path(shape, 4), 0 * kernel).kernel == 4


def test_the_same_weights_take_added_spikes_but_zeros_stay_apart() -> None:
    some = Weights(("a",), (3,), np.ones((2, 3)))
    assert some.adds_up_with(replace(some, sources=("b",)))
    assert not some.adds_up_with(replace(some, weight=2 * some.weight))
    zero = replace(some, weight=0 * some.weight)
    assert not zero.adds_up_with(replace(zero, sources=("b",)))  # each is trained on its own


def test_padding_must_see_whole_patches() -> None:
    weight = Conv("n", taps(3, 2, 3, 3), (1, 1), (1, 1)).behind_pool(2, (2, 8, 8)).weight.astype(float)
    assert unfolded("n", path((2, 8, 8), 2, 2), weight).pool == 2
    assert unfolded("n", path((2, 9, 9), 2, 2), weight).pool == 1  # it sees the last row beside the padding
    assert unfolded("n", path((2, 9, 9), 2, 2, crop=(8, 8)), weight).pool == 2  # its pool left that out
    with pytest.raises(CannotExport, match="node 'n': a pool drops rows or columns in front of padding; pool evenly"):
        unfolded("n", path((2, 9, 9), 2, 2, crop=(8, 8)), weight + np.arange(6))


@pytest.mark.parametrize(
    ("shape", "weight", "pool", "strength"),
    [
        ((4,), 3 * np.eye(4), 1, 3),
        ((4, 8, 8), 0.5 * np.eye(4)[:, :, None, None], 1, 0.5),
        ((2, 8, 8), np.tile(np.eye(2), (2, 1))[:, :, None, None], 2, 1),  # twice as many channels
        ((2, 9, 8), np.eye(2)[:, :, None, None], 2, None),  # a shortcut leaves nothing out
        ((4, 1, 1), np.eye(4), 1, None),
        ((4,), -np.eye(4), 1, None),
        ((4,), np.diag([1, 1, 1, 2]), 1, None),
        ((4,), np.ones((4, 4)), 1, None),
        ((4,), np.eye(6, 4), 1, None),
        ((4, 8, 8), np.ones((1, 1, 3, 3)), 1, None),
    ],
)
def test_spikes_for_the_own_channel_alone(
    shape: tuple[int, ...], weight: np.ndarray, pool: int, strength: float | None
) -> None:
    assert Weights(("n",), shape, weight.astype(float), pool=pool).strength == strength
