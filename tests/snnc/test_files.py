"""Opening files and exporting with a read-back, over every row of TARGETS."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from random_networks import random_network

from snnc.cli.main import main
from snnc.export import TARGETS, export, read_network
from snnc.files import data_of, load_subject, split_for
from snnc.toolchain.errors import ConfigError, DataError, DifferentNetworks
from snnc.toolchain.network.network import Lif
from snnc.toolchain.network.plain import difference
from snnc.toolchain.network.synapse import Dense


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_back_the_network(tmp_path: Path, tiny_path: Path, target: str) -> None:
    subject, checkpoint = load_subject(tiny_path)
    assert checkpoint is not None
    file = export(subject.network, target, tmp_path / f"model{TARGETS[target].suffix}")
    assert read_network(file) == subject.network
    again, no_checkpoint = load_subject(file)
    assert (again.network, again.model, no_checkpoint) == (subject.network, None, None)


def exported(tiny_path: Path, folder: Path) -> list[Path]:
    network = load_subject(tiny_path)[0].network
    return [export(network, target, folder / f"model{row.suffix}") for target, row in TARGETS.items()]


def test_several_files_of_one_network_are_one_subject(tmp_path: Path, tiny_path: Path) -> None:
    files = exported(tiny_path, tmp_path)
    subject, checkpoint = load_subject(tiny_path, *files)
    assert checkpoint is not None
    assert subject.model is not None
    assert subject.files == tuple(files)
    assert subject.file("onnx") == tmp_path / "model.onnx"
    with pytest.raises(ConfigError, match="two files of one format"):
        load_subject(files[0], files[0])


def test_files_of_different_networks_are_a_difference(tmp_path: Path, tiny_path: Path) -> None:
    files, network = exported(tiny_path, tmp_path), load_subject(tiny_path)[0].network
    first, *rest = network.layers
    other = replace(first, neuron=replace(first.neuron, vth=first.neuron.vth + 1))
    TARGETS["onnx"].write(replace(network, layers=(other, *rest)), tmp_path / "model.onnx")
    expected = f"hold different networks: layers/fc1/neuron/vth: {first.neuron.vth} and {first.neuron.vth + 1}"
    with pytest.raises(DifferentNetworks, match=expected):
        load_subject(tiny_path, *files)
    result = CliRunner().invoke(main, ["simulate", str(tiny_path), *map(str, files)])
    assert result.exit_code == 1
    assert expected in result.output


def test_the_place_of_a_difference_is_named() -> None:
    network = random_network(3)
    weight = network.layers[0].synapses[0].weight.copy()
    weight.flat[1] ^= 1
    synapse = replace(network.layers[0].synapses[0], weight=weight)
    changed = replace(network.layers[0], synapses=(synapse, *network.layers[0].synapses[1:]))
    where = np.unravel_index(1, weight.shape)
    found = difference(network, replace(network, layers=(changed, *network.layers[1:])))
    assert f"layers/layer0/synapses/0/weight at {tuple(int(i) for i in where)}: " in str(found)
    assert difference(network, replace(network, name="another"), ignored=("name",)) is None
    assert "timesteps: " in str(difference(network, replace(network, timesteps=network.timesteps + 1)))
    if len(network.layers) > 1:
        assert "layers" in str(difference(network, replace(network, layers=network.layers[:1])))


def test_the_network_says_where_it_comes_from(tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    assert subject.network.name == "mlp on digits"
    assert subject.network.labels == tuple("0123456789")


def test_the_data_are_those_of_training_and_never_guessed(tmp_path: Path, tiny_path: Path) -> None:
    network = load_subject(tiny_path)[0].network
    assert network.data == "digits"
    assert len(split_for(network, None, 7)) == 7
    file = export(network, "loihi2", tmp_path / "model.net")
    assert load_subject(file)[0].network.data == "digits"
    assert data_of(replace(network, data="")) == "digits"  # its input and its labels are exactly those of digits
    for other in (replace(network, data="", labels=()), replace(network, data="", input=replace(network.input, minimum=-4))):
        with pytest.raises(DataError, match="does not say what 'mlp on digits' was trained on; name a dataset with --data"):
            split_for(other, None, None)
    last = network.layers[-1]
    fewer = replace(last, synapses=(Dense(last.synapses[0].source, last.synapses[0].weight[:3]),), neuron=Lif((3,), 9, 2048))
    with pytest.raises(DataError, match="dataset 'digits' has 10 classes, the network has 3 outputs"):
        split_for(replace(network, layers=(*network.layers[:-1], fewer), labels=()), None, None)
    with pytest.raises(DataError, match="dataset 'digits-events' has 16 x 16 pixels|samples have shape"):
        split_for(network, "digits-events", None)
