"""Trainable synapses: shapes, initialization, pooling, and what is refused."""

import pytest
import torch

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.synapses import Geometry, Synapses


def test_pooling_averages_or_sums() -> None:
    synapses = Synapses((1, 4, 4), 1, Geometry(kernel=1, pool=2))
    source, one = torch.ones(1, 1, 1, 4, 4), torch.ones(1, 1, 1, 1)
    assert synapses(source, one, pool_sums=False).unique().tolist() == [1]
    assert synapses(source, one, pool_sums=True).unique().tolist() == [4]
    assert synapses.pool_area == 4


def test_weights_start_as_kaiming_normal() -> None:
    torch.manual_seed(0)
    weight = Synapses((64, 8, 8), 128, Geometry(kernel=3, padding=1)).weight.detach()
    assert float(weight.std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_pools_leave_out_what_does_not_fill_them() -> None:
    assert Geometry(pool=2).pooled_shape((3, 5, 7)) == (3, 2, 3)
    assert Geometry(kernel=3, padding=1, tile=2).output_shape((3, 17, 16), 4) == (4, 16, 16)
    with pytest.raises(ConfigError, match=r"got \(1, 5, 4\); give the layer in front Geometry\(tile=2\)"):
        Synapses((1, 5, 4), 2, Geometry(kernel=3, padding=1, pool=2))


@pytest.mark.parametrize("source", [(1, 1, 4), (1, 4, 1), (16,)])
def test_a_source_that_cannot_be_pooled_is_refused(source: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="sides of at least 2, got .*; take larger images"):
        Synapses(source, 2, Geometry(pool=2))
