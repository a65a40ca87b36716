"""Synapses: their sums against PyTorch and against plain loops, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_synapse, seeds

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.synapse import Conv, Dense


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_sums_equal_pytorch_in_int64(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(2, 7)), int(rng.integers(2, 7)))
    synapse = random_synapse(rng, "input", shape, -128, 127)
    source = rng.integers(-(2**15), 2**15, (3, *shape))
    torch = pytest.importorskip("torch")
    weight, x = torch.tensor(synapse.weight, dtype=torch.int64), torch.tensor(source)
    if isinstance(synapse, Conv):
        expected = torch.nn.functional.conv2d(x, weight, stride=synapse.stride, padding=synapse.padding)
    else:
        expected = torch.nn.functional.linear(x.flatten(1), weight)
    assert synapse.sums(source).dtype == np.int64
    assert np.array_equal(synapse.sums(source), expected.numpy())
    assert synapse.sums(source).shape[1:] == synapse.output_shape(shape)


def test_a_convolution_does_not_flip_its_kernel() -> None:
    synapse = Conv("input", np.array([[[[1, 2], [3, 4]]]]))
    assert synapse.sums(np.array([[[[1, 10], [100, 1000]]]])).item() == 1 + 20 + 300 + 4000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense("input", [[1, 2**23]]), "weight 8388608 is outside -8388607..8388607; quantize before lowering"),
        (lambda: Dense("input", [[0.5]]), "weight of type float64 holds values that are no integers"),
        (lambda: Dense("input", [[float("inf")]]), "holds values that are no integers"),
        (lambda: Dense("input", [[1], [1, 2]]), "weight has rows of different lengths"),
        (lambda: Conv("input", np.zeros((1, 1, 1, 1)), stride=(1.9, 1)), "stride 1.9 is outside 1"),  # type: ignore[arg-type]
        (lambda: Conv("input", np.zeros((1, 1, 1, 1)), stride=(1,)), r"stride \(1,\) is not allowed; give two integers"),  # type: ignore[arg-type]
        (lambda: Dense("input", [1]), r"weight of shape \(1,\) is not allowed; it needs 2 dimensions"),
        (lambda: Conv("input", np.zeros((1, 1, 0, 1))), "none of them empty"),
        (lambda: Conv("input", np.zeros((1, 1, 1, 1)), stride=(0, 1)), "stride 0 is outside 1"),
        (lambda: Conv("input", np.zeros((1, 1, 1, 1)), padding=(0, -1)), "padding -1 is outside 0"),
        (lambda: Conv("input", np.zeros((1, 2, 1, 1))).output_shape((1, 4, 4)), r"allowed is \(2, height, width\)"),
        (lambda: Conv("input", np.zeros((1, 1, 5, 5))).output_shape((1, 4, 4)), "larger than its padded source"),
        (
            lambda: Dense("a", [[1]]).output_shape((2, 2)),
            r"from 'a': got a source of shape \(2, 2\) = 4 neurons, allowed are 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: object, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        make()  # type: ignore[operator]


def test_weights_are_copied_and_read_only() -> None:
    weight = np.array([[1, 0]])
    synapse = Dense("input", weight)
    weight[0, 0] = 0
    assert synapse.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        synapse.weight[0, 0] = 0
