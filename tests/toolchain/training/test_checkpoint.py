"""model.pt: nothing is lost, nothing in it runs, and damage is refused in one line."""

import pickle
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnc.models import load_model
from snnc.toolchain.errors import FileFormatError, SnncError, TrainingError
from snnc.toolchain.seal import sealed_zip
from snnc.toolchain.training.checkpoint import Checkpoint, digest_of, load_checkpoint, save_checkpoint
from snnc.toolchain.training.metrics import Epoch


def test_nothing_is_lost(tmp_path: Path, tiny: Checkpoint) -> None:
    save_checkpoint(tiny, tmp_path / "again.pt")
    again = load_checkpoint(tmp_path / "again.pt")
    assert replace(again, weights={}) == replace(tiny, weights={})
    assert all(torch.equal(again.weights[name], tensor) for name, tensor in tiny.weights.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a checkpoint of snnc; write one with `snnc train`"),
        ({"version": 99}, "version 99, this snnc reads 7"),
        ({"accuracy": 1.0}, "the checksum does not fit the content"),
        ({"config": {}}, "the checksum does not fit the content"),
        ({"weights": [1]}, "incomplete or damaged"),
        ({"labels": {1}}, "not a readable checkpoint"),
        ({"weights": {"a": torch.zeros(1).to_sparse()}}, "not a readable checkpoint"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, tiny_path: Path, change: dict[str, object], message: str) -> None:
    buffer = BytesIO()
    torch.save(torch.load(tiny_path, weights_only=True) | change, buffer)
    (tmp_path / "changed.pt").write_bytes(buffer.getvalue())
    with pytest.raises(FileFormatError):
        load_checkpoint(tmp_path / "changed.pt")
    (tmp_path / "changed.pt").write_bytes(sealed_zip(buffer.getvalue()))
    with pytest.raises(FileFormatError, match=message):
        load_checkpoint(tmp_path / "changed.pt")


def test_weights_of_another_model_are_refused(tmp_path: Path, tiny: Checkpoint) -> None:
    save_checkpoint(replace(tiny, config=tiny.config.replaced(width=0.05)), tmp_path / "other.pt")
    with pytest.raises(FileFormatError, match="the weights do not fit the model that the file describes"):
        load_model(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: replace(c, weights=c.weights | {"layers.2.scale": torch.tensor(float("nan"))}),
            "no dense tensor of finite numbers",
        ),
        (lambda c: replace(c, history=[replace(c.history[0], loss="low")]), "metric 'loss' is 'low'"),
        (lambda c: replace(c, history=[replace(c.history[0], loss=float("inf"))]), "metric 'loss' is inf"),
        (lambda c: replace(c, history=[replace(c.history[0], loss=10**400)]), "metric 'loss' is 1000"),
    ],
)
def test_impossible_contents_are_refused(
    tmp_path: Path, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch, change: Callable[[Checkpoint], Checkpoint], message: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Epoch, "__post_init__", lambda self: None)
        save_checkpoint(change(tiny), tmp_path / "odd.pt")
    with pytest.raises(FileFormatError, match=message):
        load_checkpoint(tmp_path / "odd.pt")


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, tiny_path: Path) -> None:
    code = (
        "import resource\n"
        "from snnc.toolchain.training.checkpoint import load_checkpoint, save_checkpoint\n"
        f"checkpoint = load_checkpoint({str(tiny_path)!r})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "save_checkpoint(checkpoint, 'big.pt')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "SnncError: big.pt: cannot be written: File too large; check" in result.stderr
    assert not list(tmp_path.iterdir())


class Attack:
    """What an attacker would put into a pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("attacked"),))  # type: ignore[return-value]


def test_code_in_a_file_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": Attack()}, "a.pt")
    Path("b.pt").write_bytes(pickle.dumps(Attack()))
    for name in ("a.pt", "b.pt"):
        with pytest.raises(FileFormatError, match="not a readable checkpoint"):
            load_checkpoint(name)
    assert not Path("attacked").exists()


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, tiny_path: Path, share: float) -> None:
    content = tiny_path.read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileFormatError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "cut.pt")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_flipped_byte_is_refused(tmp_path: Path, tiny_path: Path, at: float, flip: int) -> None:
    content = bytearray(tiny_path.read_bytes())
    content[int(at * len(content))] ^= flip
    (tmp_path / "flipped.pt").write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        load_model(tmp_path / "flipped.pt")
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_line(tiny: Checkpoint) -> None:
    with pytest.raises(SnncError, match="cannot be written: .*; check the folder and the free space"):
        save_checkpoint(tiny, "/proc/none/model.pt")


@pytest.mark.parametrize("state", [{"seen": {1, 2}}, {"optimizer": Path("a")}])
def test_a_state_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, tiny: Checkpoint, state: dict[str, object]
) -> None:
    with pytest.raises(TrainingError, match="the state of this training could not be read again: .*; keep tensors, numbers"):
        save_checkpoint(replace(tiny, resume=state), tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", [torch.tensor(6), torch.ones(2), True, 6.0, None, [6], 10**30])
def test_a_version_of_any_type_is_one_line(tmp_path: Path, tiny_path: Path, version: object) -> None:
    buffer = BytesIO()
    torch.save(torch.load(tiny_path, weights_only=True) | {"version": version}, buffer)
    (tmp_path / "changed.pt").write_bytes(sealed_zip(buffer.getvalue()))
    with pytest.raises(FileFormatError, match="this snnc reads 7"):
        load_checkpoint(tmp_path / "changed.pt")


def sealed_content(tiny_path: Path, path: Path, **changes: object) -> None:
    """Write a checkpoint with other contents, its digest and its seal made anew, as somebody does who means it."""
    content = torch.load(tiny_path, weights_only=True) | changes
    del content["digest"]
    buffer = BytesIO()
    torch.save(content | {"digest": digest_of(content)}, buffer)
    path.write_bytes(sealed_zip(buffer.getvalue()))


def test_a_resume_that_is_no_archive_is_one_line(tmp_path: Path, tiny_path: Path) -> None:
    sealed_content(tiny_path, tmp_path / "odd.pt", resume=torch.arange(200, dtype=torch.uint8))
    with pytest.raises(FileFormatError, match="the checkpoint is incomplete or damaged"):
        load_checkpoint(tmp_path / "odd.pt")


@pytest.mark.parametrize("changes", [{"width": 64.0, "model": "cifarnet"}, {"width": 64.0}])
def test_a_huge_model_in_a_small_file_takes_no_memory(tmp_path: Path, tiny_path: Path, changes: dict[str, object]) -> None:
    config = torch.load(tiny_path, weights_only=True)["config"] | changes
    sealed_content(tiny_path, tmp_path / "huge.pt", config=config)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileFormatError, match="the weights do not fit the model that the file describes"):
        load_model(tmp_path / "huge.pt")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # KiB; the weights would take 16 GiB
