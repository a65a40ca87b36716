"""Batch normalization: its statistics against torch's, and when they are used."""

import pytest
import torch

from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.normalize import Normalize


def test_normalizing_follows_the_statistics_of_batch_normalization() -> None:
    x = torch.randn(3, 4, 5, 6, 6) * 3 + 1
    ours, theirs = Normalize(5, per_channel=True), torch.nn.BatchNorm2d(5, affine=False)
    for _ in range(3):
        ours(x, Neurons(3, 0.5))
        theirs(x.flatten(0, 1))
    assert theirs.running_mean is not None and theirs.running_var is not None
    assert torch.allclose(ours.mean, theirs.running_mean, atol=1e-5)  # a test of training
    assert torch.allclose(ours.variance, theirs.running_var, rtol=2e-3)  # torch's is the unbiased one


def test_one_variance_per_layer_is_the_mean_of_those_of_the_channels() -> None:
    x = torch.stack([torch.randn(1000), 5 * torch.randn(1000)], dim=1).reshape(1, 1000, 2)
    normalize = Normalize(2, per_channel=False, momentum=1.0)
    normalize(x, Neurons(2, 0.5))
    assert float(normalize.variance) == pytest.approx(float(x.var([0, 1], correction=0).mean()), rel=1e-4)


def test_running_statistics_are_used_and_kept_outside_training() -> None:
    normalize = Normalize(2, per_channel=False).eval()
    spikes = normalize(torch.tensor([[[0.5, 1.5]]]), Neurons(1, 0.5))
    assert spikes.tolist() == [[[0, 1]]]
    assert normalize.mean.tolist() == [0, 0]
