"""One run measures what it says: the network of each moment, on the split asked for."""

from typing import Any

import pytest
import torch
from training_runs import ONE_EACH, TINY, run

from snnc.experiments.one_run import Job, measure_named, run_job
from snnc.experiments.plan import MOMENTS
from snnc.toolchain.data.digits import digits
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.training.train import Training

SEEN: list[tuple[str, Phase]] = []


def noted(training: Training, moment: str) -> dict[str, Any]:
    SEEN.append((moment, training.base.phase))
    return {"companions": len(training.companions), "samples": len(training.data.test)}


class Read(Exception):
    """How a graph was asked for."""


def test_a_graph_is_read_as_the_plan_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(file: str, **reading: object) -> None:
        raise Read(file, reading)

    monkeypatch.setattr("snnc.experiments.one_run.from_nir", asked)
    with pytest.raises(Read) as found:
        run_job(Job("one", ONE_EACH, 0, "", "graph.nir", reading={"input_scale": 0.5}))
    assert found.value.args == ("graph.nir", {"input_scale": 0.5})


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_it_is_the_training_that_snnc_train_does(tmp_path: Any) -> None:
    config = TINY.replaced(method="baseline", seed=2)
    found = run_job(Job("one", config, 0, ""))
    checkpoint = run(config, digits(config.timesteps, 0), tmp_path / "model.pt")
    assert found.chip.accuracy == pytest.approx(100 * checkpoint.accuracy)
    assert found.paper.accuracy == pytest.approx(100 * checkpoint.history[3].test_accuracy)
    assert len(found.chip.wrong) + found.chip.right == 540
    assert found.chip.firing_rates == pytest.approx(checkpoint.history[-1].firing_rates, abs=1e-5)


def test_measurements_of_others_get_the_training_at_both_moments() -> None:
    SEEN.clear()
    found = run_job(Job("one", ONE_EACH, 100, f"{__name__}:noted"))
    assert list(zip(MOMENTS, (Phase.QUANTIZED, Phase.INTEGER), strict=True)) == SEEN
    assert found.paper.extra == found.chip.extra == {"companions": 1, "samples": 100}


def test_without_the_papers_phases_the_first_moment_is_the_start() -> None:
    found = run_job(Job("one", ONE_EACH.replaced(epochs_float=0, epochs_quantized=0), 100, ""))
    assert found.paper.right + len(found.paper.wrong) == 100


@pytest.mark.parametrize("name", ["", "nowhere", "nowhere:spikes", "snnc.models:nothing"])
def test_a_measurement_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported; write module:function"):
        measure_named(name)
