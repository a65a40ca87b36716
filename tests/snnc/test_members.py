"""Committees: members drawn from a posterior, on every target, and the manifest that names their files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_runs import TINY, run

from snnc.evaluation.predictions import outputs_of
from snnc.export import TARGETS, export, read_network
from snnc.members import drawn, drawn_again, drawn_networks, export_members, read_manifest, read_members
from snnc.models import load_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import CannotExport, ConfigError, DifferentNetworks, FileFormatError
from snnc.toolchain.lower import lower
from snnc.toolchain.network.committee import side_by_side
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.predictions import probabilities
from snnc.toolchain.network.synapse import Dense
from snnc.verification.verify import verify

EVENTS = "digits-events"


@pytest.fixture(scope="module", params=["digits", EVENTS])
def bayes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with a posterior, of images and of events."""
    data = load_dataset(request.param, TINY.timesteps)
    path = tmp_path_factory.mktemp("bayes") / "model.pt"
    run(TINY.replaced(method="bisnn-bayes", data=request.param, width=0.02), data, path)
    return path


def members(path: Path, count: int = 2, seed: int = 5) -> tuple[list[Network], Dataset]:
    model, checkpoint = load_model(path)
    data = load_dataset(checkpoint.config.data, checkpoint.config.timesteps)
    return drawn_networks(model, checkpoint, data, count, seed), data


def test_members_are_binary_differ_and_depend_on_the_seed(bayes: Path) -> None:
    networks, _ = members(bayes)
    for network in networks:
        assert set(np.unique(network.layers[1].synapses[0].weight).tolist()) == {-1, 1}
    assert networks[0].layers[0].synapses[0].weight.tolist() == networks[1].layers[0].synapses[0].weight.tolist()
    assert networks[0] != networks[1]
    assert members(bayes)[0] == networks
    assert members(bayes, 1)[0] == networks[:1]
    assert members(bayes, seed=6)[0][0] != networks[0]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_holds_every_member_and_all_engines_agree(bayes: Path, target: str, tmp_path: Path) -> None:
    model, checkpoint = load_model(bayes)
    data = load_dataset(checkpoint.config.data, checkpoint.config.timesteps)
    pairs = list(drawn(model, checkpoint, data, 2, 5))
    networks = [network for _, network in pairs]
    export_members(networks, tmp_path / "m.json", target, mode=lower(model), seed=5, samples=len(data.train))
    manifest, read = read_members(tmp_path / "m.json")
    assert read == networks and [each.number for each in manifest.members] == [0, 1]
    for (member, _), network, named in zip(pairs, read, manifest.members, strict=True):
        file = tmp_path / named.file
        able = [name for name in ("fast", "tensor", "torch", *(TARGETS[target].engines)) if name != "netx"]
        verdict = verify(network, data.test.first(30), model=member, engines=able, files=[file])
        assert verdict.equal and not verdict.left_out, verdict.first_difference
        assert [row.mismatches for row in verdict.layers] == [0] * len(verdict.layers)


@pytest.mark.lava
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["lava", "netx"])
def test_lava_runs_every_member(bayes: Path, engine: str, tmp_path: Path) -> None:
    networks, data = members(bayes)
    for number, network in enumerate(networks):
        file = export(network, "loihi2", tmp_path / f"{number}.net")
        assert verify(network, data.test.first(5), engines=[engine], files=[file]).equal


def test_side_by_side_is_what_members_say_together(bayes: Path, tmp_path: Path) -> None:
    networks, data = members(bayes, 3)
    together = side_by_side(networks, "committee")
    assert read_network(export(together, "nir", tmp_path / "c.nir")) == together
    assert read_network(export(together, "onnx", tmp_path / "c.onnx")) == together
    with pytest.raises(CannotExport, match="only shortcuts around one layer fold into it"):
        export(together, "loihi2", tmp_path / "c.net")
    samples = data.test.first(60)
    alone = [outputs_of(network, samples) for network in networks]
    outputs = outputs_of(together, samples)
    assert np.array_equal(outputs, np.concatenate(alone, axis=1))
    means = np.mean([probabilities(n, o) for n, o in zip(networks, alone, strict=True)], axis=0)
    assert np.allclose(probabilities(together, outputs), means)
    verdict = verify(together, samples, engines=["fast", "onnx", "nir"])
    assert verdict.equal
    assert verdict.engines["fast"].accuracy == np.mean(means.argmax(1) == samples.labels)


def test_members_can_be_drawn_again(bayes: Path, tmp_path: Path) -> None:
    networks, data = members(bayes)
    model, _ = load_model(bayes)
    export_members(networks, tmp_path / "m.json", "loihi2", mode=lower(model), seed=5, samples=len(data.train))
    again = drawn_again(bayes, tmp_path / "m.json")
    for member, network in zip(again, networks, strict=True):
        assert verify(network, data.test.first(10), model=member, engines=["torch"]).equal
    values = json.loads((tmp_path / "m.json").read_text())
    (tmp_path / "m.json").write_text(json.dumps(values | {"seed": 6}))
    with pytest.raises(DifferentNetworks, match="m.member-0.net and what is drawn from .* are different networks: layers/fc2"):
        drawn_again(bayes, tmp_path / "m.json")


def test_a_model_without_a_posterior_has_no_members(tiny_path: Path, digits: Dataset) -> None:
    model, checkpoint = load_model(tiny_path)
    with pytest.raises(ConfigError, match="has no posterior to draw members from; train one with --method bisnn-bayes"):
        drawn_networks(model, checkpoint, digits, 2, 0)
    with pytest.raises(ConfigError, match="0 members were asked for; allowed are 1 to 1000"):
        drawn_networks(model, checkpoint, digits, 0, 0)


@pytest.fixture
def manifest(bayes: Path, tmp_path: Path) -> Path:
    networks, data = members(bayes)
    export_members(networks, tmp_path / "m.json", "loihi2", mode=networks[0], seed=5, samples=len(data.train))
    return tmp_path / "m.json"


def test_a_changed_or_missing_member_is_refused(manifest: Path) -> None:
    file = manifest.with_name("m.member-1.net")
    other = manifest.with_name("m.member-0.net")
    file.write_bytes(other.read_bytes())
    with pytest.raises(FileFormatError, match="m.member-1.net: is not the file that .*m.json names: its bytes differ"):
        read_members(manifest)
    file.unlink()
    with pytest.raises(FileFormatError, match="m.member-1.net: is not there"):
        read_members(manifest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": Input((2,), 1, 2, zero_point=-1)}, "its members differ in classes, time steps, input or logit units"),
        ({"members": 2, "labels": ("a",)}, "its members differ in classes"),
        (None, "a member of it is a committee itself"),
    ],
)
def test_members_that_do_not_fit_together_are_refused(tmp_path: Path, change: dict[str, Any] | None, message: str) -> None:
    layer = Layer("out", (Dense("input", [[1, 2], [3, 4]]),), Lif((2,), vth=100, dv=2048))
    one = Network("", 2, Input((2,), 0, 1), (layer,), logit_units=64)
    networks = [replace(one, members=2)] * 2 if change is None else [one, replace(one, **change)]
    export_members(networks, tmp_path / "m.json", "nir", mode=one, seed=5, samples=1)
    with pytest.raises(FileFormatError, match=message):
        read_members(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a manifest of a committee"),
        ({"version": 9}, "version 9, this snnc reads 1"),
        ({"target": "abacus"}, "the target 'abacus' is unknown; allowed are loihi2"),
        ({"members": []}, "values of other types, or no members"),
        ({"members": [{"file": "../m.net", "sha256": "", "network": "", "number": 0}]}, "does not lie beside the manifest"),
        ({"members": [{"file": "m.net"}]}, "incomplete or was edited"),
        ({"members": 3}, "incomplete or was edited"),
        ({"seed": "x"}, "values of other types"),
        ({"odd": 1}, "incomplete or was edited"),
    ],
)
def test_an_edited_manifest_is_refused(manifest: Path, change: dict[str, object], message: str) -> None:
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(FileFormatError, match=message):
        read_manifest(manifest)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 5000, "nope"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(FileFormatError, match="m.json: not a"):
        read_manifest(tmp_path / "m.json")
    with pytest.raises(FileFormatError, match="no file of a manifest"):
        read_manifest(tmp_path / "gone.json")
