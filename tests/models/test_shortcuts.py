"""Shortcuts of architectures."""

from snnc.models import build_model
from snnc.models.shortcuts import shortcuts_from
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig


def test_every_source_gets_a_shortcut_of_its_strength() -> None:
    model = build_model(TrainConfig(model="mlp", width=1 / 64), Input((1, 2, 2), 0, 16), 10)
    found = shortcuts_from(model, {"fc1": 0.25, "fc2": 1.0}, (16,))
    assert {source: (each.source_shape, each.gain) for source, each in found.items()} == {
        "fc1": ((16,), 0.25),
        "fc2": ((8,), 1.0),
    }
