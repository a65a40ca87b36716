"""The ANN of a spiking network's shape."""

import pytest
import torch

from snnc.models import build_model
from snnc.toolchain.layers.relu_network import ReluNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig


def network(**settings: object) -> ReluNetwork:
    torch.manual_seed(0)
    config = TrainConfig(model="resnet", width=1 / 32).replaced(**settings)
    return ReluNetwork(build_model(config, Input((1, 8, 8), 0, 16), 10))


def test_shortcuts_carry_real_values() -> None:
    x = torch.randint(0, 17, (4, 1, 8, 8))
    plain, joined = (network(shortcuts=each).eval() for each in ("none", "both"))
    assert plain(x).total.shape == (4, 10)
    assert not torch.equal(plain(x).total, joined(x).total)
    assert joined.network.hidden[1].joined({"stem": torch.rand(1, 2, 2, 8, 8)}) is not None


def test_frames_are_passes_whose_logits_are_averaged() -> None:
    x, ann = torch.randint(0, 17, (5, 4, 1, 8, 8)), network().eval()
    each = torch.stack([ann(frame).total for frame in x])
    assert torch.allclose(ann(x).total, each.mean(0), atol=1e-5)  # a test of training
    assert torch.allclose(ann(x[:1].expand_as(x)).total, ann(x[0]).total, atol=1e-5)  # a test of training


@pytest.mark.parametrize("model", ["resnet", "ffn", "mlp"])
def test_all_weights_learn(model: str) -> None:
    ann = network(model=model)
    ann(torch.randint(0, 17, (8, 1, 8, 8))).total.square().sum().backward()
    assert all(bool(each.grad is not None and each.grad.any()) for each in ann.parameters())
