"""Opening files and exporting with a read-back, over every row of TARGETS."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from random_networks import random_network

from snnc.cli.main import main
from snnc.export import TARGETS, read_network
from snnc.export import export as export_file
from snnc.files import load_subject, split_for
from snnc.toolchain.errors import ConfigError, DataError, DifferentNetworks, FileFormatError
from snnc.toolchain.network.network import Lif
from snnc.toolchain.network.plain import difference
from snnc.toolchain.network.synapse import Dense


def test_there_are_targets() -> None:
    assert TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_back_the_network(tmp_path: Path, tiny_path: Path, target: str) -> None:
    subject, checkpoint = load_subject(tiny_path)
    assert checkpoint is not None
    file = export_file(subject.network, target, tmp_path / f"model{TARGETS[target].suffix}")
    assert read_network(file) == subject.network
    again, no_checkpoint = load_subject(file)
    assert (again.network, again.model, no_checkpoint) == (subject.network, None, None)


def exported(tiny_path: Path, folder: Path) -> list[Path]:
    network = load_subject(tiny_path)[0].network
    return [export_file(network, target, folder / f"model{row.suffix}") for target, row in TARGETS.items()]


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


def test_options_belong_to_their_targets(tmp_path: Path, tiny_path: Path) -> None:
    network = load_subject(tiny_path)[0].network
    with pytest.raises(ConfigError, match="target 'loihi2' has no --dialect; it belongs to nir"):
        export_file(network, "loihi2", tmp_path / "a.net", dialect="norse")
    assert export_file(network, "nir", tmp_path / "a.nir", dialect="norse").exists()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_path: Path) -> None:
    network = load_subject(tiny_path)[0].network
    for module in [name for name in sys.modules if name.startswith(("snnc.export.onnx", "snnc.export.nir", "onnx", "nir"))]:
        monkeypatch.delitem(sys.modules, module)
    for library, target in (("onnx", "onnx"), ("nir", "nir")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ConfigError, match=f"{library} is not installed; get it with: pip install 'snnc"):
            export_file(network, target, tmp_path / f"a{TARGETS[target].suffix}")


def test_the_network_says_where_it_comes_from(tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    assert subject.network.name == "mlp on digits"
    assert subject.network.labels == tuple("0123456789")


def test_a_read_back_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    forgetful = replace(TARGETS["loihi2"], read=lambda path: replace(subject.network, name="other"))
    monkeypatch.setitem(TARGETS, "loihi2", forgetful)
    with pytest.raises(FileFormatError, match="reading it back gave another network"):
        export_file(subject.network, "loihi2", tmp_path / "a.net")


def test_unknown_targets_and_suffixes_are_refused(tmp_path: Path, tiny_path: Path) -> None:
    subject, _ = load_subject(tiny_path)
    with pytest.raises(ConfigError, match="target 'loihi3' is unknown; allowed are loihi2"):
        export_file(subject.network, "loihi3", tmp_path / "a.net")
    with pytest.raises(ConfigError, match=r"output '.*model.pt' must end in .net for target 'loihi2'"):
        export_file(subject.network, "loihi2", tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileFormatError, match=r"a.txt: unknown suffix '.txt'; allowed are .pt, .net"):
        read_network("a.txt")


def test_the_data_are_those_of_training_and_never_guessed(tmp_path: Path, tiny_path: Path) -> None:
    network = load_subject(tiny_path)[0].network
    assert network.data == "digits"
    assert len(split_for(network, None, 7)) == 7
    file = export_file(network, "loihi2", tmp_path / "model.net")
    assert load_subject(file)[0].network.data == "digits"
    with pytest.raises(DataError, match="does not say what 'mlp on digits' was trained on; name a dataset with --data"):
        split_for(replace(network, data=""), None, None)
    last = network.layers[-1]
    fewer = replace(last, synapses=(Dense(last.synapses[0].source, last.synapses[0].weight[:3]),), neuron=Lif((3,), 9, 2048))
    with pytest.raises(DataError, match="dataset 'digits' has 10 classes, the network has 3 outputs"):
        split_for(replace(network, layers=(*network.layers[:-1], fewer), labels=()), None, None)
    with pytest.raises(DataError, match="dataset 'digits-events' has 16 x 16 pixels|samples have shape"):
        split_for(network, "digits-events", None)
