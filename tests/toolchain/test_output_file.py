"""What may be written: never an input of the same command, never anything but a regular file."""

import os
import socket
from pathlib import Path

import pytest

from snnc.toolchain.errors import ConfigError, SnncError
from snnc.toolchain.output_file import LONGEST_NAME, beside, check_output


def test_new_and_existing_files_are_fine(tmp_path: Path) -> None:
    check_output(tmp_path / "a.net")
    (tmp_path / "a.net").touch()
    check_output(tmp_path / "a.net", (".net",), [tmp_path / "missing.pt"])
    assert os.listdir(tmp_path) == ["a.net"]


def test_an_input_is_known_by_every_name_that_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pt").write_text("weeks")
    os.link("model.pt", "hard.pt")
    os.symlink("model.pt", "soft.pt")
    for name in ("model.pt", "./model.pt", str(tmp_path / "model.pt"), "hard.pt", "soft.pt"):
        with pytest.raises(ConfigError, match=r"output '.*' is 'model.pt', which the same command reads; name another file"):
            check_output(name, inputs=["other.pt", "model.pt"])


def test_only_regular_files_are_written_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        os.symlink("/dev/null", tmp_path / "link")
        for name in ("/dev/null", tmp_path / "pipe", tmp_path / "socket", tmp_path / "link"):
            with pytest.raises(SnncError, match="it is a device or a pipe, no regular file; name a file"):
                check_output(name)
    with pytest.raises(SnncError, match="it is a folder; name a file"):
        check_output(tmp_path)


def test_suffixes_and_work_of_other_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"output '.*a.pt' must end in .html or .htm"):
        check_output(tmp_path / "a.pt", (".html", ".htm"))
    (tmp_path / "a.pt").touch()
    with pytest.raises(ConfigError, match="exists, and another run wrote it; take --force"):
        check_output(tmp_path / "a.pt", replaces=False, remedy="take --force")


@pytest.mark.parametrize("name", ["a\0b", "x" * 256, "a/" * 3000])
def test_names_that_no_file_has_are_one_line(name: str) -> None:
    with pytest.raises(SnncError, match="cannot be a file: .*; name another file"):
        check_output(name)


@pytest.mark.parametrize("stem", ["model", "x" * 252, "ö" * 126, "é" + "x" * 250])
def test_files_beside_have_names_that_can_be_written(tmp_path: Path, stem: str) -> None:
    names = {beside(tmp_path / f"{stem}.pt", suffix).name for suffix in (".history.json", ".training.png")}
    assert len(names) == 2
    for name in names:
        assert len(os.fsencode(name)) <= LONGEST_NAME
        (tmp_path / name).touch()
    assert beside("runs/model.pt", ".history.json") == Path("runs/model.history.json")
    assert beside(f"{'x' * 250}a.pt", ".history.json") != beside(f"{'x' * 250}b.pt", ".history.json")
