"""What a network did on the first samples: inputs, predictions, rasters of spikes, histograms of membranes and weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.verify import InMemory

SHOWN = 8  # samples whose input and prediction are shown
ROWS = 96  # neurons of a layer that a raster shows at most
BINS = 32
SIDE = 48  # pixels of a shown input in each direction at most
UNIT = 2**lif.UNIT_SHIFT  # membrane units of one weight unit


def activity(network: Network, part: InMemory, trace: Trace) -> dict[str, Any]:
    """Return as plain values the first of some samples, and what a trace has of them, layer by layer."""
    count = min(SHOWN, part.count)
    part, trace = part.part(0, count), trace.first(count)
    return {
        "samples": _samples(network, part, trace),
        "recorded": part.count,
        "layers": [_layer(layer, trace, network) for layer in network.layers],
    }


def _samples(network: Network, part: InMemory, trace: Trace) -> list[dict[str, Any]]:
    outputs = trace.outputs(network)
    decided = decisions(network, outputs)
    names = network.labels or tuple(map(str, range(network.classes)))
    return [
        {
            "index": index,
            "label": None if part.labels is None else names[int(part.labels[index])],
            "predicted": names[int(decided[index])],
            "correct": None if part.labels is None else bool(decided[index] == part.labels[index]),
            "outputs": outputs[index].tolist(),
            "pixels": pixels(part.frames[:, index], network).tolist(),
        }
        for index in range(part.count)
    ]


def pixels(frames: NDArray[Any], network: Network) -> NDArray[np.uint8]:
    """Return a picture `(H, W)` or `(H, W, 3)`, 0..255, of one sample's frames `(F, *input.shape)`.

    Several frames are averaged, and the largest mean is the brightest: events are so rare that all would be dark. Of two
    channels, the polarities of events, one is red and the other blue; three are the colors; of more, the mean is shown.
    Features without places are rows of 32. Of a large picture every n-th pixel is shown.
    """
    values = frames.mean(axis=0) - network.input.minimum
    brightest = values.max() if len(frames) > 1 else network.input.maximum - network.input.minimum
    values = values / (brightest or 1) * 255
    if values.ndim == 1:
        rows = -(-len(values) // 32)
        values = np.pad(values, (0, rows * 32 - len(values)))[None].reshape(1, rows, 32) if rows > 1 else values[None, None]
    stride = max(-(-max(values.shape[1:]) // SIDE), 1)
    values = values[:, ::stride, ::stride]
    if len(values) == 2:
        shown = np.stack([values[0], np.zeros_like(values[0]), values[1]], axis=-1)
    elif len(values) == 3:
        shown = values.transpose(1, 2, 0)
    else:
        shown = values.mean(axis=0)
    return shown.round().astype(np.uint8)


def _layer(layer: Layer, trace: Trace, network: Network) -> dict[str, Any]:
    spikes, membranes = trace.spikes[layer.name], trace.membranes[layer.name]
    flat = spikes[:, 0].reshape(len(spikes), -1)
    rows = np.unique(np.linspace(0, flat.shape[1] - 1, min(ROWS, flat.shape[1])).round().astype(int))
    counts, edges = np.histogram(membranes / UNIT, BINS)
    return {
        "name": layer.name,
        "raster": {"neurons": rows.tolist(), "spikes": [np.flatnonzero(flat[:, row]).tolist() for row in rows]},
        "membranes": {"edges": edges.tolist(), "counts": counts.tolist()},
        "threshold": None if network.is_readout(layer) else layer.neuron.vth,
        "weights": _weights(layer),
    }


def _weights(layer: Layer) -> dict[str, Any]:
    """Return a bar for each value of the weights where these are few, else equal bins."""
    weights = np.concatenate([synapse.weight.ravel() for synapse in layer.synapses]).astype(np.int64)
    low, high = int(weights.min()), int(weights.max())
    edges = np.arange(low, high + 2) - 0.5 if high - low < BINS else np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(weights, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
