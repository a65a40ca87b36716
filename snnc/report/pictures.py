"""Pictures of a report as SVG and PNG, drawn here so that a page needs no library and loads nothing.

Colors are classes and variables, which the page sets for light, dark and print; a `standalone` picture has its own.
Every picture is 340 pixels wide, so that its text is as large on a phone as on a desktop; wider pages put several in a row.
"""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from struct import pack

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import escaped

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 30, 34  # margins around the area of the data
COLORS = 8  # classes c0..c7; curves beyond them are dashed, and their keys pale
STYLE = (
    "svg{font:11px system-ui,sans-serif}text{fill:var(--ink,#222)}.axis,.grid{stroke:var(--line,#ccc);fill:none}"
    ".mark{stroke:var(--bad,#b3261e);stroke-dasharray:4 3;fill:none}.stage{stroke:var(--soft,#999);fill:none}"
    ".spike{stroke:var(--ink,#222);fill:none}.bar{fill:var(--c0,#1a56b8)}"
    + "".join(
        f".c{i}{{stroke:var(--c{i},{color});fill:none;stroke-width:1.8}}.k{i}{{fill:var(--c{i},{color})}}"
        for i, color in enumerate(("#1a56b8", "#d9730d", "#0a7d32", "#8250df", "#b3261e", "#57606a", "#0e7c86", "#bf3989"))
    )
)


@dataclass(frozen=True)
class Scale:
    """One axis: the values at its ends, what it shows, and the pixels that these ends are at."""

    low: float
    high: float
    label: str
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values along the axis, about four."""
        span = (self.high - self.low) or 1
        step = 10 ** floor(log10(span / 4))
        step *= min((factor for factor in (1, 2, 5, 10)), key=lambda factor: abs(span / (step * factor) - 4))
        first = ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, floor(self.high / step + 1e-9) + 1)]


def x_scale(low: float, high: float, label: str) -> Scale:
    """Return the axis below the data."""
    return Scale(low, high, label, LEFT, WIDTH - RIGHT)


def y_scale(low: float, high: float, label: str) -> Scale:
    """Return the axis beside the data."""
    return Scale(low, high, label, HEIGHT - BOTTOM, TOP)


def picture(title: str, x: Scale, y: Scale, inside: Iterable[str], *, standalone: bool = False) -> str:
    """Return an SVG picture of what is inside, with both axes, their ticks and labels."""
    parts = [f"<text x='{WIDTH / 2}' y='13' text-anchor='middle' font-weight='600'>{escaped(title)}</text>"]
    for tick in x.ticks:
        parts.append(
            f"<text x='{x.at(tick):.1f}' y='{HEIGHT - BOTTOM + 14}' text-anchor='middle'>{_number(tick)}</text>"
            f"<path class='grid' d='M{x.at(tick):.1f} {HEIGHT - BOTTOM}v3'/>"
        )
    for tick in y.ticks:
        parts.append(
            f"<text x='{LEFT - 5}' y='{y.at(tick) + 4:.1f}' text-anchor='end'>{_number(tick)}</text>"
            f"<path class='grid' d='M{LEFT} {y.at(tick):.1f}H{WIDTH - RIGHT}'/>"
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts += inside
    parts.append(
        f"<path class='axis' d='M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}'/>"
        f"<text x='{(LEFT + WIDTH - RIGHT) / 2}' y='{HEIGHT - 5}' text-anchor='middle'>{escaped(x.label)}</text>"
        f"<text transform='translate(10 {middle}) rotate(-90)' text-anchor='middle'>{escaped(y.label)}</text>"
    )
    return svg(WIDTH, HEIGHT, f"{title}: {y.label} over {x.label}", "".join(parts), standalone=standalone)


def svg(width: int, height: int, title: str, inside: str, *, standalone: bool = False) -> str:
    """Return an SVG element that shrinks with the page; `standalone`: one that is a file."""
    space = " xmlns='http://www.w3.org/2000/svg'" if standalone else ""
    style = f"<style>{STYLE}</style><rect width='{width}' height='{height}' fill='#fff'/>" if standalone else ""
    size = f"width='{width}' height='{height}'" if standalone else ""
    head = f"<svg{space} viewBox='0 0 {width} {height}' {size} role='img' aria-label='{escaped(title)}'>"
    return f"{head}{style}{inside}</svg>"


def lines(
    title: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    labels: tuple[str, str],
    *,
    stages: Sequence[tuple[float, str]] = (),
    y_range: tuple[float, float] | None = None,
    solid: int = COLORS,
) -> str:
    """Return curves of (x, y) by name, with a legend, and a line with a name where each stage begins.

    The first `solid` curves are drawn through, all others dashed, so that equal ones are both seen.
    """
    points = [point for curve in curves.values() for point in curve]
    xs = [x for x, _ in points]
    low, high = y_range or (min(y for _, y in points), max(y for _, y in points))
    if low == high:
        low, high = low - 1, high + 1
    x, y = x_scale(min(xs), max(xs), labels[0]), y_scale(low, high, labels[1])
    parts = []
    for place, name in stages:
        anchor = "end" if x.at(place) > WIDTH / 2 else "start"  # so that the last name is within the picture
        text = f"<text x='{x.at(place):.1f}' y='{TOP - 3}' text-anchor='{anchor}' class='soft'>{escaped(name)}</text>"
        parts.append(f"<path class='stage' d='M{x.at(place):.1f} {TOP}V{HEIGHT - BOTTOM}'/>{text}")
    for index, curve in enumerate(curves.values()):
        drawn = " ".join(f"{x.at(px):.1f},{y.at(py):.1f}" for px, py in curve)
        dashed = " stroke-dasharray='5 3'" if index >= solid else ""
        parts.append(f"<polyline class='c{index % COLORS}'{dashed} points='{drawn}'/>")
        if len(curve) == 1:  # a line of one point is not seen
            parts.append(f"<circle class='k{index % COLORS}' cx='{x.at(curve[0][0]):.1f}' cy='{y.at(curve[0][1]):.1f}' r='3'/>")
    return f"<figure>{picture(title, x, y, parts)}{legend(list(curves)) if len(curves) > 1 else ''}</figure>"


def legend(names: Sequence[str]) -> str:
    """Return names behind their colors, in the order of the curves."""
    square = "<svg viewBox='0 0 12 12' aria-hidden='true'><rect class='k{}' fill-opacity='{}' width='12' height='12'/></svg>"
    keys = (
        f"<span class='key'>{square.format(index % COLORS, 0.4 if index >= COLORS else 1)}{escaped(name)}</span>"
        for index, name in enumerate(names)
    )
    return f"<figcaption>{' '.join(keys)}</figcaption>"


def bars(title: str, histogram: Mapping[str, Sequence[float]], label: str, mark: float | None = None) -> str:
    """Return a histogram: its `counts` between its `edges`, as shares of all; `mark` is a value to draw a line at."""
    edges, counts = histogram["edges"], histogram["counts"]
    whole = max(sum(counts), 1)
    shares = [count / whole for count in counts]
    high = max(edges[-1], mark if mark is not None else edges[-1])
    x, y = x_scale(edges[0], high, label), y_scale(0, max(shares, default=1) or 1, "share")
    parts = []
    for left, right, share in zip(edges, edges[1:], shares, strict=False):
        if share:
            width = max(x.at(right) - x.at(left) - 1, 1)
            top = y.at(share)
            parts.append(
                f"<rect class='bar' x='{x.at(left):.1f}' y='{top:.1f}' width='{width:.1f}' height='{y.start - top:.1f}'/>"
            )
    if mark is not None:
        parts.append(f"<path class='mark' d='M{x.at(mark):.1f} {TOP}V{HEIGHT - BOTTOM}'/>")
    return f"<figure>{picture(title, x, y, parts)}</figure>"


def raster(title: str, spikes: Sequence[Sequence[int]], timesteps: int) -> str:
    """Return the steps at which each neuron, one row each from above, spikes; those that share a pixel are one mark."""
    x = x_scale(0, timesteps, "time step")
    each = max(ceil(timesteps / (x.end - x.start)), 1)  # steps of a mark
    y = Scale(0, max(len(spikes), 1), "neurons", TOP, HEIGHT - BOTTOM)
    height = (y.end - y.start) / max(len(spikes), 1)
    width = x.at(each) - x.at(0)
    drawn = "".join(
        f"M{x.at(mark * each):.1f} {y.at(row) + height / 2:.2f}h{width:.1f}"
        for row, steps in enumerate(spikes)
        for mark in dict.fromkeys(step // each for step in steps)
    )
    inside = [f"<path class='spike' stroke-width='{max(height * 0.8, 0.6):.2f}' d='{drawn}'/>"]
    return f"<figure>{picture(title, x, y, inside)}</figure>"


def png(pixels: NDArray[np.uint8]) -> str:
    """Return an image `(H, W)` or `(H, W, 3)` as the address of a PNG that holds all its bytes."""
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 0
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))
    head = _chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def _number(value: float) -> str:
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * unit:
            return f"{value / unit:,.6g}{letter}"
    return f"{value:,.10g}"
