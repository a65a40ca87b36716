"""Architectures as text: what papers write is built, and comes back as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_runs import ONE_EACH

import snnc
from snnc.models import MODELS, build_model
from snnc.models.architecture import Architecture, Join, MaxPart, Part, Projection
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


@st.composite
def graphs(draw: st.DrawFn) -> Architecture:
    """Draw convolutions that take any earlier layers, and a read-out that takes what nothing else does."""
    gains = st.none() | st.floats(1e-6, 999, allow_subnormal=False)
    parts, names = list[Part | MaxPart](), ["input"]
    for number in range(1, draw(st.integers(1, 6)) + 1):
        some = st.lists(st.sampled_from(names), max_size=3, unique=True).map(tuple)
        sources, further = draw(some), draw(some)
        taken = set(sources or names[-1:])
        projections = (
            (Projection(further, draw(st.integers(1, 99)), draw(st.integers(0, 99)), draw(pools), draw(st.integers(1, 99))),)
            if further and not taken & set(further)
            else ()
        )
        joins = tuple(Join(source, draw(gains)) for source in draw(some) if source != "input")
        parts.append(replace(draw(convolutions), sources=sources, projections=projections, joins=joins))
        names.append(f"conv{number}")
    architecture = Architecture(tuple(parts), draw(pools), draw(betas), (names[-1],))
    unused = [name for name in names[1:] if name not in {source for source, _ in architecture.taken()}]
    return replace(architecture, last_sources=(names[-1], *unused))


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_every_graph_comes_back(architecture: Architecture) -> None:
    assert parse(str(architecture)) == architecture
    assert is_notation(str(architecture))


def test_sums_shortcuts_and_projections() -> None:
    text = "4C3-4C3~conv1g0.5-4C3@conv2+conv1-AP2-8C3~AP2C1@conv1+conv2~conv3-MP2@conv2-8FC@conv4~FC@pool1-8FCt2-Out@fc2+fc1"
    model = build_model(TrainConfig(model=text, gain=2.0), Input((1, 8, 8), 0, 1), 7)
    assert {layer.name: layer.summed for layer in model.layers} == {
        "conv1": (("input",),),
        "conv2": (("conv1",),),
        "conv3": (("conv2", "conv1"),),
        "conv4": (("conv3",), ("conv1", "conv2")),
        "pool1": (("conv2",),),
        "fc1": (("conv4",), ("pool1",)),
        "fc2": (("fc1",),),
        "readout": (("fc2", "fc1"),),
    }
    joins = {(layer.name, source): each.gain for layer in model.layers for source, each in layer.shortcuts.items()}
    assert joins == {("conv2", "conv1"): 0.5, ("conv4", "conv3"): 2.0}
    assert [tuple(each.weight.shape) for each in model.layers[3].synapses] == [(8, 4, 3, 3), (8, 4, 1, 1)]


def test_the_residual_network_can_be_written() -> None:
    pixels, config = Input((1, 8, 8), -8, 8), TrainConfig(model="resnet", width=1 / 16, shortcuts="both", gain=0.5)
    text = "4C3-4C3~conv1-4C3~conv2~conv1-AP2-8C3~conv3-8C3~conv4~conv3-AP2-16C3~conv5-16C3~conv6~conv5-AP2"
    ours, theirs = (build_model(config.replaced(model=model), pixels, 5).eval() for model in (text, "resnet"))
    ours.load_state_dict(theirs.state_dict())
    x = torch.randint(-8, 9, (6, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x).total, theirs(x).total)


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
        ("8C3@conv1-4FC", "'8C3@conv1': 'conv1' is no layer in front of it; allowed are input"),
        ("8C3-4FC@conv1+conv1", "'4FC@conv1+conv1' takes 'conv1' more than once; take it once"),
        ("8C3-8C3~C1@conv1", "takes 'conv1' more than once; give it one kernel"),
        ("8C3-8C3~C1@input+conv1", "takes 'conv1' more than once; give it one kernel"),
        ("8C3-8C3-8C3~C1@conv1~C3@conv1", "takes 'conv1' more than once; give it one kernel"),
        ("8C3-8C3~conv1~conv1g2", "takes 'conv1' more than once; give it twice the gain"),
        ("8C3-8C3~conv2", "'conv2' is no layer in front of it; allowed are input, conv1"),
        ("8C3-8C3~input", "'~input' is unknown; allowed are ~conv1"),
        ("8C3-8C3~C2@input", "no padding keeps the size behind an even kernel"),
        ("8C3-8C3~C1", "'8C3~C1': '~C1' is unknown; allowed are ~conv1, ~conv1g0.5"),
        ("8C3-MP2~conv1", "nothing can be added to a max pool; put the ~ behind a layer with weights"),
        ("8C3-8C3@input-4FC", "nothing takes the spikes of 'conv1'; leave it out, or name it behind an @ or a ~"),
        ("8C3-8C3-MP2@conv1+conv2", "takes spikes of one layer"),
        ("8C3-8C3-MP2@input", "takes spikes of one layer"),
        ("8C3-4FC-AP2-8C3@conv1+fc1", "'AP2' comes after FC"),
        ("8C3-4FC-8C3@fc1", "'8C3@fc1' comes after FC"),
        ("8C3-4FC-AP2-Out@conv1+fc1", "'AP2' comes after FC"),
        ("8C3-4C3~conv1", "layer 'conv2': a shortcut from (8, 32, 32) to (4, 32, 32) would need weights"),
        ("8C3-8C3~conv1g0", "layer 'conv2': a shortcut's gain is 0.0"),
        ("8C3-4FC@conv1+input", "only spikes of one shape are added, 'conv1' has (8, 32, 32), 'input' has (3, 32, 32)"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_model(TrainConfig(model=text), PIXELS, 7)
    assert message in str(error.value)
