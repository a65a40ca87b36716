"""A picture of a network: one box for each population, one arrow for each synapse."""

from pathlib import Path

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, escaped
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.network.text import span

BOX_WIDTH, BOX_HEIGHT, GAP = 360, 52, 30  # in pixels
LANE = 14  # between two arrows beside the boxes
LINE = 13  # between two lines of text


def write_plot(network: Network, path: str | Path) -> None:
    """Draw the network as an SVG picture, input on top. Raises ConfigError for another suffix, SnncError if unwritable."""
    if Path(path).suffix != ".svg":
        raise ConfigError(f"plot {str(path)!r} must end in .svg; any browser shows it")
    write_atomically(path, plot_svg(network).encode())


def plot_svg(network: Network) -> str:
    """Return one box for the input and each layer, and an arrow for each synapse.

    A layer's first synapse from the box above runs straight down, all others run beside the boxes, each in a lane of its own
    where two would meet.
    """
    places = {name: index for index, name in enumerate(network.shapes)}
    shape = "x".join(map(str, network.input.shape))
    parts = [_box(0, INPUT, f"{shape} in {network.input.minimum}..{network.input.maximum}")]
    beside: list[tuple[int, int, str]] = []  # place of the source and of the layer, and what the synapse is
    for layer in network.layers:
        place, straight = places[layer.name], False
        text = f"{'x'.join(map(str, layer.output_shape))}, vth {layer.neuron.vth}, beta {span(layer.neuron.beta)}"
        parts.append(_box(place, layer.name, text))
        for synapse in layer.synapses:
            if places[synapse.source] == place - 1 and not straight:
                parts.append(_straight(place, synapse.text()))
                straight = True
            else:
                beside.append((places[synapse.source], place, synapse.text()))
    lanes = _lanes([(source, target) for source, target, _ in beside])
    right = BOX_WIDTH + 10 + LANE * (max(lanes, default=0) + 2)
    entries = [sum(other == target for _, other, _ in beside[:index]) for index, (_, target, _) in enumerate(beside)]
    parts += [
        _beside(source, target, lane, entry, text, right)
        for (source, target, text), lane, entry in zip(beside, lanes, entries, strict=True)
    ]
    height = len(places) * (BOX_HEIGHT + GAP) + GAP
    head = "<marker id='a' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' markerHeight='8' orient='auto'>"
    marker = f"<defs>{head}<path d='M0 0L8 4L0 8z'/></marker></defs>"
    style = f"width='{right + 300}' height='{height}' font-family='system-ui, sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>{marker}{''.join(parts)}</svg>\n"


def _lanes(spans: list[tuple[int, int]]) -> list[int]:
    """Return the first free lane of each span of places; spans that overlap have different ones."""
    lanes: list[int] = []
    for index, (top, bottom) in enumerate(spans):
        meets = {lanes[other] for other in range(index) if spans[other][0] <= bottom and top <= spans[other][1]}
        lanes.append(next(lane for lane in range(len(spans)) if lane not in meets))
    return lanes


def _top(place: int) -> int:
    return GAP + place * (BOX_HEIGHT + GAP)


def _box(place: int, name: str, text: str) -> str:
    y = _top(place)
    return (
        f"<rect x='10' y='{y}' width='{BOX_WIDTH}' height='{BOX_HEIGHT}' rx='6' fill='#eef3fb' stroke='#1a56b8'/>"
        f"<text x='22' y='{y + 19}' font-weight='bold'>{escaped(name)}</text><text x='22' y='{y + 37}'>{escaped(text)}</text>"
    )


def _straight(place: int, text: str) -> str:
    bottom = _top(place)
    return _arrow(f"M40 {bottom - GAP}V{bottom}", 48, bottom - GAP // 2 + 4, text)


def _beside(source: int, target: int, lane: int, entry: int, text: str, right: int) -> str:
    """Return an arrow that leaves the lower half of a box and is the `entry`-th to enter the side of another."""
    edge, x = BOX_WIDTH + 10, BOX_WIDTH + 10 + LANE * (lane + 1)
    y = _top(target) + 8 + LINE * entry
    return _arrow(f"M{edge} {_top(source) + BOX_HEIGHT - 6}H{x}V{y}H{edge}", right, y + 4, text)


def _arrow(line: str, x: int, y: int, text: str) -> str:
    return (
        f"<path d='{line}' fill='none' stroke='#333' marker-end='url(#a)'/>"
        f"<text x='{x}' y='{y}' fill='#555'>{escaped(text)}</text>"
    )
