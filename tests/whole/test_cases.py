"""What users met elsewhere: two networks that `.net` cannot hold are verified by every engine that can run them."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import snnc
from snnc.cli.main import main

PIXELS, LABELS = snnc.Input((1, 8, 8), -5, 11, 5), tuple("0123456789")


def dense(source: str, out: int, fan_in: int) -> snnc.Dense:
    return snnc.Dense(source, np.random.default_rng(out + fan_in).integers(-1, 2, (out, fan_in)))


def skip() -> snnc.Network:
    """A shortcut around the second layer (spikingjelly issue 611, lava issue 329)."""
    first = snnc.Layer("a", (dense("input", 32, 64),), snnc.Lif((32,), 20, 2048))
    second = snnc.Layer("b", (dense("a", 32, 32),), snnc.Lif((32,), 2, 2048))
    last = snnc.Layer("o", (dense("b", 10, 32), dense("a", 10, 32)), snnc.Lif((10,), 2, 2048))
    return snnc.Network("skip", 5, PIXELS, (first, second, last), "spikes", LABELS)


def half() -> snnc.Network:
    """Biases of half a weight unit, which netx has not."""
    first = snnc.Layer("h", (dense("input", 32, 64),), snnc.Lif((32,), 20, 2048, 33, 5))
    last = snnc.Layer("o", (dense("h", 10, 32),), snnc.Lif((10,), 3, 2048))
    return snnc.Network("half", 5, PIXELS, (first, last), "spikes", LABELS)


@pytest.mark.lava
@pytest.mark.parametrize("network", [skip(), half()], ids=lambda network: network.name)
def test_an_engine_that_cannot_hold_a_network_is_left_out(tmp_path: Path, network: snnc.Network) -> None:
    file = snnc.export(network, "onnx", tmp_path / "a.onnx")
    result = CliRunner().invoke(main, ["simulate", str(file), "-n", "3"])
    assert result.exit_code == 0, result.output
    assert "engine netx left out: layer" in result.output
    assert "EQUAL: reference = " in result.output
    assert "= lava on 3 samples" in result.output


def test_an_imported_network_runs_on_data_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of any shape, with labels, by an option of its own or as a dataset; or no data (snntorch issue 337)."""
    nir = pytest.importorskip("nir")
    monkeypatch.chdir(tmp_path)
    one, weight = np.ones(5, np.float32), np.random.default_rng(2).integers(-1, 3, (5, 6)).astype(np.float32)
    neurons = nir.LIF(tau=one * 2e-4, r=one * 2, v_leak=one * 0, v_threshold=one * 3, v_reset=one * 0)
    nodes = {"input": nir.Input(np.array([6])), "w": nir.Linear(weight), "lif": neurons, "output": nir.Output(np.array([5]))}
    nir.write("own.nir", nir.NIRGraph(nodes, [("input", "w"), ("w", "lif"), ("lif", "output")]))
    samples = np.random.default_rng(0).integers(0, 2, (20, 5, 6)).astype(np.uint8)
    np.savez("own.npz", samples=samples, labels=np.arange(20) % 5)
    commands = ["import own.nir -T 5 --dt 1e-4 -o own.net"]
    commands += [f"simulate own.net -e tensor -n 2 {data}" for data in ("", "--data own.npz", "--input own.npz")]
    for command in commands:
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 0, result.output
