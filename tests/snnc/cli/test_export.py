"""snnc export as a user types it: options of the targets, notices, and one line for every fault."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from random_networks import random_nir_network

from snnc.cli.main import main
from snnc.export import TARGETS, export, read_network
from snnc.export.nir.file import dialect_of
from snnc.files import load_subject, split_for
from snnc.toolchain.data.dataset import chip_input
from snnc.toolchain.errors import ConfigError, DataError
from snnc.toolchain.simulate.reference import simulate


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_every_option_of_a_target_is_one_of_the_command() -> None:
    command = main.commands["export"]
    names = {
        parameter.name: parameter
        for parameter in command.get_params(click.Context(command, help_option_names=["-h", "--help"]))
    }
    for target in TARGETS.values():
        for each in fields(target.options):
            assert each.name in names
            choices = each.metadata["choices"]
            kind = names[each.name].type
            assert not choices or (isinstance(kind, click.Choice) and list(kind.choices) == list(choices))


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_written_beside_the_checkpoint(tmp_path: Path, tiny_path: Path, target: str) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(tiny_path.read_bytes())
    shown = json.loads(snnc("export", "-t", target, file, "--json").output)
    written = file.with_suffix(TARGETS[target].suffix)
    network = load_subject(tiny_path)[0].network
    about = {"digest": network.digest(), "truncation_free": True}
    assert shown == {"file": str(written), "beside": [], "target": target} | about
    assert read_network(written) == network


@pytest.mark.parametrize("name", [".", "/", ".."])
def test_a_folder_is_refused_in_one_line(name: str) -> None:
    result = snnc("export", name)
    assert result.exit_code == 2 and "unknown suffix" in result.output and result.output.count("\n") == 1


def test_options_reach_the_file_and_a_notice_is_shown(tmp_path: Path, tiny_path: Path) -> None:
    result = snnc("export", "-t", "nir", "--dialect", "norse", tiny_path, "-o", tmp_path / "a.nir")
    assert result.exit_code == 0, result.output
    assert "norse has no leaky integrator" in result.output
    assert dialect_of(tmp_path / "a.nir") == "norse"
    assert snnc("export", "-t", "nir", tiny_path, "-o", tmp_path / "b.nir").output.count("\n") == 1
    sizes = []
    for more in ((), ("--timed",), ("--constant",), ("--traces",)):
        assert snnc("export", "-t", "onnx", *more, tiny_path, "-o", tmp_path / "a.onnx").exit_code == 0
        sizes.append((tmp_path / "a.onnx").read_bytes())
    assert sizes[0] == sizes[2]
    assert len(set(sizes)) == 3


def test_a_script_and_expected_spikes_are_written_beside(tmp_path: Path, tiny_path: Path) -> None:
    shown = json.loads(snnc("export", "--script", "-n", "3", tiny_path, "-o", tmp_path / "a.net", "--json").output)
    assert shown["beside"] == [str(tmp_path / "run_a.py"), str(tmp_path / "a.expected.npz")]
    network = read_network(tmp_path / "a.net")
    samples = split_for(network, None, 3)
    with np.load(tmp_path / "a.expected.npz") as expected:
        np.testing.assert_array_equal(expected["input"], chip_input(samples, network.input))
        trace = simulate(network, expected["input"])
        for name, spikes in trace.spikes.items():
            np.testing.assert_array_equal(expected[f"spikes/{name}"], spikes.swapaxes(0, 1).reshape(3 * network.timesteps, -1))
    assert snnc("export", "--script", tiny_path, "-o", tmp_path / "a.net").exit_code == 0  # all may be replaced
    with np.load(tmp_path / "a.expected.npz") as expected:
        assert int(expected["samples"]) == 2


def test_what_lies_beside_replaces_no_edited_script_and_no_input(tmp_path: Path, tiny_path: Path) -> None:
    (tmp_path / "run_a.py").write_text("mine")
    edited = snnc("export", "--script", tiny_path, "-o", tmp_path / "a.net")
    assert edited.exit_code == 2
    assert "run_a.py' exists and was edited; move it away, or write to another folder" in edited.output
    (tmp_path / "b.expected.npz").mkdir()
    assert "it is a folder" in snnc("export", "--script", tiny_path, "-o", tmp_path / "b.net").output
    assert {path.name for path in tmp_path.iterdir()} == {"run_a.py", "b.expected.npz"}
    assert (tmp_path / "run_a.py").read_text() == "mine"


def test_samples_go_with_a_script(tmp_path: Path, tiny_path: Path) -> None:
    network = load_subject(tiny_path)[0].network
    with pytest.raises(ConfigError, match="writes expected spikes with these options; give it samples"):
        export(network, "loihi2", tmp_path / "a.net", script=True)
    with pytest.raises(ConfigError, match="takes samples only for expected spikes"):
        export(network, "onnx", tmp_path / "a.onnx", np.zeros((1, 64)))
    with pytest.raises(DataError, match="shape"):
        export(network, "loihi2", tmp_path / "a.net", np.zeros((1, 3), int), script=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "tpu"], "target 'tpu' is unknown; allowed are loihi2, nir, onnx"),
        (["-t", "nir", "--dialect", "brian"], "'brian' is not one of 'spec', 'norse'"),
        (["--dialect", "norse", "-o", "a.net"], "snnc: target 'loihi2' has no --dialect; it belongs to nir\n"),
        (["-o", "a.net", "-n", "3"], "snnc: --data and --samples are for expected spikes, which --script of target 'loihi2'"),
        (["-o", "a.net", "--script", "-n", "0"], "snnc: 0 samples were asked for; allowed are 1 to"),
        (["-t", "nir", "--script", "-o", "a.nir"], "snnc: target 'nir' has no --script; it belongs to loihi2\n"),
        (["-o", "a.pt"], "snnc: output 'a.pt' must end in .net"),
        (["-t", "nir", "--dialect", "sinabs", "-o", "a.nir"], "snnc: cannot be written as .nir: sinabs 3.1.3 resets"),
    ],
)
def test_faults_exit_with_2(
    tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = snnc("export", tiny_path, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not list(tmp_path.iterdir())


def test_the_file_itself_is_no_output(tmp_path: Path) -> None:
    file = export(random_nir_network(1), "nir", tmp_path / "a.nir")
    before = file.read_bytes()
    result = snnc("export", "-t", "nir", file)
    assert result.exit_code == 2
    assert "which the same command reads; name another file" in result.output
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["export", "import", "inspect"])
def test_help_of_80_columns_breaks_no_word(name: str) -> None:
    result = CliRunner().invoke(main, [name, "-h"], terminal_width=80)
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80
    words = set(result.output.split())
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert {*parameter.opts, *str(parameter.help).split("  [")[0].split()} <= words | {
                word.rstrip(",") for word in words
            } | {part for word in words for part in word.split("/")}
            if isinstance(parameter.type, click.Choice):
                assert f"[{'|'.join(parameter.type.choices)}]" in words
