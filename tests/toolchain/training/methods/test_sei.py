"""The losses, networks and stages of self-ensemble and distillation, and a tiny run of each kind."""

from pathlib import Path

import pytest
import torch
from training_runs import ONE_EACH, run

from snnc.models import load_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError, FileFormatError
from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.lower import lower
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods.sei import METHOD, SelfEnsemble, soft_labels

SEI = ONE_EACH.replaced(method="sei", model="resnet", width=1 / 32, weights="binary-centered", timesteps=2, batch_size=256)


def logits_of(*steps: list[list[float]]) -> Logits:
    return Logits(torch.tensor(steps), torch.tensor(1.0))


def test_soft_labels_are_a_divergence() -> None:
    same = torch.tensor([[1.0, 2.0, 3.0]])
    assert soft_labels(same, same.unsqueeze(0) + 5, 3.0).abs().max() < 1e-6
    assert soft_labels(same, same.flip(-1).unsqueeze(0), 3.0).min() > 0.1


def test_equal_steps_learn_nothing_from_each_other_and_others_do() -> None:
    own, labels = SelfEnsemble(distill=0.0), torch.tensor([0])
    equal, differing = logits_of([[2.0, 0.0]], [[2.0, 0.0]]), logits_of([[3.0, 0.0]], [[1.0, 0.0]])
    losses = [float(METHOD.loss([each], labels, own).total) for each in (equal, differing)]
    assert losses[0] < losses[1]
    alone = METHOD.loss([differing], labels, SelfEnsemble(distill=0.0, ensemble=0.0))
    assert losses[0] == pytest.approx(float(alone.total))


def test_only_steps_that_are_right_teach_if_so_chosen() -> None:
    """Step 1 is right, step 2 wrong: the former alone makes the target, and without a right one there is none."""
    both, labels = logits_of([[3.0, 0.0]], [[0.0, 1.0]]), torch.tensor([0])
    own = SelfEnsemble(distill=0.0, ensemble=1.0, correct_only=True)
    total, cross = (float(METHOD.loss([both], labels, each).total) for each in (own, SelfEnsemble(distill=0.0, ensemble=0.0)))
    steps = both.steps.detach() * 2
    assert total - cross == pytest.approx(float(soft_labels(steps[0], steps, 3.0).mean()), rel=1e-4)
    wrong = torch.tensor([1])
    right = logits_of([[3.0, 0.0]], [[1.0, 0.0]])
    totals = [float(METHOD.loss([right], wrong, each).total) for each in (own, SelfEnsemble(distill=0.0, ensemble=0.0))]
    assert totals[0] == totals[1]


def test_labels_and_steps_can_be_left_out() -> None:
    base, teacher, labels = logits_of([[1.0, 0.0]], [[3.0, 0.0]]), logits_of([[5.0, 0.0]]), torch.tensor([1])
    soft = METHOD.loss([base, teacher], labels, SelfEnsemble(labels=False, ensemble=0.0, distill=1.0, per_step=False))
    expected = soft_labels(torch.tensor([[5.0, 0.0]]), torch.tensor([[[4.0, 0.0]]]), 3.0)
    assert float(soft.total) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": False, "distill": 0.0}, "nothing to learn; set distill above 0"),
        ({"teacher": "a.pt", "keep_teacher": "b.pt"}, "leave out teacher or keep_teacher"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SelfEnsemble(**settings)  # type: ignore[arg-type]


def test_without_distillation_there_is_no_teacher() -> None:
    config = TrainConfig(method="sei").replaced(distill=0.0)
    assert not METHOD.networks(config)
    assert [stage.name for stage in METHOD.stages(config)] == ["float", "quantized", "integer"]


def test_a_trained_teacher_is_kept_and_teaches_again(digits: Dataset, tmp_path: Path) -> None:
    kept = tmp_path / "teacher.pt"
    first = run(SEI.replaced(keep_teacher=str(kept)), digits, tmp_path / "a.pt")
    assert [epoch.stage for epoch in first.history] == ["teacher", "teacher", "float", "quantized", "integer"]
    teacher = load_checkpoint(kept)
    assert teacher.accuracy == first.history[1].test_accuracy
    with pytest.raises(FileFormatError, match="the weights do not fit the model"):
        load_model(kept)
    second = run(SEI.replaced(teacher=str(kept), temporal_gradient=False), digits, tmp_path / "b.pt")
    assert [epoch.stage for epoch in second.history] == ["float", "quantized", "integer"]
    spiking = run(SEI.replaced(teacher=str(tmp_path / "a.pt"), correct_only=True), digits, tmp_path / "c.pt")
    assert spiking.history[0].matching_loss > 0
    network = lower(load_model(tmp_path / "a.pt")[0])
    for layer in network.layers[1:-1]:
        kernel, *identities = layer.synapses
        assert set(kernel.weight.ravel().tolist()) == {-1, 1}
        assert all(len(set(each.weight.ravel().tolist()) - {0}) == 1 and each.weight.max() > 0 for each in identities)
        assert len(identities) == 1
