"""Reports of failures lie where the system keeps such things, and never get in the way of the failure."""

from pathlib import Path

import pytest

from snnc.toolchain import failure_log


def test_the_last_report_of_a_name_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for content in (b"first", b"second"):
        assert failure_log.keep("a.log", content) == tmp_path / "snnc" / "a.log"
    assert failure_log.keep("b.txt", b"other") == tmp_path / "snnc" / "b.txt"
    assert {path.name: path.read_bytes() for path in (tmp_path / "snnc").iterdir()} == {"a.log": b"second", "b.txt": b"other"}


@pytest.mark.parametrize("stated", [None, "", "relative"])
def test_without_a_usable_setting_it_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str | None
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if stated is not None:
        monkeypatch.setenv("XDG_STATE_HOME", stated)
    assert failure_log.keep("a.log", b"") == tmp_path / ".local" / "state" / "snnc" / "a.log"


def test_what_cannot_be_kept_is_not_a_failure_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert failure_log.keep("a.log", b"") is None

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert failure_log.keep("a.log", b"") is None
