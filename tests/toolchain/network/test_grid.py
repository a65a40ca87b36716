"""A synapse as a grid gives the sums of the synapse, whatever pooling was folded into it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.toolchain.network.grid import as_chw, grid_of
from snnc.toolchain.network.synapse import Conv, Dense


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]), st.booleans())
def test_a_grid_gives_the_sums_of_its_synapse(seed: int, pool: int, dense: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, 2 * pool, 3 * pool)
    plain = Dense("s", rng.integers(-1, 2, (4, 12))) if dense else Conv("s", rng.integers(-1, 2, (4, 2, 2, 2)), (1, 1), (1, 0))
    folded = plain.behind_pool(pool, shape)
    x = rng.integers(0, 2, (3, *shape))
    grid = grid_of(folded, shape, pooling=True)
    assert grid.pool % pool == 0 or pool == 1
    pooled = x.reshape(3, 2, grid.pooled[0], grid.pool, grid.pooled[1], grid.pool).sum((3, 5))
    sums = Conv("s", grid.weight, grid.stride, grid.padding).sums(pooled)
    assert np.array_equal(sums.reshape(3, -1), folded.sums(x).reshape(3, -1))
    assert sums.shape[2:] == grid.output


@pytest.mark.parametrize(("shape", "chw"), [((7,), (7, 1, 1)), ((2, 3, 4), (2, 3, 4))])
def test_flat_shapes_have_one_pixel(shape: tuple[int, ...], chw: tuple[int, ...]) -> None:
    assert as_chw(shape) == chw
