"""Architectures as text: what papers write is built, and comes back as it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.models import MODELS, build_model
from snnc.models.notation import Architecture, MaxPart, Part, is_notation, parse
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

PIXELS = Input((3, 32, 32), 0, 255)
channels, pools = st.integers(1, 99999), st.integers(1, 9)
behind = st.none() | st.integers(0, 9999).map(lambda n: n / 10000), st.none() | st.sampled_from(sorted(WEIGHTS))
convolutions = st.builds(Part, channels, st.integers(1, 99), st.integers(0, 99), pools, st.integers(1, 99), *behind)
dense = st.builds(Part, channels, st.none(), st.just(0), st.just(1), st.just(1), *behind)
maxima = st.lists(st.builds(MaxPart, pools), max_size=2)


@settings(max_examples=100, deadline=None)
@given(st.lists(convolutions, min_size=1, max_size=4), maxima, st.lists(dense, max_size=3), pools)
def test_every_chain_comes_back(images: list[Part], spikes: list[MaxPart], flat: list[Part], last: int) -> None:
    architecture = Architecture((*images, *spikes, *flat), 1 if flat else last)
    assert parse(str(architecture)) == architecture
    assert is_notation(str(architecture))


def test_the_papers_text_is_cifarnet() -> None:
    text = "128C3-256C3-AP2-512C3-AP2-1024C3-512C3-1024FC-512FC-Out"
    ours = build_model(TrainConfig(model=text, width=0.01), Input((3, 12, 12), 0, 1), 10)
    theirs = build_model(TrainConfig(model="cifarnet", width=1), Input((3, 12, 12), 0, 1), 10)
    assert [each.name for each in ours.layers] == [each.name for each in theirs.layers]
    assert [each.output_shape for each in ours.layers] == [each.output_shape for each in theirs.layers]
    assert [each.inputs[0][1].geometry for each in ours.layers] == [each.inputs[0][1].geometry for each in theirs.layers]
    assert [each.quantize is None for each in ours.hidden] == [each.quantize is None for each in theirs.hidden]


def test_strides_dropout_and_weights() -> None:
    model = build_model(TrainConfig(model="4C5s2d0.1-MP2-6C3:binary-centered-8FC-9FCd0.5:float"), Input((1, 15, 11), 0, 1), 7)
    assert [each.name for each in model.layers] == ["conv1", "pool1", "conv2", "fc1", "fc2", "readout"]
    assert [each.output_shape for each in model.layers] == [(4, 8, 6), (4, 4, 3), (6, 4, 3), (8,), (9,), (7,)]
    assert [each.dropout for each in model.hidden] == [0.1, 0, 0.2, 0.5]
    assert [each.quantize is None for each in model.hidden] == [True, False, False, True]


def test_paddings_and_pools() -> None:
    model = build_model(TrainConfig(model="4C5p0-AP3-6C3-AP2-AP2"), PIXELS, 7)
    assert [each.output_shape for each in model.layers] == [(4, 27, 27), (6, 8, 8), (7,)]
    assert model.readout.inputs[0][1].pool_area == 16
    assert not any(map(is_notation, MODELS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16C3-64FD", "'64FD' is unknown; allowed are 16C3"),
        ("16C3-", "'' is unknown; allowed are"),
        ("64FC-AP2", "'AP2' comes after FC, where there is no image; put it in front"),
        ("64FC-8C3", "'8C3' comes after FC"),
        ("16C2-64FC", "no padding keeps the size behind an even kernel; state it, such as 16C2p0"),
        ("MP2-8C3", "'MP2' takes spikes; put it right behind a layer of neurons"),
        ("8C3-AP2-MP2", "'MP2' takes spikes"),
        ("8C3-MP64-4FC", "an image of 32 x 32 is smaller than the pool behind it"),
        ("8FC:five", "weights 'five' is unknown; allowed are"),
        ("8FCd1", "model '8FCd1' is unknown"),
        ("AP2", "it has no layer of neurons"),
        ("0FC", "model '0FC' is unknown; allowed are cifarnet, mlp"),
        ("-".join(["8FC"] * 1001), "1,001 words; allowed are 1,000"),
        ("8C3p0-AP64-4FC", "smaller than the pool behind it"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_model(TrainConfig(model=text), PIXELS, 7)
    assert message in str(error.value)
