"""A NIR graph is trained, on the command line and in Python, and the checkpoint needs it no more."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nir
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from training_runs import ONE_EACH

import snnc
from snnc.cli.main import main
from snnc.export.nir.layers import GraphLayer
from snnc.toolchain.errors import SnncError
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.training.train import Training

EPOCHS = ("--epochs-float", 1, "--epochs-quantized", 1, "--epochs-integer", 1)
TEXT = "6C3-AP2-20FC"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(nodes: dict[str, nir.NIRNode]) -> str:
    names = list(nodes)
    nir.write("graph.nir", nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False))))  # noqa: RUF007
    return "graph.nir"


def lif(share_lost: float, *shape: int) -> nir.LIF:
    one = np.ones(shape, np.float32)
    return nir.LIF(tau=1e-4 / share_lost * one, r=one / share_lost, v_leak=0 * one, v_threshold=one, v_reset=0 * one)


def nodes(share_lost: float = 0.5, classes: int = 10) -> dict[str, nir.NIRNode]:
    rng = np.random.default_rng(0)
    first, second, last = (rng.normal(0, 0.5, size).astype(np.float32) for size in ((6, 1, 3, 3), (20, 96), (classes, 20)))
    return {
        "in": nir.Input(np.array([1, 8, 8])),
        "c1": nir.Conv2d((8, 8), first, 1, 1, 1, 1, np.zeros(6, np.float32)),
        "n1": lif(share_lost, 6, 8, 8),
        "avg": nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([6, 4, 4])}, 0, -1),
        "f2": nir.Linear(second),
        "n2": lif(share_lost, 20),
        "f3": nir.Linear(last),
        "n3": lif(share_lost, classes),
        "out": nir.Output(np.array([classes])),
    }


@pytest.fixture
def by_hand(folder: Path) -> str:
    return write(nodes())


def opens_without_the_graph(text: str) -> None:
    Path("graph.nir").unlink()
    inspected = run("inspect", "model.pt")
    assert inspected.exit_code == 0, inspected.output
    assert text in inspected.output
    assert run("export", "model.pt", "--target", "loihi2", "-o", "model.net").exit_code == 0
    assert run("simulate", "model.pt", "-n", 10, "--engine", "fast").exit_code == 0
    model, checkpoint = snnc.load_model("model.pt")
    assert checkpoint.config.model == text
    verdict = snnc.verify(
        snnc.lower(model, checkpoint.labels),
        snnc.load_dataset("digits").test.first(20),
        model=model,
        engines=["reference", "fast", "torch"],
    )
    assert verdict.equal
    assert snnc.read_network("model.net").layers[0].neuron.vth > 0


def test_a_graph_trains_and_is_needed_no_more(by_hand: str) -> None:
    result = run("train", "--graph", by_hand, "--writer", "spec", "--input-scale", 0.0625, *EPOCHS, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["config"]["model"], report["config"]["beta"]) == (TEXT, 0.5)
    assert 0 <= report["accuracy_before"] <= 1
    opens_without_the_graph(TEXT)


def test_a_trained_graph_starts_where_it_was(folder: Path) -> None:
    quick = ("--method", "baseline", "--weights", "float", "--epochs-quantized", 0)
    assert run("train", "--model", "40FC", *quick, "--epochs-float", 4, "--epochs-integer", 0, "-o", "a.pt").exit_code == 0
    assert run("export", "a.pt", "--target", "nir", "-o", "graph.nir").exit_code == 0
    plain = ("--method", "baseline", *EPOCHS, "--json")
    start = run("train", "--model", "graph.nir", *plain)
    assert start.exit_code == 0, start.output
    trained, report = snnc.load_model("a.pt")[1].accuracy, json.loads(start.stdout)
    assert trained > 0.6
    assert abs(report["accuracy_before"] - trained) < 0.03
    fresh = json.loads(run("train", "--model", "40FC", *plain, "-o", "fresh.pt").stdout)
    assert report["accuracy"] > fresh["accuracy"]
    opens_without_the_graph("40FC")


def test_only_the_base_network_has_the_graphs_weights(by_hand: str, digits: snnc.Dataset) -> None:
    start = snnc.from_nir(by_hand, writer="spec")
    config = start.configured(snnc.TrainConfig(epochs_float=0, epochs_quantized=0, epochs_integer=0))

    def build(config: snnc.TrainConfig) -> snnc.SpikingNetwork:
        return snnc.build_model(config, digits.input, 10)

    runs = [Training(config, digits, build, None, each) for each in (lambda n: start.load(n, digits), None)]
    twins = [each.companions[0].network.state_dict() for each in runs]
    bases = [each.base.state_dict() for each in runs]
    assert all(torch.equal(twins[0][name], twins[1][name]) for name in twins[0])
    assert not torch.equal(bases[0]["layers.0.synapses.0.weight"], bases[1]["layers.0.synapses.0.weight"])


def test_inputs_are_raw_samples_times_the_scale(by_hand: str, digits: snnc.Dataset) -> None:
    """A layer without padding gets exactly what the graph got: the zero point moves into its bias."""
    start = snnc.from_nir(by_hand, writer="spec", input_scale=1 / 16)
    network = start.network(snnc.TrainConfig(), digits.input).eval()
    raw = np.asarray(digits.test.samples[:5], float)
    x = snnc.chip_input(digits.test, digits.input)[:5]
    first = start.graph.layers[0]
    assert isinstance(first, GraphLayer)
    weight = first.weights[0].weight
    expected = (raw[:, 0, 2:5, 2:5][:, None] / 16 * weight[:, 0]).sum((2, 3)) + first.bias
    layer = network.hidden[0]
    normalize = layer.normalize
    current = (x[:, 0, 2:5, 2:5][:, None] * layer.synapses[0].weight[:, 0].detach().numpy()).sum((2, 3))
    got = (current - normalize.mean.numpy()) / normalize.deviation.detach().numpy() + normalize.shift.detach().numpy()
    assert np.allclose(got, expected, atol=1e-4)


RESIDUAL = "4C3b0.75-MP2-4C3-4C3~conv2-4C3s2@conv2+conv3~C1s2@pool1-AP2-20FC-Outb0.25"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (RESIDUAL, RESIDUAL.replace("~conv2", "~conv2g1")),
        ("resnet", "4C3-4C3~conv1g1-4C3~conv2g1-AP2-8C3~conv3g1-8C3~conv4g1-AP2-16C3~conv5g1-16C3~conv6g1-AP2"),
    ],
)
def test_a_residual_network_starts_with_the_function_of_its_file(
    model: str, text: str, folder: Path, digits: snnc.Dataset
) -> None:
    config = ONE_EACH.replaced(model=model, method="baseline", depth=1, width=0.06)
    checkpoint = snnc.train(config, "a.pt", dataset=digits)
    network = snnc.lower(snnc.load_model("a.pt")[0], checkpoint.labels)
    snnc.export(network, "nir", "graph.nir")
    start = snnc.from_nir("graph.nir")
    assert (start.model, start.beta, start.notes) == (text, 0.5, ())
    few = snnc.chip_input(digits.test.first(50), digits.input)
    expected = snnc.simulate(network, few)
    with in_float64(), torch.no_grad():
        same = start.network(config, digits.input).eval()
        spikes = {INPUT: same.with_time(torch.as_tensor(few))}
        for layer, theirs in zip(same.spiking, network.layers, strict=False):
            spikes[layer.name] = layer(spikes)
            assert np.array_equal(spikes[layer.name].numpy(), expected.spikes[theirs.name]), layer.name
        logits = same(torch.as_tensor(few))[0].sum(0).numpy()
    membranes = expected.membranes["readout"].sum(0)
    unit = np.abs(membranes).max() / np.abs(logits).max()
    assert np.array_equal(np.rint(logits * unit), membranes)
    assert abs(start.accuracy(config, digits) - checkpoint.accuracy) < 0.01  # in float32, and where classes tie


def test_a_residual_graph_trains_and_its_exports_are_equal(folder: Path, digits: snnc.Dataset) -> None:
    first = snnc.train(ONE_EACH.replaced(model=RESIDUAL, method="baseline"), "a.pt", dataset=digits)
    snnc.export(snnc.lower(snnc.load_model("a.pt")[0], first.labels), "nir", "graph.nir")
    snnc.train(ONE_EACH, "model.pt", dataset=digits, start=snnc.from_nir("graph.nir"))
    Path("graph.nir").unlink()
    model, checkpoint = snnc.load_model("model.pt")
    assert checkpoint.config.model == RESIDUAL.replace("~conv2", "~conv2g1")
    snnc.export(snnc.lower(model, checkpoint.labels), "nir", "again.nir")
    verdict = snnc.verify(snnc.read_network("again.nir"), digits.test.first(20), model=model, engines=["fast", "torch", "nir"])
    assert verdict.equal


@contextmanager
def in_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "mlp"], "--graph and --model cannot go together; the graph is the architecture: leave out --model"),
        (["--resume", "a.pt"], "leave out --graph"),
        (["--input-scale", "0"], "--input-scale 0 is not possible"),
        (["--dt", "0"], "a time step of 0.0 s is not possible"),
        (["--data", "digits-events"], "the graph takes inputs of shape (1, 8, 8), 'digits-events' has (2, 16, 16)"),
    ],
)
def test_bad_options_are_one_line(by_hand: str, arguments: list[str], message: str) -> None:
    result = run("train", "--graph", by_hand, *([] if "--resume" in arguments else ["--writer", "spec"]), *EPOCHS, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_options_without_a_graph_and_other_classes() -> None:
    assert "--dt says how a graph is read; name one with --graph" in run("train", "--dt", 1, "--dry-run").stderr
    result = run("train", "--graph", write(nodes(classes=4)), "--writer", "spec", "--dry-run")
    assert "node 'n3' has 4 outputs, 'digits' has 10 classes" in result.stderr


@pytest.mark.parametrize(("steps", "compare", "spikes"), [(4, ">=", 2), (4, ">", 0), (10, ">=", 2), (10, ">", 0)])
def test_membranes_that_meet_their_threshold_spike_as_the_graphs_do(steps: int, compare: str, spikes: int) -> None:
    """All inputs together bring 1/4 or 1/10 of the threshold, which no float32 holds, and meet it in the last step."""
    neurons = nir.IF(r=np.full(2, 1e4), v_threshold=np.ones(2), v_reset=np.zeros(2))
    first, last = (nir.Linear(np.full(size, 1 / (4 * steps))) for size in ((2, 4), (3, 2)))
    ends = {"in": nir.Input(np.array([4])), "out": nir.Output(np.array([3]))}
    file = write({"in": ends["in"], "f1": first, "n1": neurons, "f2": last, "out": ends["out"]})
    pixels = snnc.Input((4,), 0, 1)
    start = snnc.from_nir(file, writer="spec", compare=compare)
    network = start.network(snnc.TrainConfig(timesteps=steps), pixels).eval()
    with torch.no_grad():
        sent = network.hidden[0]({INPUT: network.with_time(torch.ones(1, 4, dtype=torch.int64))})
    assert sent.sum() == spikes


def test_arguments_that_no_graph_has_are_named(by_hand: str) -> None:
    for beta in (0, 2, float("nan")):
        with pytest.raises(SnncError, match="allowed are 1 / 4096 to 1"):
            snnc.from_nir(by_hand, writer="spec", beta=beta)
    with pytest.raises(SnncError, match="convention 'tau' is unknown"):
        snnc.from_nir(by_hand, writer="spec", tau=1)
    with pytest.raises(SnncError, match=r"graph\.nir: node 'n1': a step of 0\.01 s"):
        snnc.from_nir(by_hand, writer="spec", dt=1e-2)
    with pytest.raises(SnncError, match=r"^graph\.nir: writer 'me' is unknown"):
        snnc.from_nir(by_hand, writer="me")


def test_a_file_of_settings_can_name_a_graph(by_hand: str) -> None:
    Path("train.toml").write_text(f'model = "{by_hand}"\ntimesteps = 2\n', encoding="utf-8")
    result = run("train", "--config", "train.toml", "--writer", "spec", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    config = json.loads(result.stdout)["config"]
    assert (config["model"], config["timesteps"]) == (TEXT, 2)
    both = run("train", "--config", "train.toml", "--init", "a.pt", "--dry-run")
    assert "--init and the graph graph.nir each say what training starts from; give one of them" in both.stderr


def test_beta_is_the_graphs_unless_it_is_stated() -> None:
    start = snnc.from_nir(write(nodes(share_lost=0.1)), writer="spec")
    assert start.beta == 3686 / 4096
    assert any("keep 0.9 of their membrane keep 0.899902" in note for note in start.notes)
    assert snnc.from_nir("graph.nir", writer="spec", beta=0.5).beta == 0.5


def test_layers_say_their_own_beta() -> None:
    parts = nodes() | {"n2": lif(0.25, 20), "n3": lif(0.25, 10)}
    parts = dict(list(parts.items())[:4]) | {"c2": conv(), "n1b": lif(0.5, 6, 4, 4)} | dict(list(parts.items())[4:])
    start = snnc.from_nir(write(parts), writer="spec")
    assert (start.model, start.beta) == ("6C3-AP2-6C3-20FCb0.75-Outb0.75", 0.5)
    assert snnc.from_nir("graph.nir", writer="spec", beta=0.25).model == "6C3-AP2-6C3-20FC"


def conv() -> nir.NIRNode:
    weight = np.random.default_rng(1).normal(size=(6, 6, 3, 3))
    return nir.Conv2d((4, 4), weight, 1, 1, 1, 1, np.zeros(6))
