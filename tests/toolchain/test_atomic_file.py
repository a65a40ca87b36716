"""Files are complete or not there."""

import os
from pathlib import Path

import pytest

from snnc.toolchain.atomic_file import check_writable, write_atomically
from snnc.toolchain.errors import SnncError


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "a.txt", b"new")
    assert [(p.name, p.read_text()) for p in (tmp_path / "new").iterdir()] == [("a.txt", "new")]
    write_atomically(tmp_path / "new" / "a.txt", b"newer")
    assert (tmp_path / "new" / "a.txt").read_text() == "newer"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(
        SnncError, match=r"a.txt: cannot be written: No space left on device; check the folder and the free space"
    ):
        write_atomically(tmp_path / "a.txt", b"half")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_checking_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    check_writable(tmp_path / "a.txt")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]
    with pytest.raises(SnncError, match="it is a folder; name a file"):
        check_writable(tmp_path)
    with pytest.raises(SnncError, match="cannot be written"):
        check_writable("/proc/none/a.txt")
