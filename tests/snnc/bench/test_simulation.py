"""The benchmark of the simulator: equality first, ratios for every round, and what the screen and --json say."""

import io
import json
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from rich.console import Console

from snnc.bench import simulation as bench
from snnc.bench.baselines import BASELINES, Baseline, TorchFloat32
from snnc.bench.lava_conv import Timing
from snnc.bench.simulation import Row, SimulationSettings, measure
from snnc.bench.tables import show_rows
from snnc.cli.main import main
from snnc.toolchain.errors import ConfigError, EngineError
from snnc.toolchain.native.library import built
from snnc.toolchain.network.synapse import Conv

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")
SMALL = SimulationSettings(width=1 / 16, timesteps=3, images=6, rounds=3, threads=torch.get_num_threads(), lava=False)


def fake_lava(synapses: list[Conv], sources: list[np.ndarray], off: int = 0) -> list[Timing]:
    pairs = zip(synapses, sources, strict=True)
    return [Timing(0.5, synapse.sums(source[None])[0] + off) for synapse, source in pairs]


def test_a_row_holds_every_ratio_of_every_round() -> None:
    (row,) = measure([0.2], SMALL)
    assert row.equal
    assert set(row.ratios) == {*BASELINES, "lava"}
    assert all(len(row.ratios[name]) == 3 and min(row.ratios[name]) > 0 for name in BASELINES)
    assert len(row.images_per_s) == 3
    assert 0 < row.share < 1
    assert row.peak_mib > 10
    result = json.loads(json.dumps(row.as_dict()))
    assert {"rate", "images_per_s", "equal", "ratio", "peak_mib"} <= set(result)
    assert result["ratio"]["lava"] is None
    assert result["ratio"]["torch_float32"] == round(median(row.ratios["torch_float32"]), 2)


def test_lava_is_scaled_to_all_channels_steps_and_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "time_convolutions", fake_lava)
    (row,) = measure([0.2], SimulationSettings(width=1 / 4, timesteps=3, images=6, rounds=1, threads=1))
    channels = [64, 128, 256, 128]  # conv2 to conv5 at a quarter of the width, of which LAVA_CHANNELS took 0.5 s each
    seconds = 3 * sum(0.5 * out / bench.LAVA_CHANNELS for out in channels)
    assert row.ratios["lava"] == [pytest.approx(row.images_per_s[0] * seconds)]


def test_a_wrong_output_gives_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(TorchFloat32):
        def outputs(self, samples: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
            wrong: NDArray[np.int64] = super().outputs(samples) + 1
            return wrong

    baselines: dict[str, type[Baseline]] = {"torch_float32": Wrong}
    monkeypatch.setattr(bench, "BASELINES", baselines)
    (row,) = measure([0.2], SMALL)
    assert not row.equal
    assert row.ratios == {"torch_float32": [], "lava": []}
    assert row.notes == ["torch_float32 gives other outputs than the fast simulator"]
    result = CliRunner().invoke(main, ["bench", "--rates", "0.2", "--width", "0.0625", "--images", "2", "--no-lava"])
    assert result.exit_code == 1
    assert "DIFFER" in result.output
    monkeypatch.undo()
    monkeypatch.setattr(bench, "time_convolutions", partial(fake_lava, off=1))
    (row,) = measure([0.2], SimulationSettings(width=1 / 16, images=4, rounds=1, threads=1))
    assert not row.equal


def test_without_lava_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*jobs: object) -> list[Timing]:
        raise EngineError("Lava is not installed; get it")

    monkeypatch.setattr(bench, "time_convolutions", missing)
    (row,) = measure([0.2], SimulationSettings(width=1 / 16, images=4, rounds=1, threads=1))
    assert row.equal
    assert row.ratios["lava"] == []
    assert row.notes == ["lava left out: Lava is not installed; get it"]
    assert "lava left out: Lava is not installed" in shown(lambda console: show_rows(console, [row], 4))


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="firing rate 0.0 is not between 0 and 1"):
        list(measure([0.2, 0.0], SMALL))


def shown(show: Callable[[Console], None]) -> str:
    file = io.StringIO()
    show(Console(file=file, width=100))
    return file.getvalue()


def test_the_table_says_what_was_measured_and_what_was_extrapolated() -> None:
    ratios = {"torch_float32": [10.0, 20.0, 30.0], "onednn_int8": [2.0, 3.0, 4.0], "lava": [15000.0, 16000.0, 17000.0]}
    good = Row(0.1, True, [100.0, 110.0, 120.0], ratios, 700.0, 0.3, 250.0, 1.0, 64)
    text = shown(lambda console: show_rows(console, [good, Row(0.4, False)], 4))
    assert "outputs DIFFER" in text
    assert all(part in text for part in ("10%", "110", "30%", "20.0", "10.0 - 30.0", "16,000", "extrapolated", "4 output"))


def test_the_command() -> None:
    arguments = ["bench", "--rates", "0.2", "--width", "0.0625", "--images", "4", "--rounds", "1", "--no-lava"]
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0
    (row,) = json.loads(result.output)["rows"]
    assert (row["rate"], row["equal"]) == (0.2, True)
    assert "firing rate" in CliRunner().invoke(main, arguments).output
    wrong = CliRunner().invoke(main, ["bench", "--rates", "high"])
    assert wrong.exit_code == 2
    assert "--rates 'high' is no list of numbers" in wrong.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "nan"], "width nan is not possible"),
        (["--width", "0"], "width 0.0 is not possible"),
        (["--width", "inf"], "width inf is not possible"),
        (["--timesteps", "0"], "is not in the range 1<=x<=7"),
        (["--threads", "5000"], "is not in the range"),
        (["--rates", "0.2,2"], "firing rate 2.0 is not between 0 and 1"),
        (["--rates", "0.9", "--width", "0.0625"], "firing rate 0.9 cannot be reached"),
    ],
)
def test_bad_settings_are_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["bench", "--no-lava", *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
