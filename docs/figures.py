"""Draws the figures of the pages: `python docs/figures.py`. A test fails where a page shows another."""

import json
import runpy
from functools import partial
from pathlib import Path

from snnc.bench.growth import Point, picture
from snnc.experiments.curves import curves
from snnc.experiments.plan import CHIP, PAPER
from snnc.experiments.results_file import read_results
from snnc.experiments.statistics import interval
from snnc.toolchain.network import lif

DOCS = Path(__file__).parent
STEPS, INPUT, THRESHOLD, DECAY = 14, (3, 3, 0, 0, 2, 2, 2, 2, 0, 5, 0, 0, 1, 1), 4, 2048  # inputs in weight units
WIDTH, HEIGHT, LEFT, TOP = 640, 250, 60, 20
UNIT = 28  # pixels of one weight unit


def neuron() -> str:
    """Return a picture (SVG) of one neuron: its input, its membrane in weight units, its threshold and its spikes."""
    base = TOP + 6 * UNIT
    across = (WIDTH - LEFT - 20) / STEPS
    parts = [_text(LEFT - 8, base - unit * UNIT + 4, str(unit), "end") for unit in range(0, 7, 2)]
    parts += [
        _line(LEFT, base, WIDTH - 20, base, "#888"),
        _line(LEFT, base - 4 * UNIT, WIDTH - 20, base - 4 * UNIT, "#b3261e", "6 4"),
    ]
    parts.append(_text(WIDTH - 20, base - 4 * UNIT - 6, "threshold", "end", "#b3261e"))
    u = v = 0
    for step, a in enumerate(INPUT):
        u, reached = lif.integrate(u, v, a, du=lif.DU_MAX, dv=DECAY, bias=0)
        v, spike = lif.fire(reached, THRESHOLD)
        x, height = LEFT + step * across, reached / 2**lif.UNIT_SHIFT * UNIT
        color = "#f29900" if spike else "#3f51b5"
        parts.append(
            f"<rect x='{x + 4:.0f}' y='{base - height:.0f}' width='{across - 8:.0f}' height='{height:.0f}' fill='{color}'/>"
        )
        if spike:
            parts.append(_text(x + across / 2, base - height - 6, "spike", "middle", "#b06f00"))
        parts.append(_text(x + across / 2, base + 18, str(step), "middle"))
        parts.append(_text(x + across / 2, base + 40, f"+{a}" if a else "", "middle"))
    parts += [_text(LEFT - 8, base + 18, "step", "end"), _text(LEFT - 8, base + 40, "input", "end")]
    style = f"width='{WIDTH}' height='{HEIGHT}' font-family='sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>\n" + "\n".join(parts) + "\n</svg>\n"


def _line(x: float, y: float, to_x: float, to_y: float, color: str, dashes: str = "none") -> str:
    return f"<line x1='{x}' y1='{y}' x2='{to_x}' y2='{to_y}' stroke='{color}' stroke-dasharray='{dashes}'/>"


def _text(x: float, y: float, text: str, anchor: str, color: str = "#666") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' fill='{color}'>{text}</text>"


def alpha() -> str:
    """Return a picture (SVG) of accuracy on validation images over alpha, at both moments."""
    results = read_results(DOCS / "results" / "validation_alpha.json")
    values = {row: float(settings["alpha"]) for row, settings in results.rows.items()}
    drawn = {
        title: [(values[row], interval([run.at(moment).accuracy for run in results.of(row)], 0.68)) for row in results.rows]
        for moment, title in ((PAPER, "two phases"), (CHIP, "on the chip"))
    }
    return curves("accuracy (%)", "alpha", drawn)


def growth(of: str) -> str:
    """Return a picture (SVG) of how time and memory of `simulation` or `training` grow, as docs/growth.json has them."""
    measured = json.loads((DOCS / "growth.json").read_text(encoding="utf-8"))
    return picture([Point(**point) for point in measured[of]])


OF_RESULTS = ("bisnn_results.py", "sei_tables.py")
FIGURES = {"neuron.svg": neuron, "alpha.svg": alpha}
FIGURES |= {f"growth_{of}.svg": partial(growth, of) for of in ("simulation", "training")}
for script in OF_RESULTS:
    FIGURES |= runpy.run_path(str(DOCS / script))["FIGURES"]

if __name__ == "__main__":
    for name, draw in FIGURES.items():
        (DOCS / name).write_text(draw(), encoding="utf-8")
