"""Plans refuse what cannot be trained before anything is."""

from pathlib import Path

import pytest

from snnc.experiments.plan import CHIP, PAPER, Measured, Plan, Run
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig


def test_a_row_changes_the_base_and_a_run_has_its_seed() -> None:
    plan = Plan(TrainConfig(width=0.5, seed=9), {"one": {"method": "kd", "teacher": "t.pt"}}, [3])
    config = plan.config("one", 3)
    assert (config.width, config.seed, config.method, config.method_settings.teacher) == (0.5, 3, "kd", "t.pt")
    assert "seed" not in plan.settings("one")


def test_settings_that_do_not_fit_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="method 'baseline' has no setting 'alpha'"):
        Plan(TrainConfig(), {"one": {"method": "baseline", "alpha": 0.1}}, [0])
    with pytest.raises(ConfigError, match="held_out is -1; allowed are 0"):
        Plan(TrainConfig(), {}, [0], held_out=-1)


def test_a_graph_is_the_model_of_all_runs() -> None:
    with pytest.raises(ConfigError, match=r"row 'a': x\.nir is a graph, from which all runs start or none"):
        Plan(TrainConfig(), {"a": {"model": "x.nir"}}, [0])
    with pytest.raises(ConfigError, match=r"row 'a': x\.nir says the model, which cannot be 'mlp'; leave model as it is"):
        Plan(TrainConfig(model="8FC"), {"a": {"model": "mlp"}}, [0], init="x.nir")
    assert Plan(TrainConfig(model="8FC"), {"a": {"model": "mlp"}}, [0], init="x.pt").config("a", 0).model == "mlp"


def test_accuracies_are_counted_in_samples() -> None:
    run = Run("one", 0, 1.0, Measured(3, (5,)), Measured(4, ()))
    assert (run.at(PAPER).accuracy, run.at(CHIP).accuracy) == (75.0, 100.0)


def test_a_checkpoint_to_start_from_must_be_there(tmp_path: Path) -> None:
    plan = Plan(TrainConfig(), {"one": {}}, [0], init=str(tmp_path / "gone.pt"))
    with pytest.raises(ConfigError, match=r"init '.*gone\.pt' cannot be read .*; name a checkpoint or a NIR graph"):
        assert plan.head
