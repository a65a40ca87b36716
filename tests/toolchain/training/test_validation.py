"""Held-out samples: never trained on, they choose the best epoch and end a phase that gets no better, resumed or not."""

from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import TINY, Interrupting, run

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.toolchain.training.metrics import Epoch, is_best, ran_out
from snnc.toolchain.training.outputs import best_of

HELD_OUT = TINY.replaced(
    method="baseline", epochs_float=1, epochs_quantized=1, epochs_integer=4, validation=200, lr_integer=0.02
)


def epochs(*accuracies: float | None) -> list[Epoch]:
    row = Epoch(1, "integer", 1.0, 0.0, 0.0, 0.5, 0.5, 1.0)
    return [replace(row, validation_accuracy=accuracy) for accuracy in accuracies]


def test_a_phase_ends_when_patience_does() -> None:
    assert not ran_out(epochs(0.1, 0.2, 0.3), 2)
    assert not ran_out(epochs(0.3, 0.2), 2)
    assert ran_out(epochs(0.3, 0.2, 0.3), 2)
    assert not ran_out(epochs(0.3, 0.2, 0.1, 0.0), 0)
    assert is_best(epochs(0.3)) and is_best(epochs(0.3, 0.4))
    assert not is_best(epochs(0.3, 0.3)) and not is_best(epochs(None))


def test_the_best_epoch_is_kept_beside_the_last(tmp_path: Path, digits: Dataset) -> None:
    last = run(HELD_OUT, digits, tmp_path / "model.pt")
    found = [epoch.validation_accuracy or 0 for epoch in last.history[2:]]
    best = load_checkpoint(best_of(tmp_path / "model.pt"))
    assert best.history[-1].number == 3 + found.index(max(found))
    assert best.accuracy == best.history[-1].test_accuracy
    assert best.resume is None
    alone = run(HELD_OUT.replaced(epochs_integer=1, validation=0), digits, tmp_path / "all.pt")
    assert alone.history[0].loss != last.history[0].loss, "the same samples were trained on"
    assert alone.history[0].validation_accuracy is None
    assert not best_of(tmp_path / "all.pt").exists()


def test_a_stopped_training_resumes_to_the_same_bits(tmp_path: Path, digits: Dataset) -> None:
    config = HELD_OUT.replaced(patience=1, epochs_float=6, lr=0.3)
    whole = run(config, digits, tmp_path / "whole.pt")
    assert len(whole.history) < 11, "no phase was ended early: choose another learning rate"
    assert whole.resume is None
    for after in (1, len(whole.history) - 2):
        with pytest.raises(KeyboardInterrupt):
            run(config, digits, tmp_path / "part.pt", Interrupting(after))
        resumed = run(config, digits, tmp_path / "part.pt", resume=load_checkpoint(tmp_path / "part.pt"))
        assert [replace(e, images_per_second=0.0) for e in resumed.history] == [
            replace(e, images_per_second=0.0) for e in whole.history
        ]
        assert all((resumed.weights[name] == tensor).all() for name, tensor in whole.weights.items())


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="patience is 3, and no samples are held out to look at; set validation as well"):
        TINY.replaced(patience=3)
