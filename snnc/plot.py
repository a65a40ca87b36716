"""Pictures of traces, networks and decisions on matplotlib: `import snnc; snnc.plot.raster(trace).save("raster.png")`.

Every function returns a `Picture`, which notebooks show, `save` writes and `figure` gives as matplotlib's own. Needs matplotlib
(extra `log`); without it, calling one raises ConfigError.
"""

import logging
from dataclasses import dataclass
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, install_command, printable
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.output_file import check_output
from snnc.toolchain.simulate.trace import Trace

SUFFIXES = (".png", ".svg")
MOST_LINES = 12  # membranes of one layer in one picture
MOST_BINS = 101  # of a histogram of weights
MOST_ROWS, MOST_COLUMNS = 400, 1000  # of a raster: fewer than its pixels, in which single spikes would fade
MOST_CLASSES = 50  # of a confusion matrix whose classes all have their names on the axes
INCHES = 2.2  # height of one layer's part
MOST_INCHES = 500  # of a picture; matplotlib draws at most 2**16 pixels


@dataclass(frozen=True)
class Picture:
    """A figure of matplotlib that shows itself in notebooks."""

    figure: Any

    def save(self, path: str | Path) -> None:
        """Write a PNG or SVG file. Raises ConfigError for another suffix, SnncError if it cannot be written."""
        check_output(path, SUFFIXES)
        write_atomically(path, self._drawn(Path(path).suffix[1:]))

    def _drawn(self, kind: str) -> bytes:
        buffer = BytesIO()
        self.figure.savefig(buffer, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else None)
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self._drawn("png")


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure, in inches, that needs no screen. Raises ConfigError if matplotlib is not installed."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would tell users without a home about its cache
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(f"pictures need matplotlib; {install_command('log')}") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def raster(trace: Trace, layers: list[str] | None = None, sample: int = 0) -> Picture:
    """Draw the spikes of one sample in black: time steps from left to right, neurons from bottom to top, a part per layer.

    Of large layers and many steps a point stands for several, and is black if there is any spike in them. Raises
    ConfigError for a layer or a sample that the trace has not.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> snnc.plot.raster(snnc.simulate(network, samples)).save("raster.png")  # doctest: +SKIP
    """
    names = _layers(trace, layers)
    _check_sample(trace, sample)
    figure, parts = _parts(names)
    for name, axes in zip(names, parts, strict=True):
        fired = trace.spikes[name][:, sample].reshape(len(trace.spikes[name]), -1)
        extent = (-0.5, fired.shape[0] - 0.5, -0.5, fired.shape[1] - 0.5)
        points = _together(_together(fired, MOST_COLUMNS).T, MOST_ROWS)
        axes.imshow(points, aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=1, extent=extent)
        axes.set_ylabel("neuron")
        axes.set_title(f"{_shown(name)}: {int(fired.sum()):,} spikes", fontsize=9, parse_math=False)
    parts[-1].set_xlabel("time step")
    return Picture(figure)


def membranes(trace: Trace, layers: list[str] | None = None, sample: int = 0, neurons: int = MOST_LINES) -> Picture:
    """Draw the membranes of the first neurons of each layer over the time steps of one sample, in weight units.

    Raises ConfigError for a layer or a sample that the trace has not, or less than one neuron.
    """
    names = _layers(trace, layers)
    _check_sample(trace, sample)
    if neurons < 1:
        raise ConfigError(f"{neurons} neurons were asked for; draw at least 1")
    figure, parts = _parts(names)
    for name, axes in zip(names, parts, strict=True):
        values = trace.membranes[name][:, sample].reshape(len(trace.membranes[name]), -1)[:, :neurons] / 64
        axes.plot(np.arange(len(values)), values, ".-", linewidth=1, markersize=3)
        axes.set_ylabel("weight units")
        axes.set_title(f"{_shown(name)}: membranes of {values.shape[1]} neurons", fontsize=9, parse_math=False)
    parts[-1].set_xlabel("time step")
    return Picture(figure)


def firing_rates(trace: Trace) -> Picture:
    """Draw how the neurons of each layer share its spikes: a histogram of spikes per step (0..1) over all samples.

    Raises ConfigError for a trace without samples.
    """
    names = _layers(trace, None)
    _check_sample(trace, 0)
    figure, parts = _parts(names)
    for name, axes in zip(names, parts, strict=True):
        rates = trace.spikes[name].mean(axis=(0, 1)).ravel()
        axes.hist(rates, bins=20, range=(0, 1), color="C0")
        silent = f", {int((rates == 0).sum()):,} silent" if (rates == 0).any() else ""
        title = f"{_shown(name)}: mean {rates.mean():.3f}, {rates.size:,} neurons{silent}"
        axes.set_title(title, fontsize=9, parse_math=False)
    parts[-1].set_xlabel("spikes per neuron and step")
    return Picture(figure)


def weights(network: Network) -> Picture:
    """Draw a histogram of the integer weights of each layer, all its synapses together."""
    figure, parts = _parts([layer.name for layer in network.layers])
    for layer, axes in zip(network.layers, parts, strict=True):
        values = np.concatenate([np.ravel(each.weight) for each in layer.synapses])
        low, high = int(values.min()), int(values.max())
        step = ceil((high - low + 1) / MOST_BINS)
        axes.hist(values, bins=np.arange(low, high + step + 1, step) - 0.5, color="C0")
        axes.set_title(_of_weights(layer, values), fontsize=9, parse_math=False)
    parts[-1].set_xlabel("weight")
    return Picture(figure)


def confusion(network: Network, outputs: NDArray[np.int64], labels: NDArray[np.integer[Any]]) -> Picture:
    """Draw how often samples of each class (rows) were taken for each class (columns).

    `outputs` `(N, outputs)` is what `trace.outputs(network)` returns, `labels` `(N,)` the classes. Raises ConfigError for
    another number of labels or labels that are no class, DataError for outputs that are not this network's.
    """
    labels = np.asarray(labels)
    fit = labels.dtype.kind in "iu" and labels.shape == outputs.shape[:1]
    if not fit or (len(labels) and not 0 <= labels.min() <= labels.max() < network.classes):
        found = f"labels of shape {labels.shape}, {labels.dtype},"
        raise ConfigError(f"{found} for {len(outputs)} samples of {network.classes} classes do not fit; give a class for each")
    counts = np.zeros((network.classes, network.classes), np.int64)
    np.add.at(counts, (labels, decisions(network, outputs)), 1)
    side = min(3 + 0.35 * network.classes, 20)
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    names = [_shown(name) for name in network.labels] or [str(number) for number in range(network.classes)]
    places = range(0, network.classes, ceil(network.classes / MOST_CLASSES))
    named = [names[place] for place in places]
    axes.set_xticks(places, named, rotation=90 if max(map(len, named)) > 2 else 0, parse_math=False)
    axes.set_yticks(places, named, parse_math=False)
    if network.classes <= 30:
        for (row, column), count in np.ndenumerate(counts):
            bright = count > counts[row].sum() / 2
            axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color="white" if bright else "black")
    right = counts.trace() / max(len(labels), 1)
    axes.set(xlabel="decided", ylabel="class")
    axes.set_title(f"{right:.2%} of {len(labels):,} samples", fontsize=9)
    return Picture(figure)


def _parts(names: list[str]) -> tuple[Any, list[Any]]:
    figure = new_figure(6, min(0.6 + INCHES * len(names), MOST_INCHES))
    return figure, list(figure.subplots(len(names), 1, squeeze=False)[:, 0])


def _layers(trace: Trace, layers: list[str] | None) -> list[str]:
    names = list(trace.spikes) if layers is None else layers
    for name in names:
        if name not in trace.spikes:
            raise ConfigError(f"layer {name!r} is unknown; allowed are {', '.join(trace.spikes)}")
    if not names:
        raise ConfigError("no layers were named; name one, or leave layers out for all")
    return names


def _check_sample(trace: Trace, sample: int) -> None:
    if not 0 <= sample < trace.samples:
        allowed = f"allowed are 0 to {trace.samples - 1}" if trace.samples else "the trace has none"
        raise ConfigError(f"sample {sample} is not there; {allowed}")


def _together(fired: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Return at most so many rows, each whether there is any spike in as many rows as it stands for."""
    each = ceil(len(fired) / most)
    padded = np.pad(fired, ((0, -len(fired) % each), (0, 0)))
    return np.asarray(padded.reshape(-1, each, fired.shape[1]).any(axis=1))


def _shown(name: str) -> str:
    return printable(name)[:40]


def _of_weights(layer: Layer, values: NDArray[Any]) -> str:
    return f"{_shown(layer.name)}: {values.size:,} weights, {(values == 0).mean():.0%} are 0"
