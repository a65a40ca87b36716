"""Sweeps: all combinations from all seeds, kept at once, resumed, and refused in one line where they cannot be meant."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import snnc
from snnc.cli.main import main
from snnc.cli.sweep import Sweep, results_of
from snnc.toolchain.training.config import TrainConfig

QUICK = ["--model", "mlp", "--width", "0.02", "--epochs-float", "1", "--epochs-quantized", "0", "--epochs-integer", "1"]


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["train", *QUICK, "--method", "baseline", "--processes", "1", *arguments])


def test_a_grid_is_every_combination_with_values_of_the_settings_type() -> None:
    plan = Sweep(("alpha=1e-3,0.1", "weights=ternary,binary", "shift=0", "restart=false"), 3).plan(
        TrainConfig(seed=4, validation=99)
    )
    assert next(iter(plan.rows)) == "alpha=0.001 weights=ternary shift=0 restart=False"
    assert len(plan.rows) == 4
    assert list(plan.seeds) == [4, 5, 6]
    assert plan.held_out == 99 and plan.base.validation == 0
    config = plan.config("alpha=0.1 weights=binary shift=0 restart=False", 5)
    assert (config.method_settings.alpha, config.weights) == (0.1, "binary")
    assert (config.shift, config.restart, config.seed) == (0, False, 5)
    assert list(Sweep((), 2).plan(TrainConfig()).rows) == ["tna"]


def test_what_was_trained_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = sweep("--sweep", "lr=0.01,0.02", "--validation", "200", "-o", "runs/lr")
    assert first.exit_code == 0, first.output
    assert "2 settings x 1 seeds = 2 trainings, measured on 200 held-out training samples: runs/lr/sweep.json" in first.output
    assert "2/2 seed 0  lr=0.02" in first.output
    again = sweep("--sweep", "lr=0.01,0.02", "--seeds", "2", "--validation", "200", "-o", "runs/lr", "--json")
    rows = json.loads(again.output)["rows"]
    assert [row["row"] for row in rows] == ["lr=0.01", "lr=0.02"]
    assert all(row["seeds"] == [0, 1] and len(row["accuracies"]) == 2 for row in rows)
    kept = json.loads(Path("runs/lr/sweep.json").read_text(encoding="utf-8"))
    assert len(kept["runs"]) == 4
    changed = sweep("--sweep", "lr=0.01", "--validation", "100", "-o", "runs/lr")
    assert changed.exit_code == 2 and "holds results with held_out 200 instead of 100" in changed.output


def test_a_sweep_can_start_from_a_checkpoint_and_knows_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in ("0", "1"):
        made = CliRunner().invoke(main, ["train", *QUICK, "--method", "baseline", "--seed", seed, "-o", f"{seed}.pt", "-q"])
        assert made.exit_code == 0, made.output
    still = ("--sweep", "lr=1e-6,2e-6", "--epochs-float", "0", "-o", "tuned")
    tuned = sweep(*still, "--init", "0.pt", "--json")
    assert tuned.exit_code == 0, tuned.output
    fresh = sweep("--sweep", "lr=1e-6", "--epochs-float", "0", "-o", "fresh", "--json")
    found, untrained = (json.loads(result.output)["rows"] for result in (tuned, fresh))
    assert min(row["mean"] for row in found) > untrained[0]["mean"] + 10
    assert "tuned/sweep.json holds results with init " in sweep(*still, "--init", "1.pt").stderr
    assert "tuned/sweep.json holds results with init " in sweep(*still).stderr
    assert sweep(*still, "--init", "0.pt").exit_code == 0


def test_a_sweep_can_start_from_a_graph_and_knows_how_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    still = ["--epochs-float", "0", "--epochs-quantized", "0", "--epochs-integer", "1", "--lr-integer", "1e-6"]

    def swept(*arguments: str) -> Result:
        command = ["train", "--method", "baseline", *still, "--processes", "1", "--json", "--sweep", "shift=0"]
        return CliRunner().invoke(main, [*command, *arguments])

    made = CliRunner().invoke(main, ["train", *QUICK, "--model", "32FC", "--method", "baseline", "-o", "a.pt", "-q"])
    assert made.exit_code == 0, made.output
    snnc.export(snnc.lower(snnc.load_model("a.pt")[0]), "nir", "graph.nir")
    first = swept("--model", "graph.nir")
    assert first.exit_code == 0, first.output
    kept = json.loads(Path("sweep.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in kept["rows"].values()] == ["32FC"]
    assert json.loads(first.stdout)["rows"][0]["mean"] > 30  # fresh weights that stay have 10
    before = Path("sweep.json").read_bytes()
    again = swept("--graph", "graph.nir")  # another name of the same
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert Path("sweep.json").read_bytes() == before
    digest = kept["init"]
    other = swept("--init", "graph.nir", "--input-scale", "0.5")
    assert f"holds results with init {digest!r} instead of '{digest} input_scale=0.5'" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sweep", "lr"], "--sweep 'lr': allowed is SETTING=VALUE,VALUE,..., such as alpha=1e-3,1e-2"),
        (["--sweep", "lr=a"], "--sweep 'lr=a': 'a' is none of its values; allowed is a number (float)"),
        (["--sweep", "restart=maybe"], "allowed is true or false"),
        (["--sweep", "widht=1"], "setting 'widht' is unknown; did you mean 'width'?"),
        (["--sweep", "alpha=1"], "method 'baseline' has no setting 'alpha'"),
        (["--sweep", "lr=1", "--sweep", "lr=2"], "--sweep lr is given twice; put all its values behind one"),
        (["--sweep", "seed=1,2"], "--sweep seed: seeds are counted by --seeds N"),
        (["--sweep", "lr=-1"], "lr"),
        (["--seeds", "2", "--resume", "a.pt"], "a sweep keeps no checkpoints; leave out --resume"),
        (["--seeds", "2", "--init", "a.pt"], "a.pt: no such file"),
        (["--seeds", "2", "-o", "a.pt"], "must end in .json"),
        ([], "--processes is for --sweep and --seeds; add one of them"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = sweep(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_results_lie_where_they_are_said_to() -> None:
    assert results_of(None) == Path("sweep.json")
    assert results_of("runs/a") == Path("runs/a/sweep.json")
    assert results_of("b.json") == Path("b.json")
