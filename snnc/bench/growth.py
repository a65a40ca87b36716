"""How time and memory grow with one quantity at a time: of the fast simulator per image, and of a training step."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import log
from typing import Any

from snnc.bench.memory import peak_mib
from snnc.bench.simulation import SimulationSettings, Watch, seconds_of
from snnc.bench.synthetic import synthetic_cifarnet, synthetic_images
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator

AXES: dict[str, Sequence[float]] = {
    "width": (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2),
    "timesteps": (1, 2, 5, 10, 20, 50),
    "images": (1, 4, 16, 64, 256, 1024),
    "side": (8, 16, 32, 64, 128),
    "rate": (0.02, 0.05, 0.1, 0.2, 0.4),
}
BASE: dict[str, float] = {"width": 1 / 4, "timesteps": 5, "images": 64, "side": 32, "rate": 0.1}
TRAINED: dict[str, Sequence[float]] = {
    "width": (1 / 16, 1 / 8, 1 / 4, 1 / 2),
    "timesteps": (1, 2, 5, 10),
    "batch": (4, 8, 16, 32, 64),
}
TRAINED_BASE: dict[str, float] = {"width": 1 / 8, "timesteps": 5, "batch": 32}


@dataclass(frozen=True)
class Point:
    """One measurement: what grew, its value, seconds of an image or of a training step, and MiB at the peak."""

    axis: str
    value: float
    seconds: float
    mib: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, an object of `growth` of `snnc bench --growth --json`."""
        return asdict(self)


def growth(
    settings: SimulationSettings, watch: Watch = lambda text: None, axes: Mapping[str, Sequence[float]] = AXES
) -> Iterator[Point]:
    """Yield time per image and memory of the fast simulator, one thing growing at a time, all else as in BASE."""
    for axis, values in axes.items():
        for value in values:
            watch(f"growth: {axis} {value:g}")
            size = {**BASE, axis: value}
            network = synthetic_cifarnet(size["width"], int(size["timesteps"]), size["rate"], side=int(size["side"]))
            simulator = BitslicedSimulator(network, threads=settings.threads)
            images = synthetic_images(network.input, int(size["images"]))
            run = partial(simulator.outputs, images)
            with peak_mib() as peak:
                run()
            seconds = min(seconds_of(run) for _ in range(settings.rounds)) / len(images)
            yield Point(axis, value, seconds, peak())
            del simulator, network, run
            gc.collect()


def training_growth(threads: int, rounds: int, watch: Watch = lambda text: None) -> Iterator[Point]:
    """Yield seconds of a training step and what its first run takes, one thing growing at a time."""
    from snnc.bench.training import first_step
    from snnc.bench.training_steps import Work, our_step
    from snnc.toolchain.device import torch_threads

    with torch_threads(threads):
        for axis, values in TRAINED.items():
            for value in values:
                watch(f"growth: {axis} {value:g}")
                size = {**TRAINED_BASE, axis: value}
                work = Work(size["width"], int(size["batch"]), int(size["timesteps"]))
                step, mib = first_step(partial(our_step, work), work)
                yield Point(axis, value, min(step() for _ in range(rounds)), mib)


PANEL, LEFT, TOP, GAP = 130, 50, 30, 70  # pixels
Value = Callable[[Point], float]
ROWS: tuple[tuple[str, str, Value], ...] = (
    ("ms", "#3f51b5", lambda point: point.seconds * 1e3),
    ("MiB", "#b06f00", lambda point: point.mib),
)


def picture(points: Sequence[Point]) -> str:
    """Return a picture (SVG): a column for each thing that grew, time above memory, logarithmic; gray is in proportion."""
    axes = list(dict.fromkeys(point.axis for point in points))
    width, height = LEFT + len(axes) * (PANEL + GAP), TOP + len(ROWS) * (PANEL + GAP)
    parts = [
        _panel(LEFT + column * (PANEL + GAP), TOP + row * (PANEL + GAP), [p for p in points if p.axis == axis], *ROWS[row])
        for column, axis in enumerate(axes)
        for row in range(len(ROWS))
    ]
    style = f"width='{width}' height='{height}' font-family='sans-serif' font-size='11'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>\n" + "\n".join(parts) + "\n</svg>\n"


def _panel(left: int, top: int, points: Sequence[Point], unit: str, color: str, value: Value) -> str:
    first, last = points[0], points[-1]
    values = [value(point) for point in points]
    across, low = last.value / first.value, min(values)
    high = max(*values, low * 1.01)

    def place(grown: float, each: float) -> str:
        x = left + PANEL * _share(grown / first.value, across)
        return f"{x:.1f},{top + PANEL - PANEL * _share(each / low, high / low):.1f}"

    drawn = " ".join(place(point.value, each) for point, each in zip(points, values, strict=True))
    reach = min(across, high / values[0])  # of the line in proportion, within the panel
    line = f"{place(first.value, values[0])} {place(first.value * reach, values[0] * reach)}"
    marks = ((left, top + PANEL + 14, f"{first.value:g}"), (left + PANEL, top + PANEL + 14, f"{last.value:g}"))
    ends = ((left - 4, top + PANEL, _short(low)), (left - 4, top + 8, _short(high)))
    return (
        f"<rect x='{left}' y='{top}' width='{PANEL}' height='{PANEL}' fill='none' stroke='#ccc'/>"
        f"<polyline points='{line}' fill='none' stroke='#aaa' stroke-dasharray='4 3'/>"
        f"<polyline points='{drawn}' fill='none' stroke='{color}' stroke-width='2'/>"
        + "".join(_text(*mark, "middle") for mark in marks)
        + "".join(_text(*end, "end") for end in ends)
        + _text(left + PANEL // 2, top - 6, f"{unit}, {first.axis}", "middle", color)
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _share(grown: float, of: float) -> float:
    return log(grown) / log(of) if of > 1 else 0.0


def _text(x: int, y: int, text: str, anchor: str, color: str = "#777") -> str:
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}' fill='{color}'>{text}</text>"
