"""The terminal or the notebook that progress and tables are shown in, the same for commands and for Python."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from snnc.toolchain.errors import printable


class PrintableConsole(Console):
    """A console that shows what comes from files as it is, escape sequences as text: only its own colors reach a terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text that rich measures and shows; written out first, so that columns are wide enough."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of anything that rich can show."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def screen(*, quiet: bool = False) -> Console:
    """Return a console on the standard output; lines are broken only where somebody looks."""
    # No markup: names of files and layers may hold brackets.
    console = PrintableConsole(quiet=quiet, markup=False, emoji=False, highlight=False)
    console.soft_wrap = not (sys.stdout.isatty() or console.is_jupyter)
    return console


def has_room_for_a_bar(console: Console) -> bool:
    """Tell whether a console can change what it has written: a terminal, or a notebook with the widgets that rich needs."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
