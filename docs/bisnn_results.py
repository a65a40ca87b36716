"""Tables and pictures of docs/bisnn.md from the JSON of `python -m snnc.experiments.bisnn`, for tables.py and figures.py."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from snnc.experiments.bisnn import PLANS
from snnc.experiments.results_file import kept_results
from snnc.experiments.statistics import interval
from snnc.experiments.toys import CLUSTERS, TOYS

RESULTS = Path(__file__).parent / "results"
COLUMNS = {"accuracy": ("accuracy (%)", 100, 2), "nll": ("NLL", 1, 3), "brier": ("Brier", 1, 3), "ece": ("ECE (%)", 100, 2)}
CELL, PANEL, LEFT, TOP = 5, 230, 12, 26  # pixels of a point of the map, of a panel, and in front of the first
LEVELS = 20  # of the color scale


def cells(found: Sequence[dict[str, float]]) -> list[str]:
    """Return mean and interval over seeds of the measures."""
    texts = []
    for name, (_, factor, digits) in COLUMNS.items():
        texts.append(interval([factor * each[name] for each in found]).text(digits))
    return texts


def heading(first: str, *more: str) -> list[str]:
    """Return the first two lines of a table."""
    names = [first, *(title for title, _, _ in COLUMNS.values()), *more]
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def plan_rows(name: str) -> list[str]:
    """Return the four ways of a plan, as they are and after temperature scaling."""
    results = kept_results(RESULTS / f"bisnn_{name}.json", PLANS[name])
    runs = {way: results.of(way) for way in PLANS[name].rows}
    seeds = set.intersection(*({run.seed for run in found} for found in runs.values()))  # those that every row has
    kept = {way: [run for run in found if run.seed in seeds] for way, found in runs.items()}
    ways: dict[str, list[dict[str, Any]]] = {
        "full precision": [run.paper.extra["single"] for run in kept["full precision"]],
        "full precision, 8 bits on the chip": [run.chip.extra["single"] for run in kept["full precision"]],
        "straight-through": [run.chip.extra["single"] for run in kept["straight-through"]],
        "Bayes, mode": [run.chip.extra["single"] for run in kept["Bayes"]],
        "Bayes, committee of 10": [run.chip.extra["committee"] for run in kept["Bayes"]],
    }
    rows = heading("weights", "ECE, scaled (%)", "NLL, scaled", "seeds")
    for way, found in ways.items():
        scaled = [each["scaled"] for each in found]
        last = [interval([100 * each["ece"] for each in scaled]).text(2), interval([each["nll"] for each in scaled]).text(3)]
        rows.append(f"| {way} | {' | '.join([*cells(found), *last, str(len(found))])} |")
    return rows


def digits() -> list[str]:
    """Return the table of digits."""
    return plan_rows("digits")


def events() -> list[str]:
    """Return the table of digits-events."""
    return plan_rows("events")


def toy_runs(toy: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the runs of a toy found, by way, the first seed first."""
    runs = json.loads((RESULTS / "bisnn_toys.json").read_text(encoding="utf-8"))["runs"]
    found: dict[str, list[dict[str, Any]]] = {}
    for run in sorted((run for run in runs if run["toy"] == toy), key=lambda run: int(run["seed"])):
        for way, row in run["rows"].items():
            found.setdefault(way, []).append(row)
    return found


def toys() -> list[str]:
    """Return the table of the toys."""
    rows = heading("problem, weights", "entropy where trained (bits)", "entropy elsewhere (bits)")
    for toy in TOYS:
        for way, found in toy_runs(toy).items():
            entropy = [interval([each["entropy"][place] for each in found]).text(3) for place in (0, 1)]
            rows.append(f"| {toy}: {way} | {' | '.join(cells(found) + entropy)} |")
    return rows


def moons() -> str:
    """Return a picture (SVG) of P(second class) over the plane, a panel for each way."""
    grid, panels = TOYS["moons"].grid, []
    for number, (way, found) in enumerate(toy_runs("moons").items()):
        x, side = LEFT + number * PANEL, CELL * grid
        parts = [f"<text x='{x}' y='{TOP - 8}'>{way}</text>"]
        for row in range(grid):
            line = [round(LEVELS * chance) for chance in found[0]["map"][row * grid : (row + 1) * grid]]
            parts += _runs(line, x, TOP + side - CELL * (row + 1))
        panels.append("\n".join(parts))
    return _svg(LEFT + PANEL * len(panels), TOP + CELL * grid + 10, panels)


def _runs(line: list[int], x: int, y: int) -> list[str]:
    """Return one rectangle for each run of equal levels."""
    parts, start = [], 0
    for end in range(1, len(line) + 1):
        if end == len(line) or line[end] != line[start]:
            width = CELL * (end - start)
            color = _color(line[start] / LEVELS)
            parts.append(f"<rect x='{x + CELL * start}' y='{y}' width='{width}' height='{CELL}' fill='{color}'/>")
            start = end
    return parts


def _color(chance: float) -> str:
    """Return blue for 0, white for 1/2, red for 1."""
    blue, white, red = (33, 102, 172), (247, 247, 247), (178, 24, 43)
    low, high, part = (blue, white, 2 * chance) if chance < 0.5 else (white, red, 2 * chance - 1)
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in zip(low, high, strict=True))


def signal() -> str:
    """Return a picture (SVG) of P(second class) along the axis, a panel for each way; clusters are gray."""
    toy, height, panels = TOYS["signal"], 120, []
    scale = (PANEL - 30) / (toy.high - toy.low)
    for number, (way, found) in enumerate(toy_runs("signal").items()):
        x = LEFT + number * PANEL
        parts = [f"<text x='{x}' y='{TOP - 8}'>{way}</text>"]
        for start, stop, which in CLUSTERS:
            edge, y = x + scale * (start - toy.low), TOP + height * (1 - which) - (0 if which else 6)
            parts.append(f"<rect x='{edge:.0f}' y='{y:.0f}' width='{scale * (stop - start):.0f}' height='6' fill='#999'/>")
        step = scale * (toy.high - toy.low) / (toy.grid - 1)
        points = " ".join(f"{x + step * i:.1f},{TOP + height * (1 - p):.1f}" for i, p in enumerate(found[0]["map"]))
        parts.append(f"<polyline points='{points}' fill='none' stroke='#3f51b5' stroke-width='1.5'/>")
        panels.append("\n".join(parts))
    return _svg(LEFT + PANEL * len(panels), TOP + height + 12, panels)


def _svg(width: int, height: int, panels: list[str]) -> str:
    style = f"width='{width}' height='{height}' font-family='sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>\n" + "\n".join(panels) + "\n</svg>\n"


TABLES: dict[str, Callable[[], list[str]]] = {"bisnn_digits": digits, "bisnn_events": events, "bisnn_toys": toys}
FIGURES: dict[str, Callable[[], str]] = {"bisnn_moons.svg": moons, "bisnn_signal.svg": signal}
