"""The benchmark of shortcuts: two networks that differ in nothing else, equality first, and what the screen says."""

import json

import pytest
from click.testing import CliRunner

from snnc.bench import residual
from snnc.bench.residual import ShortcutRow, synthetic_resnet
from snnc.cli.main import main
from snnc.toolchain.native.library import built
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_layers import Ternary

COMMAND = [
    "bench",
    "--model",
    "resnet",
    "--rates",
    "0.2",
    "--width",
    "0.0625",
    "--images",
    "2",
    "--rounds",
    "2",
    "--timesteps",
    "2",
]


def test_every_convolution_of_a_block_has_a_shortcut_and_the_fast_kernel() -> None:
    joined, plain = (synthetic_resnet(1 / 16, 2, 0.2, shortcuts=shortcuts) for shortcuts in (True, False))
    assert [layer.output_shape for layer in joined.layers] == [layer.output_shape for layer in plain.layers]
    assert [len(layer.synapses) for layer in joined.layers] == [1, *[2] * 16, 1]
    assert max(layer.synapses[1].weight.max() for layer in joined.layers[1:-1]) > 1
    if built():
        runners = [runner for _, runner in BitslicedSimulator(joined).layers[1:-1]]
        assert all(
            isinstance(each, FusedLayer) and isinstance(each.events.last, Ternary) and not each.events.others
            for each in runners
        )


@pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")
def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, [*COMMAND, "--json"])
    (row,) = json.loads(result.output)["rows"]
    assert (result.exit_code, row["rate"], row["equal"]) == (0, 0.2, True)
    assert row["ratio_spread"][0] <= row["ratio"] <= row["ratio_spread"][1]
    assert "least - most" in CliRunner().invoke(main, COMMAND).output
    growth = CliRunner().invoke(main, [*COMMAND, "--growth"])
    assert growth.exit_code == 2 and "leave it out, or choose --model cifarnet" in growth.output
    monkeypatch.setattr(residual, "simulate", lambda network, images: BitslicedSimulator(network).trace(images // 2))
    wrong = CliRunner().invoke(main, COMMAND)
    assert wrong.exit_code == 1 and "DIFFER" in wrong.output


def test_speeds_become_ratios_of_each_round() -> None:
    row = ShortcutRow(0.1, 10**9, True, [9.0, 8.0], [10.0, 10.0])
    assert row.ratios == [0.9, 0.8]
    assert row.as_dict()["effective_gmac_per_s"] == {"with": 8.5, "without": 10.0}
    assert ShortcutRow(0.1, 1, False).as_dict() == {"rate": 0.1, "equal": False, "ratio": None}
