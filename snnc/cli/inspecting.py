"""What a network holds, what each format would lose of it, and a picture of it."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, SnncError
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import INPUT, Layer, Network

BOX_WIDTH, BOX_HEIGHT, GAP = 360, 46, 26  # of the picture, in pixels


@dataclass(frozen=True)
class LayerSummary:
    """One layer in numbers; `zeros` is the share of weights that are 0, thresholds are in weight units,
    `beta` is the share of the membrane kept per step."""

    name: str
    shape: tuple[int, ...]
    neurons: int
    weights: int
    values: str
    zeros: float
    vth: int
    beta: float


@dataclass(frozen=True)
class Summary:
    """One file; `formats` says of each target (and NIR dialect) what it could not express, or "exact"."""

    file: str
    bytes: int
    name: str
    digest: str
    timesteps: int
    readout: str
    input: dict[str, Any]
    truncation_free: bool
    proved: str
    semantics: str
    layers: list[LayerSummary]
    formats: dict[str, str] = field(default_factory=dict)


def summary(network: Network, file: Path) -> Summary:
    """Look at every layer, and try every format."""
    overflow = next(overflows(network), None)
    return Summary(
        str(file),
        file.stat().st_size,
        network.name,
        network.digest(),
        network.timesteps,
        network.readout,
        dict(vars(network.input)),
        network.truncation_free,
        str(overflow) if overflow else "no sum overflows, no membrane saturates",
        _semantics(network, file),
        [_layer(layer) for layer in network.layers],
        _formats(network),
    )


def _semantics(network: Network, file: Path) -> str:
    """Return how whoever reads this very file is to understand its numbers."""
    if file.suffix == ".nir":
        from snnc.export.nir.file import read_graph

        metadata = read_graph(file).metadata
        dialect = metadata["dialect"].decode() if isinstance(metadata["dialect"], bytes) else str(metadata["dialect"])
        return f"NIR dialect {dialect}, one step is {float(metadata['dt']):g} s, input: pixel - {network.input.zero_point}"
    if file.suffix == ".onnx":
        from snnc.export.onnx.file import input_of

        return f"ONNX, {input_of(file)}, output: logits (batch, {network.layers[-1].neurons}) int64"
    if file.suffix == ".net":
        return f"Lava netx: 16-bit graded input (pixel - {network.input.zero_point}), reset every {network.timesteps} steps"
    return "checkpoint of snnc train; its integer phase computes these very numbers"


def _layer(layer: Layer) -> LayerSummary:
    weights = np.concatenate([synapse.weight.ravel() for synapse in layer.synapses])
    found = np.unique(weights)
    values = ", ".join(map(str, found)) if len(found) <= 3 else f"{found[0]} .. {found[-1]}"
    zeros = float((weights == 0).mean())
    return LayerSummary(
        layer.name, layer.output_shape, layer.neurons, weights.size, values, zeros, layer.neuron.vth, layer.neuron.beta
    )


def _formats(network: Network) -> dict[str, str]:
    from snnc.export.netx.file import netx_bytes

    tries: dict[str, Any] = {"loihi2": lambda: netx_bytes(network)}
    found = {}
    try:
        from snnc.export.nir.graph import DIALECTS, exactness, nir_graph

        for dialect in DIALECTS:
            tries[f"nir {dialect}"] = lambda dialect=dialect: nir_graph(network, dialect) and exactness(network, dialect)
    except ModuleNotFoundError:
        found["nir"] = "not installed: pip install 'snnc[nir]'"
    try:
        from snnc.export.onnx.graph import onnx_model

        tries["onnx"] = lambda: onnx_model(network, timed=False)
    except ModuleNotFoundError:
        found["onnx"] = "not installed: pip install 'snnc[onnx]'"
    for name, attempt in tries.items():
        try:
            outcome = attempt()
            found[name] = outcome if isinstance(outcome, str) else "exact"
        except SnncError as error:
            found[name] = str(error)
    return found


def show(console: Console, found: Summary, network: Network) -> None:
    """Print the summary."""
    low, high = network.input.minimum, network.input.maximum
    console.print(f"{found.file}: {found.name}, {found.bytes:,} bytes, {found.digest[:16]}", style="bold")
    shape = "x".join(map(str, network.input.shape))
    console.print(f"input {shape} in {low}..{high}, {found.timesteps} time steps, read-out {found.readout}")
    console.print(found.semantics)
    console.print(f"{found.proved}; {'truncation-free' if found.truncation_free else 'not truncation-free'}\n")
    layers = Table("layer", "shape", box=None, pad_edge=False, header_style="bold")
    for heading in ("neurons", "weights", "values", "zeros", "vth", "beta"):
        layers.add_column(heading, justify="right")
    for row in found.layers:
        numbers = (f"{row.neurons:,}", f"{row.weights:,}", row.values, f"{row.zeros:.0%}", str(row.vth), f"{row.beta:.4g}")
        layers.add_row(row.name, "x".join(map(str, row.shape)), *numbers)
    formats = Table("format", "what it cannot say", box=None, pad_edge=False, header_style="bold")
    for name, outcome in found.formats.items():
        formats.add_row(name, "nothing is lost" if outcome == "exact" else outcome)
    console.print(layers, "", formats, sep="\n")


def write_plot(network: Network, path: str | Path) -> None:
    """Draw the network as an SVG picture, input on top. Raises ConfigError for another suffix, SnncError if unwritable."""
    if Path(path).suffix != ".svg":
        raise ConfigError(f"plot {str(path)!r} must end in .svg; any browser shows it")
    write_atomically(path, plot_svg(network).encode())


def plot_svg(network: Network) -> str:
    """Return one box for the input and each layer, and an arrow for each synapse."""
    places = {name: index for index, name in enumerate([INPUT, *(layer.name for layer in network.layers)])}
    shape = "x".join(map(str, network.input.shape))
    parts = [_box(0, INPUT, f"{shape} in {network.input.minimum}..{network.input.maximum}")]
    for layer in network.layers:
        text = f"{'x'.join(map(str, layer.output_shape))}, vth {layer.neuron.vth}, beta {layer.neuron.beta:.4g}"
        parts.append(_box(places[layer.name], layer.name, text))
        for index, synapse in enumerate(layer.synapses):
            parts.append(_arrow(places[synapse.source], places[layer.name], synapse.text(), index))
    height = len(places) * (BOX_HEIGHT + GAP) + GAP
    head = "<marker id='a' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' markerHeight='8' orient='auto'>"
    marker = f"<defs>{head}<path d='M0 0L8 4L0 8z'/></marker></defs>"
    style = f"width='{BOX_WIDTH + 340}' height='{height}' font-family='system-ui, sans-serif' font-size='12'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {style}>{marker}{''.join(parts)}</svg>\n"


def _box(place: int, name: str, text: str) -> str:
    y = GAP + place * (BOX_HEIGHT + GAP)
    return (
        f"<rect x='10' y='{y}' width='{BOX_WIDTH}' height='{BOX_HEIGHT}' rx='6' fill='#eef3fb' stroke='#1a56b8'/>"
        f"<text x='22' y='{y + 19}' font-weight='bold'>{escape(name)}</text><text x='22' y='{y + 37}'>{escape(text)}</text>"
    )


def _arrow(source: int, target: int, text: str, index: int) -> str:
    top, bottom = GAP + source * (BOX_HEIGHT + GAP) + BOX_HEIGHT, GAP + target * (BOX_HEIGHT + GAP)
    x, bend = 40 + 60 * index, BOX_WIDTH + 10
    straight = f"M{x} {top}V{bottom}"
    around = f"M{bend} {top - BOX_HEIGHT // 2}h{20 + 10 * index}V{bottom + BOX_HEIGHT // 2}H{bend}"
    line = straight if target == source + 1 else around
    label_y = bottom - GAP // 2 + 4 + 12 * index
    return (
        f"<path d='{line}' fill='none' stroke='#333' marker-end='url(#a)'/>"
        f"<text x='{x + 8 if target == source + 1 else bend + 40}' y='{label_y}' fill='#555'>{escape(text)}</text>"
    )
