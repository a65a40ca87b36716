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
