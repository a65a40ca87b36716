"""The screen: where a bar can be shown, and texts that reach it as they are."""

from io import StringIO

import pytest
from rich.console import Console

from snnc import screen as module
from snnc.screen import has_room_for_a_bar, screen


def test_brackets_and_escape_sequences_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    screen().print('pip install "snnc[lava]" ' + "word " * 40 + "\x1b[31m")
    shown = capsys.readouterr().out
    assert "snnc[lava]" in shown and "\x1b" not in shown and shown.count("\n") == 1
    screen(quiet=True).print("nothing")
    assert not capsys.readouterr().out


def test_a_bar_needs_a_terminal_or_a_notebook_with_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, notebook = Console(file=StringIO(), force_terminal=True), Console(file=StringIO(), force_jupyter=True)
    for widgets in (None, "a module"):
        monkeypatch.setattr(module, "find_spec", lambda name, found=widgets: name == "ipywidgets" and found)
        assert has_room_for_a_bar(terminal)
        assert has_room_for_a_bar(notebook) == (widgets is not None)
    assert not has_room_for_a_bar(Console(file=StringIO()))
