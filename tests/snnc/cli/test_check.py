"""snnc check as a user types it: all violations in one run, proofs, the mapping, and a witness that overflows."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.export import TARGETS
from snnc.files import load_subject
from snnc.toolchain.network import chips
from snnc.toolchain.network.chips import CHIPS, Chip, Limit
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.overflow import overflowing
from snnc.toolchain.simulate.reference import simulate


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def written(network: Network, path: Path) -> Path:
    """Write a network to an ONNX file without the proof that export asks for."""
    target = TARGETS["onnx"]
    path.write_bytes(target.content(network, target.options()))
    return path


def faulty() -> Network:
    """A network with a fault of every kind that a row of Loihi 2 knows, and two that overflow."""
    layers = (
        Layer("weight", (Dense(INPUT, [[200, 1]]),), Lif((1,), 1, 0)),
        Layer("threshold", (Dense(INPUT, [[1, 1]]),), Lif((1,), 2**17, 0)),
        Layer("du", (Dense(INPUT, [[0, 1]]),), Lif((1,), 1, 0, du=-1)),
        Layer("dv", (Dense(INPUT, [[1, 0]]),), Lif((1,), 1, 4096)),
        Layer("mantissa", (Dense(INPUT, [[1, 0]]),), Lif((1,), 1, 0, 5000)),
        Layer("exponent", (Dense(INPUT, [[1, 0]]),), Lif((1,), 1, 0, 1, 9)),
        Layer("delay", (Dense(INPUT, [[1, 0]], 63),), Lif((1,), 1, 0)),
        Layer("cycle", (Dense("weight", [[1]]), Dense("late", [[1]], 1)), Lif((1,), 1, 0)),
        Layer("late", (Dense("cycle", [[1]]),), Lif((1,), 1, 0)),
        Layer("wide", (Dense("late", np.ones((2**17 + 8, 1))),), Lif((2**17 + 8,), 1, 0)),
        Layer("memory", (Dense("wide", np.full((2, 2**17 + 8), 100)),), Lif((2,), 1, 0)),
    )
    return Network("faulty", 65, Input((2,), 0, 2**15), layers, "spikes")


KINDS = (
    *("weight 200", "threshold 131072", "du -1", "dv 4096", "bias mantissa 5000", "bias exponent 9", "input value 32768"),
    *("delay 63", "hops more", "memory of one neuron's", "current u", "membrane v"),
)


def test_ten_faults_and_more_are_said_in_one_run(tmp_path: Path) -> None:
    file = written(faulty(), tmp_path / "faulty.onnx")
    result = snnc("check", file, "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["holds"] is False
    for kind in KINDS:
        matching = [each for each in found["violations"] if kind in each["problem"]]
        assert matching, kind
        for each in matching:
            assert each["where"]
            assert each["value"] is not None
            assert each["limit"]
            assert each["source"]
            assert each["status"] in ("published", "derived", "assumed")
            assert each["remedy"]


def test_no_more_steps_are_said_than_the_read_out_can_have(tmp_path: Path) -> None:
    layer = Layer("fc", (Dense(INPUT, [[1]]),), Lif((1,), 1, 0))
    for readout, most in {"spikes": "any number of", "first-spike": "up to 24"}.items():
        network = Network("n", 2, Input((1,), 0, 1), (layer,), readout)  # type: ignore[arg-type]
        result = snnc("check", written(network, tmp_path / "n.onnx"))
        why = ", the most of the read-out first-spike" if readout == "first-spike" else ""
        assert f"no limit can be broken in {most} time steps{why}; the network runs 2" in result.output


def test_a_trained_network_is_ready(tiny_path: Path) -> None:
    result = snnc("check", tiny_path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    network = load_subject(tiny_path)[0].network
    assert (found["digest"], found["violations"], found["holds"]) == (network.digest(), [], True)
    assert found["proofs"]["holds"]
    assert [row["layer"] for row in found["mapping"]["layers"]] == [layer.name for layer in network.layers]
    assert found["mapping"]["activity"]["samples"] == 16
    text = snnc("check", tiny_path, "-n", 3, "-v").output
    assert "READY: Loihi 2 holds the network" in text
    assert "mean of 3 samples" in text
    assert f"cores of {network.layers[0].name} at" in text
    assert "no public number says what they take" in text


@pytest.mark.parametrize("chip", CHIPS)
def test_every_chip_can_be_asked_for(tiny_path: Path, chip: str) -> None:
    result = snnc("check", tiny_path, "--chip", chip)
    assert result.exit_code == 0
    assert CHIPS[chip].title in result.output
    assert chip in snnc("check", "--help").output


def test_a_made_up_chip_is_known_by_the_command(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def layers(network: Network, least: int, most: int) -> Iterator[tuple[str, int]]:
        yield "network", len(network.layers)

    few = Limit("number of layers", 0, 0, layers, "we say so", "assumed", "remove some")
    monkeypatch.setitem(chips.CHIPS, "abacus", Chip("Abacus", (few,)))
    result = snnc("check", tiny_path, "--chip", "abacus")
    assert result.exit_code == 1
    assert "number of layers" in result.output
    assert "assumed: we say so" in result.output
    assert json.loads(snnc("check", tiny_path, "--chip", "abacus", "--json").output)["mapping"] is None
    unknown = snnc("check", tiny_path, "--chip", "brain")
    assert unknown.exit_code == 2
    assert "chip 'brain' is unknown; allowed are loihi2, spinnaker2, abacus" in unknown.stderr


def test_a_witness_overflows_when_it_is_run(tmp_path: Path) -> None:
    layer = Layer("fc", (Dense(INPUT, np.full((1, 90), -5)),), Lif((1,), 100, 0))
    network = Network("n", 6, Input((90,), -5, 250, zero_point=5), (layer,), "spikes")
    file, saved = written(network, tmp_path / "a.onnx"), tmp_path / "w.npz"
    result = snnc("check", file, "--witness", saved)
    assert result.exit_code == 1
    assert "a witness reaches -" in result.output
    assert "NOT READY: 1 violation" in result.output
    assert "value -43200000, limit -8388607..8388607, derived: 24-bit current and membrane" in result.output
    quiet = snnc("check", file, "-q")
    assert (quiet.exit_code, quiet.stdout) == (1, "")
    assert quiet.stderr.startswith("snnc: 1 violation, the first: layer 'fc': membrane v")
    with np.load(saved) as arrays:
        samples = arrays["samples"]
    assert samples.dtype.kind == "i"
    assert (samples.min() >= 0) and (samples.max() <= 255)
    values = samples - network.input.zero_point
    values = values.swapaxes(0, 1) if values.ndim == 3 else values
    assert [each.what for each in overflowing(network, values, simulate(network, values))] == ["membrane v (before a reset)"]
    assert json.loads(snnc("check", file, "--witness", saved, "--json").output)["witnesses"][0]["frames"] is True


def test_where_nothing_overflows_no_witness_is_written(tiny_path: Path, tmp_path: Path) -> None:
    assert snnc("check", tiny_path, "--witness", tmp_path / "w.npz").exit_code == 0
    assert not (tmp_path / "w.npz").exists()
    refused = snnc("check", tiny_path, "--witness", tiny_path)
    assert refused.exit_code == 2
    assert "must end in .npz" in refused.stderr


def test_data_that_nobody_has_are_an_error_only_if_named(tmp_path: Path) -> None:
    layer = Layer("fc", (Dense(INPUT, [[1, -1]]),), Lif((1,), 2, 2048))
    file = written(Network("small", 2, Input((2,), 0, 1), (layer,), "spikes"), tmp_path / "a.onnx")
    result = snnc("check", file)
    assert result.exit_code == 0
    assert "spikes were not measured: name samples with --data" in result.output
    assert snnc("check", file, "--data", "digits").exit_code == 2
