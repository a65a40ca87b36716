"""What is to be read is a regular file, or it is said what it is instead."""

import os
from pathlib import Path

import pytest

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.input_file import check_input


def test_a_file_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_bytes(b"12345")
    assert check_input(tmp_path / "a.net") == 5


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.symlink("nowhere", tmp_path / "dangling")
    cases = {"none": "no such file", "none/x": "no such file", "dangling": "no such file"}
    cases |= {"pipe": "it is a device or a pipe", ".": "it is a folder", "x" * 300: "cannot be read", "a\0": "cannot be read"}
    for name, said in cases.items():
        with pytest.raises(FileFormatError, match=said):
            check_input(tmp_path / name)
    with pytest.raises(FileFormatError, match="it is a device or a pipe"):
        check_input("/dev/zero")
