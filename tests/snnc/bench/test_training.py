"""snnc bench train: which variants are measured, and what screen and --json say."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from snnc.bench.frameworks import installed
from snnc.bench.training import OURS, TrainingSettings, Variant, as_dict, measure, ratios
from snnc.bench.training_steps import Work, our_step, same_integers
from snnc.cli.main import main
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.simulate.trace import Trace

SMALL = TrainingSettings(width=1 / 32, batch=4, timesteps=2, rounds=2, threads=1)

pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks


@pytest.fixture(scope="module")
def measured() -> tuple[list[str], list[Variant]]:
    """What was said while all ways were measured, and what was measured; this starts every framework, so it is done once."""
    said: list[str] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        variants = measure(SMALL, said.append)
        assert torch.get_num_threads() == 2  # as it was, though SMALL is measured on one
    finally:
        torch.set_num_threads(threads)
    return said, variants


def test_all_ways_are_measured_in_turns(measured: tuple[list[str], list[Variant]]) -> None:
    said, variants = measured
    names = [variant.name for variant in variants]
    peers = [name for name in installed() if name != "limit"]
    assert set(names) == {*OURS, *installed(), *(f"{name} documented" for name in peers)}
    assert all(len(variant.seconds) == 2 and min(variant.seconds) > 0 for variant in variants)
    assert said[-1] == f"round 2 of 2: {names[-1]}"
    result = as_dict(variants, SMALL)
    assert set(result["ratio"]) == set(installed())
    assert set(result["ratio_documented"]) == set(peers)
    assert set(result["step_ratio"]) == {"quantized", "integer", "twin"}
    assert set(result["peak_mib"]) == set(names)


def test_a_ratio_is_theirs_over_ours_in_each_round() -> None:
    variants = [Variant(OURS[0], [1.0, 2.0]), Variant("limit", [3.0, 2.0])]
    assert ratios(variants, "limit") == [3.0, 1.0]


def test_json_and_table(measured: tuple[list[str], list[Variant]], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TrainingSettings] = []

    def known(settings: TrainingSettings, say: object) -> list[Variant]:
        asked.append(settings)
        return measured[1]

    monkeypatch.setattr("snnc.bench.training.measure", known)
    options = ["bench", "train", "--width", "0.03", "-b", "4", "--timesteps", "2", "--rounds", "1"]
    result = json.loads(CliRunner().invoke(main, [*options, "--json"]).stdout)
    assert {"images_per_s", "ratio", "peak_mib"} <= set(result)
    table = CliRunner().invoke(main, options).stdout
    assert "snnc is x faster" in table and "limit" in table
    assert asked == [TrainingSettings(width=0.03, batch=4, timesteps=2, rounds=1)] * 2


def test_widths_beyond_reason_are_refused() -> None:
    with pytest.raises(ConfigError, match="width 9 cannot be measured"):
        measure(TrainingSettings(width=9), print)


def test_another_device_is_there_or_refused() -> None:
    """No GPU is here: the paths that differ run on the CPU, and a missing card is one line."""
    if not torch.cuda.is_available():
        result = CliRunner().invoke(main, ["bench", "train", "--device", "cuda", "--rounds", "1"])
        assert (result.exit_code, result.output.count("\n")) == (2, 1) and "device 'cuda' cannot be used" in result.output
    work = TrainingSettings(width=1 / 32, batch=4, timesteps=2, precision="bf16").work()
    assert work.half and same_integers(work)


def test_another_integer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    trace, calls = SpikingNetwork.trace, []

    def other(network: SpikingNetwork, samples: NDArray[np.int64]) -> Trace:
        found = trace(network, samples)
        calls.append(found)
        if len(calls) == 2:
            found.membranes["conv1"][0, 0, 0, 0, 0] += 1
        return found

    monkeypatch.setattr(SpikingNetwork, "trace", other)
    assert not same_integers(Work(1 / 32, 2, 2))


def test_half_precision_runs() -> None:
    step = our_step(Work(1 / 32, 4, 2, half=True))
    assert step() > 0
