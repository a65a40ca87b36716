"""Pools of every kind, folded into what lies behind them, give the sums that NIR's own definition gives."""

import nir
import numpy as np
import pytest
from foreign_chains import chain
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.export.nir.importer import import_nir
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import CannotExport, NetworkError
from snnc.toolchain.simulate.reference import simulate

SEEDS = st.integers(0, 2**32 - 1)
RNG = np.random.default_rng(3)


def lif(threshold: float) -> nir.LIF:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": threshold, "v_reset": 0.0}
    return nir.LIF(**{name: np.array([value]) for name, value in values.items()})


def conv(size: int, channels: int, padding: int, stride: int = 1) -> nir.Conv2d:
    weight = RNG.integers(-1, 3, (3, channels, size, size)).astype(float)
    return nir.Conv2d(None, weight, stride, padding, 1, 1, np.zeros(3))


def pool(kind: type, size: int, stride: int, padding: int) -> nir.NIRNode:
    return kind(*(np.array([each, each]) for each in (size, stride, padding)))


def assert_equal(graph: nir.NIRGraph) -> None:
    imported = import_nir(graph, 4, Rules())
    assert imported.rounded == []
    samples = RNG.integers(0, 2, (4, 12, *imported.network.input.shape))
    theirs, ours = interpret(graph, samples, Rules()), simulate(imported.network, samples)
    for layer in imported.network.layers:
        real, shape = theirs[imported.nodes[layer.name]].sent, layer.output_shape
        real = real[..., : shape[-2], : shape[-1]] if len(shape) == 3 else real.reshape(*real.shape[:2], -1)
        assert np.array_equal(real, ours.spikes[layer.name]), layer.name
        assert real.any()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_random_pools_in_front_of_convolutions_matrices_and_neurons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side, size = int(rng.integers(5, 10)), int(rng.integers(1, 4))
    stride, padding = int(rng.integers(1, size + 2)), int(rng.integers(0, size // 2 + 1))
    kind = nir.SumPool2d if rng.random() < 0.5 else nir.AvgPool2d
    nodes: list[nir.NIRNode] = [conv(3, 2, 1), lif(1.0), pool(kind, size, stride, padding)]
    pooled = (side + 2 * padding - size) // stride + 1
    which = rng.integers(3)
    if which == 0 and pooled >= 3:
        nodes.append(conv(3, 3, int(rng.integers(0, 2)), int(rng.integers(1, 3))))
    elif which == 1:
        flatten = nir.Flatten({"input": np.array([3, pooled, pooled])}, 0, 2)
        nodes += [flatten, nir.Linear(rng.integers(-1, 3, (4, 3 * pooled**2)).astype(float))]
    try:
        assert_equal(chain((2, side, side), *nodes, lif(0.25 if kind is nir.AvgPool2d else 1.0)))
    except (CannotExport, NetworkError):
        return  # padding behind overlapping patches


@pytest.mark.parametrize("side", [9, 17, 34])
def test_images_of_odd_sides_lose_the_rows_that_no_pool_takes(side: int) -> None:
    nodes = [conv(3, 2, 1), lif(1.0), pool(nir.AvgPool2d, 2, 2, 0), conv(3, 3, 1), lif(0.5), pool(nir.SumPool2d, 2, 2, 0)]
    graph = chain((2, side, side), *nodes, conv(3, 3, 1), lif(1.0))
    network = import_nir(graph, 4, Rules()).network
    assert network.shapes["n1"] == (3, side - side % 2, side - side % 2)
    assert_equal(graph)


def test_pools_behind_pools() -> None:
    nodes = [pool(nir.SumPool2d, 2, 2, 0), pool(nir.SumPool2d, 3, 2, 1), conv(2, 2, 0)]
    assert_equal(chain((2, 12, 12), *nodes, lif(1.0)))


def test_what_no_kernel_can_say_is_refused() -> None:
    with pytest.raises(CannotExport, match="node 'n1': a convolution with padding behind a pool of overlapping patches"):
        import_nir(chain((2, 9, 9), pool(nir.SumPool2d, 3, 1, 0), conv(3, 2, 1), lif(1.0)), 4, Rules())
    with pytest.raises(CannotExport, match="crop the images to 8 x 8"):
        import_nir(chain((2, 9, 9), pool(nir.SumPool2d, 2, 2, 0), conv(3, 2, 1), lif(1.0)), 4, Rules())
