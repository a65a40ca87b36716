"""The residual network: its outline at several sizes, its shortcuts, and what it refuses."""

import pytest

from snnc.models import build_model
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig


def shapes(side: int, **settings: object) -> list[tuple[int, ...]]:
    config = TrainConfig(model="resnet").replaced(**settings)
    return [layer.output_shape for layer in build_model(config, Input((3, side, side), -128, 127), 10).layers]


def test_at_depth_2_it_has_the_outline_of_resnet_18() -> None:
    assert shapes(32, depth=2, width=1.0) == [
        *[(64, 32, 32)] * 5,
        *[(128, 16, 16)] * 4,
        *[(256, 8, 8)] * 4,
        *[(512, 4, 4)] * 4,
        (10,),
    ]


@pytest.mark.parametrize(
    ("side", "sides"),
    [(8, [8, 8, 4, 2]), (28, [28, 28, 14, 7]), (34, [34, 34, 17, 17, 17]), (160, [80, 40, 20, 10, 5]), (3, [3] * 4)],
)
def test_any_side_has_its_stages(side: int, sides: list[int]) -> None:
    found = shapes(side, width=1 / 32)
    assert [found[0][1], *(shape[1] for shape in found[2:-1:2])] == sides
    assert [shape[0] for shape in found[2:-1:2]] == [2 * 2**stage for stage in range(len(sides) - 1)]


@pytest.mark.parametrize(
    ("shortcuts", "joining"),
    [
        ("none", {}),
        ("block", {2: 1, 4: 1, 6: 1}),
        ("conv", dict.fromkeys(range(1, 7), 1)),
        ("both", {1: 1, 2: 2, 3: 1, 4: 2, 5: 1, 6: 2}),
    ],
)
def test_shortcuts_join_where_they_are_asked_for(shortcuts: str, joining: dict[int, int]) -> None:
    config = TrainConfig(model="resnet", width=1 / 16, shortcuts=shortcuts, gain=0.5)
    model = build_model(config, Input((1, 8, 8), 0, 16), 10)
    assert {i: len(layer.shortcuts) for i, layer in enumerate(model.layers) if layer.shortcuts} == joining
    assert {each.gain for layer in model.layers for each in layer.shortcuts.values()} <= {0.5}


def test_an_input_that_is_no_image_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"model 'resnet' needs images \(C, H, W\), got an input of shape \(5,\); try model 'ffn'"
    ):
        build_model(TrainConfig(model="resnet"), Input((5,), 0, 1), 2)
