"""A report of one verification as a single HTML file that needs nothing else."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import escaped
from snnc.verification.verdict import Verdict, verdict_line

PACKAGES = ("snnc", "numpy", "torch", "lava-nc", "lava-dl", "h5py")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { margin-bottom: 0 } .equal { color: #0a7d32 } .different { color: #b3261e } pre { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .9rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr + tr { border-top: 1px solid #ddd }
"""
WIDTH, HEIGHT, MARGIN = 640, 200, 30  # of the training curve, in pixels


def write_report(verdict: Verdict, path: str | Path, *, history: list[dict[str, Any]], settings: dict[str, Any]) -> None:
    """Write the report; `history` and `settings` may be empty. The file is complete or unchanged. Raises SnncError."""
    write_atomically(path, report_html(verdict, history, settings).encode())


def report_html(verdict: Verdict, history: list[dict[str, Any]], settings: dict[str, Any]) -> str:
    """Return the report as HTML text; everything that comes from files is escaped."""
    outcome, style = ("EQUAL", "equal") if verdict.equal else ("NOT EQUAL", "different")
    layers = [
        (row.name, f"{row.neurons:,}", f"{row.spikes:,}", f"{row.mismatches:,}", f"{row.max_abs_dv:,}")
        for row in verdict.layers
    ]
    engines = [
        (
            name,
            "baseline" if name == verdict.baseline else f"{e.compared:,}",
            "-" if e.accuracy is None else f"{e.accuracy:.2%} of {e.samples:,}",
            f"{e.seconds:.1f}",
            "-" if name == verdict.baseline and e.equal else "yes" if e.equal else "NO",
        )
        for name, e in verdict.engines.items()
    ]
    difference = f"<p class=different>{escaped(str(verdict.first_difference))}</p>" if verdict.first_difference else ""
    sections = [
        f"<h1>{escaped(verdict.network.name)}: <span class={style}>{outcome}</span></h1>",
        f"<p>{escaped(_summary(verdict))}</p>{difference}",
        "<h2>Engines</h2>" + _table(("engine", "compared samples", "accuracy", "seconds", "equal"), engines),
        "<h2>Layers</h2>" + _table(("layer", "neurons", "spikes", "mismatches", "max |dv|"), layers),
        f"<h2>Network</h2><pre>{escaped(str(verdict.network))}</pre>",
        f"<h2>Training</h2>{training_curve(history)}" if history else "",
        "<h2>Settings</h2>" + _table(("setting", "value"), [(k, str(v)) for k, v in settings.items()]) if settings else "",
        "<h2>Made with</h2>" + _table(("package", "version"), _versions()),
    ]
    body = "\n".join(filter(None, sections))
    title = escaped(f"{verdict.network.name}: {outcome}")
    head = f"<meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    return f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n{body}\n</body></html>\n"


def training_curve(history: list[dict[str, Any]]) -> str:
    """Return train and test accuracy over the epochs as an SVG picture, with a line where each stage begins."""
    last = max(len(history) - 1, 1)

    def x(epoch: int) -> float:
        return MARGIN + epoch / last * (WIDTH - 2 * MARGIN)

    def line(key: str, color: str) -> str:
        points = " ".join(
            f"{x(i):.1f},{HEIGHT - MARGIN - row[key] * (HEIGHT - 2 * MARGIN):.1f}" for i, row in enumerate(history)
        )
        return f"<polyline points='{points}' fill=none stroke={color} stroke-width=2 />"

    starts = [i for i, row in enumerate(history) if i == 0 or row["stage"] != history[i - 1]["stage"]]
    marks = "".join(
        f"<line x1={x(i):.1f} x2={x(i):.1f} y1={MARGIN} y2={HEIGHT - MARGIN} stroke=#bbb />"
        f"<text x={x(i) + 4:.1f} y={MARGIN - 8} font-size=12>{escaped(str(history[i]['stage']))}</text>"
        for i in starts
    )
    legend = f"<text x={MARGIN} y={HEIGHT - 8} font-size=12>accuracy 0..1 over epochs: test blue, train gray</text>"
    lines = line("train_accuracy", "#999") + line("test_accuracy", "#1a56b8")
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width={WIDTH} role=img>{marks}{lines}{legend}</svg>"


def _summary(verdict: Verdict) -> str:
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    left_out = "".join(f" Engine {name} was left out: {reason}." for name, reason in verdict.left_out.items())
    return (
        f"{verdict_line(verdict)}. {verdict.network.timesteps} time steps, compared as integers. "
        f"Network {verdict.network.digest()[:16]}, {written}.{left_out}"
    )


def _versions() -> list[tuple[str, str]]:
    rows = [("Python", platform.python_version())]
    for package in PACKAGES:
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed"))
    return rows


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escaped(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
