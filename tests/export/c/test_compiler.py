"""The compiler that is named comes first."""

import sys

import pytest

from snnc.export.c.compiler import compiler


def test_cc_names_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", f"{sys.executable} -m nothing")
    assert compiler() == [sys.executable, "-m", "nothing"]
    monkeypatch.setenv("CC", "/nowhere/cc")
    assert compiler() is None
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "/nowhere")
    assert compiler() is None
