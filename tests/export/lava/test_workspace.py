"""The folder of a run goes away at its end, and what killed runs left at the next start; nothing else is touched."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lava_runs import members

from snnc.export.lava import workspace as module
from snnc.export.lava.group import CHILD
from snnc.export.lava.workspace import PREFIX, clean_up, memory_prefix, remove, workspace
from snnc.toolchain.errors import EngineError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc and /dev/shm")


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of this test's own for temporary files and shared memory; returns the latter."""
    for name in ("temporary", "memory"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(module, "MEMORY", tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def stale(tmp_path: Path, memory: Path) -> Path:
    """What a killed run leaves: a folder with files, a segment and a semaphore."""
    folder = tmp_path / "temporary" / (PREFIX + secrets.token_hex(6))
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").touch()
    (memory / f"{memory_prefix(folder)}abcd").touch()
    (memory / f"sem.{memory_prefix(folder)}abcd").touch()
    return folder


@pytest.fixture
def child(stale: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A stopped process of the killed run."""
    words = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)", CHILD, str(stale), "1"]
    with subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


def test_a_run_has_a_folder_that_goes_away_with_its_memory(memory: Path) -> None:
    with workspace() as folder:
        (folder / "file").touch()
        (memory / f"{memory_prefix(folder)}abcd").touch()
        assert folder.stat().st_mode & 0o777 == 0o700
        with workspace() as second:
            assert second != folder
        assert (folder / "file").exists() and list(memory.iterdir())
    assert not folder.exists() and not list(memory.iterdir())


def test_an_exception_leaves_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), workspace() as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


def test_what_a_killed_run_left_goes_at_the_next_start(stale: Path, memory: Path, child: "subprocess.Popen[bytes]") -> None:
    with workspace() as folder:
        assert list(folder.parent.iterdir()) == [folder]
        assert not list(memory.iterdir())
        assert not members(child.pid)


def test_what_is_in_use_stays(stale: Path, memory: Path, child: "subprocess.Popen[bytes]") -> None:
    handle = module._lock(stale, wait=True)
    assert handle is not None
    try:
        clean_up()
        assert (stale / "sub" / "file").exists() and len(list(memory.iterdir())) == 2 and members(child.pid)
    finally:
        os.close(handle)
    clean_up()
    assert not stale.exists()


@pytest.mark.parametrize("name", ["snnc-lava-", "snnc-lava-0123456789ax", "snnc-lava-0123456789abc", "snnc-lava-log", "lava"])
def test_folders_of_other_names_stay(tmp_path: Path, memory: Path, name: str) -> None:
    (tmp_path / "temporary" / name).mkdir()
    (memory / "psm_abcd").touch()
    clean_up()
    assert (tmp_path / "temporary" / name).exists() and (memory / "psm_abcd").exists()


def test_links_files_and_pipes_of_such_a_name_stay(tmp_path: Path, memory: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    names = [tmp_path / "temporary" / f"{PREFIX}00000000000{digit}" for digit in range(3)]
    names[0].symlink_to(tmp_path / "precious")
    names[1].touch()
    os.mkfifo(names[2])
    for name in names:
        (memory / f"{memory_prefix(name)}abcd").touch()
    clean_up()
    assert len(list(memory.iterdir())) == 3
    assert (tmp_path / "precious" / "file").exists()
    assert all(name.is_symlink() or name.exists() for name in names)


def test_what_is_left_of_other_users_stays(stale: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    clean_up()
    assert (stale / "sub" / "file").exists()
    remove(stale)  # even where the folder is ours
    assert len(list(memory.iterdir())) == 2


def test_links_inside_are_not_followed(stale: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    (stale / "link").symlink_to(tmp_path)
    clean_up()
    assert not stale.exists() and (tmp_path / "precious").exists()


def test_a_folder_that_a_janitor_takes_before_it_is_locked_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    original = module._lock
    taken: list[Path] = []

    def late(folder: Path, *, wait: bool) -> int | None:
        if wait and len(taken) < 2:
            taken.append(folder)
            if len(taken) == 1:
                clean_up()  # before it is opened
            else:
                lock = original(folder, wait=wait)
                folder.rmdir()  # between its opening and its locking
                return lock
        return original(folder, wait=wait)

    monkeypatch.setattr(module, "_lock", late)
    with workspace() as folder:
        assert folder.exists() and len(taken) == 2 and folder not in taken
        clean_up()
        assert folder.exists()


def test_where_no_folder_can_be_made_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with (
        pytest.raises(
            EngineError, match=r"^cannot make /.*snnc-lava-\w+ \(No such file or directory\); make room, or set TMPDIR$"
        ),
        workspace(),
    ):
        pass
