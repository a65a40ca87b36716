"""What messages recommend, from training to the verdict: a network with --beta 1 is exact in every format and engine."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from snnc.cli.main import main
from snnc.export import TARGETS
from snnc.export.nir.dialects import DIALECTS, exactness
from snnc.files import load_subject
from snnc.verification.engines import ENGINES

STARTS_LAVA = {"lava", "netx"}  # seconds for each run
STAGES = [f"--epochs-{stage}=1" for stage in ("float", "quantized", "integer")]


def snnc(*arguments: str) -> None:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("beta", "timesteps"), [("1", "9"), ("1", "5"), ("0.5", "7")])
def test_a_recommended_beta_is_exact_from_training_to_the_verdict(tmp_path: Path, beta: str, timesteps: str) -> None:
    model = tmp_path / "model.pt"
    snnc("train", "--model=mlp", "--width=0.02", "--beta", beta, "--timesteps", timesteps, *STAGES, "-q", "-o", str(model))
    subject, _ = load_subject(model)
    assert not any(exactness(subject.network, name) for name, form in DIALECTS.items() if not form.refusal)
    targets = [name for name, target in TARGETS.items() if not target.extra or not ENGINES[name].missing(subject)]
    files = [str(model.with_suffix(TARGETS[name].suffix)) for name in targets]
    for name in targets:
        snnc("export", str(model), "-q", "--target", name)
    able = [name for name, engine in ENGINES.items() if name not in STARTS_LAVA and not engine.missing(subject)]
    snnc("simulate", str(model), *files, "-q", "-n", "30", *(f"--engine={name}" for name in able if name != "reference"))


def test_what_single_layers_keep_is_said(tmp_path: Path) -> None:
    command = ["train", "--model=8FCb0.9t0.5-Outb0.3", "--epochs-float=0", "--epochs-quantized=0", "--epochs-integer=1"]
    result = CliRunner().invoke(main, [*command, "--method=baseline", "-o", str(tmp_path / "model.pt")])
    assert result.exit_code == 0, result.output
    assert "beta of fc1 is 3686/4096 = 0.899902, the nearest that chips keep" in result.output
    assert "beta of readout is 1229/4096 = 0.300049, the nearest that chips keep" in result.output
