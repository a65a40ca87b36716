"""snnc.build_model and snnc.train take a NIR graph as config.model, as they take names, texts and Python files."""

from pathlib import Path

import pytest
import torch
from training_runs import ONE_EACH, Interrupting

import snnc
from snnc.toolchain.errors import ConfigError

TEXT = "4C3-4C3-8C3~C1@conv1-AP4-Outb0.25"
NO_EPOCHS = ONE_EACH.replaced(method="baseline", epochs_float=0, epochs_quantized=0, epochs_integer=0)


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: snnc.Dataset) -> str:
    """A graph that snnc wrote, with another beta than the configuration has by default."""
    monkeypatch.chdir(tmp_path)
    config = ONE_EACH.replaced(model=TEXT, beta=0.75, method="baseline", epochs_quantized=0)
    checkpoint = snnc.train(config, "a.pt", dataset=digits)
    snnc.export(snnc.lower(snnc.load_model("a.pt")[0], checkpoint.labels), "nir", "graph.nir")
    return "graph.nir"


def test_a_graph_is_a_model_in_all_its_places(graph: str, digits: snnc.Dataset) -> None:
    config = NO_EPOCHS.replaced(model=graph)
    untrained = snnc.build_model(config, digits.input, 10)
    assert untrained.architecture == TEXT
    assert untrained.hidden[0].neurons.beta == 0.75
    by_model = snnc.train(config, "model.pt", dataset=digits)
    by_init = snnc.train(NO_EPOCHS, "init.pt", dataset=digits, init=graph)
    by_start = snnc.train(NO_EPOCHS, "start.pt", dataset=digits, start=snnc.from_nir(graph))
    assert by_model.config == by_init.config == by_start.config
    assert by_model.config.model == untrained.architecture
    for name, weights in by_model.weights.items():
        assert torch.equal(weights, by_init.weights[name]) and torch.equal(weights, by_start.weights[name]), name
    assert not torch.equal(by_model.weights["layers.0.synapses.0.weight"], untrained.state_dict()["layers.0.synapses.0.weight"])
    Path(graph).unlink()
    assert snnc.load_model("model.pt")[1].config == by_model.config


def test_a_training_from_a_graph_is_resumed(graph: str, digits: snnc.Dataset) -> None:
    config = ONE_EACH.replaced(model=graph, method="baseline")
    with pytest.raises(KeyboardInterrupt):
        snnc.train(config, "model.pt", dataset=digits, callbacks=[Interrupting(1)])
    resumed = snnc.train(config, "model.pt", dataset=digits, resume="model.pt")
    assert (resumed.config.model, len(resumed.history)) == (TEXT, 3)


def test_what_a_graph_cannot_be_is_one_line(graph: str, digits: snnc.Dataset) -> None:
    config = NO_EPOCHS.replaced(model=graph)
    with pytest.raises(ConfigError, match="node 'layer_readout' has 10 outputs, the data has 3 classes"):
        snnc.build_model(config, digits.input, 3)
    with pytest.raises(
        ConfigError, match=r"graph\.nir: training starts from the model's own weights; leave out start and init"
    ):
        snnc.train(config, "model.pt", dataset=digits, init="a.pt")
    assert "others that are stated do not count" in snnc.from_nir(graph, dt=1).notes[0]
    with pytest.raises(ConfigError, match=r"takes inputs of shape \(1, 8, 8\), the input has \(2, 4, 4\)"):
        snnc.from_nir(graph).network(config, snnc.Input((2, 4, 4), 0, 1))
