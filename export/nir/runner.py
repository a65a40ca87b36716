"""NIR as an engine: real-number neurons under NIR's own definition (dialect `spec`), with the trace in the chip's integers."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.nir.dialects import UNIT, exactness
from snnc.export.nir.file import dialect_of, read_graph
from snnc.export.nir.graph import nir_graph, node_names
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.rules import Rules
from snnc.export.nir.violations import check
from snnc.toolchain.errors import Inexact
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.trace import Trace


def why_not(network: Network, file: Path | None) -> str | None:
    """Return why real-number neurons cannot run this network exactly, or None if they can."""
    if found := list(check(network)):
        return str(found[0])
    dialect = dialect_of(file) if file else "spec"
    if dialect != "spec":
        return f"the file is written for {dialect}, whose roundings only {dialect} has; export it with --dialect spec"
    return exactness(network)  # the definition's own rules, in float64


def run_nir(network: Network, frames: NDArray[np.integer[Any]], *, file: Path | None = None) -> Trace:
    """Run frames `(F, B, ...)` of chip values; `file` is the `.nir` file that holds the network, else a graph is made.

    Raises Inexact if a membrane is no whole number of the chip's units.
    """
    graph = read_graph(file) if file else nir_graph(network)
    stream = np.broadcast_to(frames, (network.timesteps, *frames.shape[1:]))
    done = interpret(graph, stream, Rules(dt=float(graph.metadata["dt"])))
    names = node_names(layer.name for layer in network.layers)
    spikes, membranes = {}, {}
    for layer in network.layers:
        activity = done[names[layer.name]]
        units = activity.membranes * UNIT
        if not np.array_equal(units, np.rint(units)):
            raise Inexact(f"a membrane of layer {layer.name!r} lies between the chip's values")
        spikes[layer.name] = np.zeros(units.shape, bool) if network.is_readout(layer) else activity.sent.astype(bool)
        membranes[layer.name] = units.astype(np.int32)
    return Trace("nir", spikes, membranes)
