"""The report as a page: one HTML file that loads nothing, for wide and narrow screens, light and dark, and for paper."""

from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from snnc.report.pictures import STYLE, bars, lines, png, raster
from snnc.toolchain.errors import printable

MOST_CLASSES = 40  # of a confusion matrix that is shown whole
MOST_CONFUSIONS = 12  # pairs that are listed


def page(content: dict[str, Any]) -> str:
    """Return a report as HTML text; everything that comes from files is escaped."""
    environment = Environment(
        loader=PackageLoader("snnc.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": lambda value: f"{value:,}", "percent": lambda value: f"{value:.2%}"}
    environment.filters["whole"] = lambda value: f"{value:,.0f}"
    pictures = {name: Markup("".join(drawn)) for name, drawn in _pictures(content).items()}
    accuracy = content["accuracy"]
    text = environment.get_template("report.html").render(
        content,
        pictures=pictures,
        inputs=[png(np.array(sample["pixels"], np.uint8)) for sample in content["activity"]["samples"]],
        style=Markup(STYLE),
        matrix=_matrix(accuracy) if accuracy and len(accuracy["labels"]) <= MOST_CLASSES else None,
        confusions=_confusions(accuracy) if accuracy else [],
        reached=_reached(content["proofs"]["rows"]),
    )
    return text.strip() + "\n"


def _printable(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _pictures(content: dict[str, Any]) -> dict[str, list[str]]:
    layers, steps = content["activity"]["layers"], content["verdict"]["timesteps"]
    drawn = {
        "rasters": [raster(layer["name"], layer["raster"]["spikes"], steps) for layer in layers],
        "membranes": [bars(layer["name"], layer["membranes"], "v in weight units", layer["threshold"]) for layer in layers],
        "weights": [bars(layer["name"], layer["weights"], "weight") for layer in layers],
        "training": training_curves(content["training"]["epochs"]) if content["training"] else [],
        "difference": difference_curves(content["difference"]) if content["difference"] else [],
    }
    return drawn


def training_curves(epochs: list[dict[str, Any]]) -> list[str]:
    """Return accuracy, loss and firing rates over the epochs, with a line where each stage begins."""
    starts = [row for before, row in pairwise([{"stage": ""}, *epochs]) if before["stage"] != row["stage"]]
    stages = [(row["number"], row["stage"]) for row in starts]

    def curve(key: str, factor: float = 1) -> list[tuple[float, float]]:
        return [(row["number"], factor * row[key]) for row in epochs]

    accuracy = {"test": curve("test_accuracy", 100), "training": curve("train_accuracy", 100)}
    layers = dict.fromkeys(name for row in epochs for name in row["firing_rates"])
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in layers}
    for row in epochs:
        for name, rate in row["firing_rates"].items():
            rates[name].append((row["number"], 100 * rate))
    most = ceil(max((y for points in rates.values() for _, y in points), default=1)) or 1
    drawn = [
        lines("accuracy", accuracy, ("epoch", "%"), stages=stages, y_range=(0, 100)),
        lines("loss", {"loss": curve("loss")}, ("epoch", "mean over steps"), stages=stages),
    ]
    if any(row["matching_loss"] for row in epochs):
        drawn.append(lines("matching loss", {"": curve("matching_loss")}, ("epoch", "mean over steps"), stages=stages))
    return drawn + ([lines("firing rate", rates, ("epoch", "%"), stages=stages, y_range=(0, most))] if rates else [])


def difference_curves(found: dict[str, Any]) -> list[str]:
    """Return input, current and recorded membrane of the neuron at the first difference in both engines."""
    drawn = []
    shown = (("a", "input", "weight units"), ("u", "current u", "1/64"), ("v", "membrane v", "1/64"))
    for key, title, unit in shown:
        curves = {
            name: [(float(x), float(y)) for x, y in zip(found["steps"], seen[key], strict=True)]
            for name, seen in found["engines"].items()
        }
        drawn.append(lines(title, curves, ("time step", unit), stages=[(found["step"], "first difference")], solid=1))
    return drawn


def _matrix(accuracy: dict[str, Any]) -> list[tuple[str, list[tuple[int, float]]]]:
    """Return rows of (label, cells); a cell is a count and its share of the row (0..1)."""
    rows = accuracy["confusion"]
    return [
        (name, [(count, count / max(sum(row), 1)) for count in row]) for name, row in zip(accuracy["labels"], rows, strict=True)
    ]


def _reached(rows: list[dict[str, Any]]) -> list[tuple[str, bool, list[dict[str, Any]]]]:
    """Return of each layer its name, whether all limits are kept, and what its input, current and membrane can reach."""
    layers = {row["layer"]: [other for other in rows if other["layer"] == row["layer"]] for row in rows}
    return [(name, all(row["holds"] for row in found), found) for name, found in layers.items()]


def _confusions(accuracy: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Return the classes that are most often taken for another, with how often."""
    names = accuracy["labels"]
    found = [
        (count, names[row], names[column])
        for row, counts in enumerate(accuracy["confusion"])
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(found, key=lambda each: -each[0])[:MOST_CONFUSIONS]
