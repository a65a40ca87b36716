"""Writes a report in the form that its name asks for: add a row to REPORTS to add one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snnc.report.content import content
from snnc.report.junit import junit
from snnc.report.run import Run
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError


def _page(found: dict[str, Any]) -> str:
    from snnc.report.page import page  # jinja2 is loaded only where a page is written

    return page(found)


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1) + "\n"


REPORTS: dict[str, Callable[[dict[str, Any]], str]] = {".html": _page, ".htm": _page, ".json": _json, ".xml": junit}


def write_report(run: Run, path: str | Path) -> None:
    """Write the report of a verification: a page (.html), JSON (.json) or JUnit XML (.xml). The file is complete or unchanged.

    Raises ConfigError for another suffix, and SnncError if the file cannot be written.
    """
    suffix = Path(path).suffix
    if suffix not in REPORTS:
        raise ConfigError(f"report {str(path)!r} must end in {' or '.join(REPORTS)}; each is a form of the report")
    write_atomically(path, REPORTS[suffix](content(run)).encode(errors="replace"))
