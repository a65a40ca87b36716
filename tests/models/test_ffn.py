"""The feed-forward blocks: their shapes and shortcuts."""

import pytest

from snnc.models import build_model
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig


@pytest.mark.parametrize("shortcuts", ["none", "block", "conv", "both"])
def test_a_shortcut_leads_around_both_layers_of_a_block(shortcuts: str) -> None:
    config = TrainConfig(model="ffn", width=1 / 32, depth=2, shortcuts=shortcuts)
    model = build_model(config, Input((1, 8, 8), 0, 16), 10)
    assert [layer.output_shape for layer in model.layers] == [(8,), (32,), (8,), (32,), (8,), (10,)]
    joined = {layer.name: list(layer.shortcuts) for layer in model.layers if layer.shortcuts}
    assert joined == ({} if shortcuts == "none" else {"block1-down": ["encoder"], "block2-down": ["block1-down"]})
