"""Pictures of calibration: accuracy over confidence, and how confident the answers are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snnc.evaluation.evaluate import Evaluation
from snnc.plot import Picture, new_figure
from snnc.toolchain.errors import printable


def draw_reliability(found: Sequence[Evaluation], path: str | Path) -> None:
    """Write a picture, PNG or SVG by its suffix: per file a reliability diagram above a histogram of the confidence.

    Raises ConfigError if matplotlib is not installed, SnncError if the file cannot be written.
    """
    figure = new_figure(4 * len(found), 6)
    axes = figure.subplots(2, len(found), sharex=True, squeeze=False, height_ratios=(2, 1))
    for column, each in enumerate(found):
        _diagram(axes[0][column], each)
        _histogram(axes[1][column], each)
    Picture(figure).save(path)


def _diagram(axes: Any, found: Evaluation) -> None:
    bins = found.reliability
    filled = bins.counts > 0
    width = np.diff(bins.edges)[filled]
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.bar(bins.edges[:-1][filled], bins.accuracy[filled], width, align="edge", color="C0", alpha=0.5, edgecolor="C0")
    axes.plot(bins.confidence[filled], bins.accuracy[filled], "o-", color="C3", markersize=4, linewidth=1)
    ece = found.measures["ece"]
    title = f"{printable(Path(found.file).name)}\nECE {100 * ece.value:.2f} % [{100 * ece.low:.2f}, {100 * ece.high:.2f}]"
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")


def _histogram(axes: Any, found: Evaluation) -> None:
    bins = found.reliability
    axes.bar(bins.edges[:-1], bins.counts / bins.counts.sum(), np.diff(bins.edges), align="edge", color="0.6")
    axes.set(xlabel="confidence", ylabel="share of samples")
