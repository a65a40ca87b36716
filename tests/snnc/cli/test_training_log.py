"""History, curves and TensorBoard: what they hold, and what is missing without their libraries."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import TINY

from snnc.cli.training_log import HistoryFile, TensorBoard, draw_curves
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.checkpoint import Checkpoint
from snnc.toolchain.training.metrics import Epoch

EPOCH = Epoch(1, "float", 1.5, 0.1, 0.02, 0.5, 0.6, 100.0, {"fc1": 0.2}, {"fc1": 0.0})


def test_history_grows_by_every_epoch_and_goes_on(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "model.pt", TINY, [EPOCH])
    assert not (tmp_path / "model.history.json").exists()
    history.epoch(replace(EPOCH, number=2))
    history.epoch(replace(EPOCH, number=3, stage="integer"))
    read = json.loads((tmp_path / "model.history.json").read_text())
    assert [epoch["number"] for epoch in read["epochs"]] == [1, 2, 3]
    assert read["epochs"][0]["firing_rates"] == {"fc1": 0.2}
    assert read["config"] == TINY.as_dict()


def test_curves_are_a_picture(tmp_path: Path, tiny: Checkpoint) -> None:
    pytest.importorskip("matplotlib")
    assert draw_curves(tiny.history, tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    assert draw_curves([EPOCH], tmp_path / "one.png")


def test_without_matplotlib_there_is_no_picture(tmp_path: Path, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not draw_curves(tiny.history, tmp_path / "training.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    make_ndarray = pytest.importorskip("tensorboard.util.tensor_util").make_ndarray
    with TensorBoard(tmp_path / "model.pt") as log:
        log.epoch(EPOCH)
        log.epoch(replace(EPOCH, number=2, loss=0.5))
    events = accumulator.EventAccumulator(str(tmp_path / "model.tensorboard"))
    events.Reload()
    assert [(point.step, float(make_ndarray(point.tensor_proto))) for point in events.Tensors("loss")] == [(1, 1.5), (2, 0.5)]
    assert [float(make_ndarray(point.tensor_proto)) for point in events.Tensors("firing_rates/fc1")] == pytest.approx(
        [0.2, 0.2]
    )


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ConfigError, match=r"--log tensorboard needs TensorBoard; pip install 'snnc\[log\]'"):
        TensorBoard(tmp_path / "model.pt")
