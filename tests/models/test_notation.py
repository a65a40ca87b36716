"""Architectures as text: what papers write is built, and comes back as it was."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_runs import ONE_EACH

import snnc
from snnc.models import MODELS, build_model
from snnc.models.architecture import Architecture, MaxPart, Part
from snnc.models.notation import is_notation, own_betas, parse
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

PIXELS = Input((3, 32, 32), 0, 255)
channels, pools = st.integers(1, 99999), st.integers(1, 9)
betas = st.none() | st.integers(1, 4096).map(lambda k: k / 4096)
thresholds = st.none() | st.integers(1, 9999).map(lambda n: n / 100)
weights = st.none() | st.sampled_from(sorted(WEIGHTS))
behind = st.none() | st.integers(0, 9999).map(lambda n: n / 10000), weights, betas, thresholds
convolutions = st.builds(Part, channels, st.integers(1, 99), st.integers(0, 99), pools, st.integers(1, 99), *behind)
dense = st.builds(Part, channels, st.none(), st.just(0), st.just(1), st.just(1), *behind)
maxima = st.lists(st.builds(MaxPart, pools), max_size=2)


@settings(max_examples=100, deadline=None)
@given(st.lists(convolutions, min_size=1, max_size=4), maxima, st.lists(dense, max_size=3), pools, betas)
def test_every_chain_comes_back(
    images: list[Part], spikes: list[MaxPart], flat: list[Part], last: int, beta: float | None
) -> None:
    architecture = Architecture((*images, *spikes, *flat), 1 if flat else last, beta)
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


def test_betas_and_thresholds_of_single_layers() -> None:
    text = "4C3s2d0.1b0.9t0.5:binary-MP2-8FCb1-9FCt2-Outb0.25"
    model = build_model(TrainConfig(model=text, beta=0.75, threshold=1.5), Input((1, 9, 9), 0, 1), 7)
    weighted = [*model.hidden, model.readout]
    assert [each.neurons.beta for each in weighted] == [3686 / 4096, 1, 0.75, 0.25]
    assert [each.neurons.threshold for each in model.hidden] == [0.5, 1.5, 2]
    assert own_betas(text) == {"beta of conv1": 3686 / 4096, "beta of fc1": 1, "beta of readout": 0.25}
    assert own_betas("mlp") == {}


def test_a_trained_one_keeps_its_betas_and_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = ONE_EACH.replaced(model="4C3b0.9t0.5-AP2-12FCt1.5-8FCb1-Outb0.75", beta=0.25)
    snnc.train(config, "model.pt")
    model, checkpoint = snnc.load_model("model.pt")
    network = snnc.lower(model, checkpoint.labels)
    assert [layer.neuron.beta for layer in network.layers] == [3686 / 4096, 0.25, 1, 0.75]
    snnc.export(network, "loihi2", "model.net")
    samples = snnc.load_dataset("digits").test.first(20)
    assert snnc.verify(snnc.read_network("model.net"), samples, model=model, engines=["fast", "torch"]).equal


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
        ("16C2-64FC", "no padding keeps the size behind an even kernel; state it, such as C2p0"),
        ("MP2-8C3", "'MP2' takes spikes of one layer; put it right behind neurons"),
        ("8C3-AP2-MP2", "'MP2' takes spikes"),
        ("8C3-MP64-4FC", "an image of 32 x 32 is smaller than the pool behind it"),
        ("8FC:five", "weights 'five' is unknown; allowed are"),
        ("8FCd1", "model '8FCd1' is unknown"),
        ("AP2", "it has no layer of neurons"),
        ("0FC", "model '0FC' is unknown; allowed are cifarnet, mlp"),
        ("-".join(["8FC"] * 1001), "1,001 words; allowed are 1,000"),
        ("8FCb0.0001", "beta b0.0001 is outside 1 / 4096 to 1"),
        ("8FC-4FCb1.5", "'4FCb1.5' is unknown; allowed are 16C3"),
        ("8FC-4FCt0", "layer 'fc2': threshold 0.0 is outside 0.015625..64 deviations; try 1"),
        ("8FC-Outb0", "beta b0 is outside 1 / 4096 to 1"),
        ("8C3p0-AP64-4FC", "smaller than the pool behind it"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_model(TrainConfig(model=text), PIXELS, 7)
    assert message in str(error.value)
