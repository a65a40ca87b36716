"""A picture (SVG) of means with their intervals over a setting, on a logarithmic axis; every curve has its own color."""

from collections.abc import Mapping, Sequence
from math import floor, isnan, log10

from snnc.experiments.statistics import Interval
from snnc.toolchain.errors import escaped

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 60, 150, 20, 50
COLORS = ("#3f51b5", "#b06f00", "#2e7d32", "#b3261e")
GRAY = "#888"
Curve = Sequence[tuple[float, Interval]]  # the setting, above 0, and the mean there


def curves(what: str, setting: str, drawn: Mapping[str, Curve]) -> str:
    """Return the picture: `what` goes upward, `setting` to the right. There must be two values of the setting at least."""
    places = sorted({place for curve in drawn.values() for place, _ in curve})
    ends = [value for curve in drawn.values() for _, each in curve for value in _ends(each)]
    low, high = floor(min(ends)), floor(max(ends)) + 1
    ticks = range(low, high + 1, max(1, (high - low) // 6))

    def x(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * log10(place / places[0]) / log10(places[-1] / places[0])

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    parts = [
        _line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "#ddd") + _text(LEFT - 8, y(tick) + 4, str(tick), "end") for tick in ticks
    ]
    parts += [_text(x(place), HEIGHT - BOTTOM + 18, f"{place:g}", "middle") for place in places]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, setting, "middle"))
    parts.append(f"<g transform='rotate(-90 16 {HEIGHT / 2:.0f})'>{_text(16, HEIGHT / 2, what, 'middle')}</g>")
    for number, (name, curve) in enumerate(drawn.items()):
        color, shift = COLORS[number % len(COLORS)], 4 * number
        points = " ".join(f"{x(place) + shift:.1f},{y(each.mean):.1f}" for place, each in curve)
        parts.append(f"<polyline points='{points}' fill='none' stroke='{color}' stroke-width='2'/>")
        for place, each in curve:
            low_end, high_end = _ends(each)
            parts.append(_line(x(place) + shift, y(low_end), x(place) + shift, y(high_end), color))
            parts.append(f"<circle cx='{x(place) + shift:.1f}' cy='{y(each.mean):.1f}' r='3' fill='{color}'/>")
        parts.append(_text(WIDTH - RIGHT + 24, TOP + 14 + 20 * number, name, "start", color))
    style = f"width='{WIDTH}' height='{HEIGHT}' font-family='sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>\n" + "\n".join(parts) + "\n</svg>\n"


def _ends(each: Interval) -> tuple[float, float]:
    half = 0.0 if isnan(each.half) else each.half
    return each.mean - half, each.mean + half


def _line(x: float, y: float, to_x: float, to_y: float, color: str) -> str:
    return f"<line x1='{x:.1f}' y1='{y:.1f}' x2='{to_x:.1f}' y2='{to_y:.1f}' stroke='{color}'/>"


def _text(x: float, y: float, text: str, anchor: str, color: str = GRAY) -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' fill='{color}'>{escaped(text)}</text>"
