"""Files are complete or not there."""

from pathlib import Path

import pytest

from snnc.toolchain.atomic_file import atomic_path
from snnc.toolchain.errors import SnncError


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [(p.name, p.read_text()) for p in (tmp_path / "new").iterdir()] == [("a.txt", "new")]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file(tmp_path: Path, fault: type[BaseException]) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(fault), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise fault
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(SnncError, match="a.txt: cannot be written: No space left on device; check"),
        atomic_path(tmp_path / "a.txt"),
    ):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
