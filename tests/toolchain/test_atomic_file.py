"""Files are complete or not there."""

import os
import subprocess
import sys
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


def test_a_replaced_file_keeps_its_mode_and_a_new_one_has_the_umask(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o640)
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "old", b"new")
        write_atomically(tmp_path / "new", b"new")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("old", "new")] == [0o640, 0o640]


def test_a_link_keeps_its_target(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    os.symlink("there/real.txt", tmp_path / "link.txt")
    for content in (b"first", b"second"):  # while it leads to nothing, too
        write_atomically(tmp_path / "link.txt", content)
        assert (tmp_path / "link.txt").is_symlink()
        assert (tmp_path / "there" / "real.txt").read_bytes() == content


@pytest.mark.parametrize("name", ["/dev/null", "pipe"])
def test_devices_and_pipes_are_left_alone(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = os.stat(tmp_path / name)
    with pytest.raises(SnncError, match="no regular file"):
        write_atomically(tmp_path / name, b"html")
    assert os.stat(tmp_path / name).st_mode == before.st_mode


@pytest.mark.parametrize("name", ["x" * 255, "ö" * 127])
def test_names_of_255_bytes_are_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"long")
    assert (tmp_path / name).read_bytes() == b"long"


KILLED = """
import os, signal, sys
from snnc.toolchain import atomic_file
atomic_file.os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
atomic_file.write_atomically(sys.argv[1], b"half")
"""


def test_the_next_write_takes_away_what_a_killed_one_left(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
    assert len(os.listdir(tmp_path)) == 2
    write_atomically(tmp_path / "a.txt", b"whole")
    assert len(os.listdir(tmp_path)) == 2 and (tmp_path / "a.txt").read_bytes() == b"whole"  # that of b.txt is not its business
    check_writable(tmp_path / "b.txt")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_write_that_goes_on_is_not_taken_for_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def meanwhile(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        write_atomically(tmp_path / "a.txt", b"other")
        replace(source, target)

    monkeypatch.setattr(os, "replace", meanwhile)
    write_atomically(tmp_path / "a.txt", b"mine")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.txt", b"mine")]
