"""A picture of one neuron over time as a file of its own: input, current, and membrane with its threshold and spikes."""

from collections.abc import Sequence
from pathlib import Path

from snnc.report.pictures import COLORS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, picture, svg, x_scale, y_scale
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, escaped
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer
from snnc.verification.neuron import NeuronTrace, names_of

HEAD, KEY = 20, 18  # pixels of the title, and of each line of the legend
MOST_DOTS = 100  # time steps whose values have a dot each; more would only thicken the line


def write_neuron_plot(groups: Sequence[Sequence[NeuronTrace]], layer: Layer, place: Sequence[int], path: str | Path) -> None:
    """Draw groups of engines that saw the same. Raises ConfigError for another suffix, SnncError if unwritable."""
    if Path(path).suffix != ".svg":
        raise ConfigError(f"plot {str(path)!r} must end in .svg; any browser shows it")
    write_atomically(path, neuron_svg(groups, layer, place).encode())


def neuron_svg(groups: Sequence[Sequence[NeuronTrace]], layer: Layer, place: Sequence[int]) -> str:
    """Return three pictures under each other, a color for each group, and a legend."""
    title = f"layer {layer.name}, neuron {', '.join(map(str, place))}"
    seen = [group[0] for group in groups]
    panels = [
        _panel("input", "weight units", [one.a for one in seen]),
        _panel("current u", "1/64 weight units", [one.u for one in seen]),
        _membrane(seen, layer.neuron.vth << lif.UNIT_SHIFT),
    ]
    parts = [f"<text x='{WIDTH / 2}' y='14' text-anchor='middle' font-weight='600'>{escaped(title)}</text>"]
    parts += [
        f"<svg y='{HEAD + index * HEIGHT}' width='{WIDTH}' height='{HEIGHT}'>{each}</svg>" for index, each in enumerate(panels)
    ]
    for index, group in enumerate(groups):
        y = HEAD + len(panels) * HEIGHT + (index + 1) * KEY
        names = escaped(names_of(group))
        key = f"<rect class='k{index % COLORS}' x='{LEFT}' y='{y - 9}' width='10' height='10'/>"
        parts.append(f"{key}<text x='{LEFT + 16}' y='{y}'>{names}</text>")
    return svg(WIDTH, HEAD + len(panels) * HEIGHT + (len(groups) + 1) * KEY, title, "".join(parts), standalone=True) + "\n"


def _panel(title: str, unit: str, curves: Sequence[Sequence[int]], mark: int | None = None, more: str = "") -> str:
    """Return curves over the time steps, with a line at `mark`; 0 and `mark` are within the axis in any case."""
    values = [0, mark or 0, *(value for curve in curves for value in curve)]
    x = x_scale(0, max(len(curves[0]) - 1, 1), "time step")
    y = y_scale(min(values), max(values), unit)
    parts = []
    for index, curve in enumerate(curves):
        points = " ".join(f"{x.at(step):.1f},{y.at(value):.1f}" for step, value in enumerate(curve))
        parts.append(f"<polyline class='c{index % COLORS}' points='{points}'/>")
        parts += [
            f"<circle class='k{index % COLORS}' cx='{x.at(t):.1f}' cy='{y.at(v):.1f}' r='2'/>"
            for t, v in enumerate(curve if len(curve) <= MOST_DOTS else ())
        ]
    if mark is not None:
        parts.append(f"<path class='mark' d='M{LEFT} {y.at(mark):.1f}H{WIDTH - RIGHT}'/>")
    return picture(title, x, y, [*parts, more])


def _membrane(seen: Sequence[NeuronTrace], threshold: int) -> str:
    """Return v before a reset, the threshold where it is not far above, and a tick on top for each spike."""
    steps = max(len(seen[0].v) - 1, 1)
    x = x_scale(0, steps, "")
    ticks = "".join(
        f"<path class='c{index % COLORS}' d='M{x.at(step):.1f} {TOP}v-6'/>"
        for index, one in enumerate(seen)
        for step, spike in enumerate(one.spikes)
        if spike
    )
    reach = max(abs(value) for one in seen for value in one.before)
    shown = threshold if threshold <= 4 * max(reach, 1) else None
    name = "v before a reset" + (", threshold far above" if shown is None else ", threshold dashed, spikes on top")
    return _panel(name, "1/64 weight units", [one.before for one in seen], shown, ticks)
