"""NIR: writes networks as `.nir` files, and reads back the files that snnc wrote, number for number."""

from io import BytesIO
from pathlib import Path
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from snnc.export.description import layer_names, rebuild
from snnc.export.hdf5.tree import Group, Values, read_tree
from snnc.export.limits import file_bytes, reading
from snnc.export.nir.dialects import UNIT, NirOptions
from snnc.export.nir.graph import nir_graph, node_names
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Network
from snnc.toolchain.seal import Seal, seal_of, sealed

OURS = "snnc"  # in the metadata of a graph that snnc wrote: its description


def content(network: Network, options: NirOptions = NirOptions()) -> bytes:  # noqa: B008 - frozen
    """Return the content of the `.nir` file of a network without violations, for one reader."""
    written = BytesIO()
    nir.write(written, nir_graph(network, options.dialect))
    return sealed(written.getvalue())


def read_nir(path: str | Path) -> Network:
    """Read a `.nir` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place."""
    graph = read_graph(path)
    with reading(path, "a readable .nir file of snnc"):
        return _network(graph)


def read_graph(path: str | Path) -> nir.NIRGraph:
    """Read any NIR graph, whoever wrote it.

    Raises FileFormatError if it is damaged or no NIR file; where snnc wrote it, also if it was changed in any place since.
    """
    with reading(path, "a readable NIR graph", AssertionError):  # nir checks with assert
        found = file_bytes(path)
        seal = seal_of(found)
        seal.check(Seal.ABSENT)
        values = _as_nir_reads(read_tree(found).group("node"))
        _add_what_came_later(values)
        graph = nir.dict2NIRNode(values | {"type_check": False})
        if not isinstance(graph, nir.NIRGraph):
            raise FileFormatError(f"holds a single {type(graph).__name__}, not a graph")
        if is_ours(graph):
            seal.check()
    return graph


def _as_nir_reads(group: Group) -> dict[str, Any]:
    """Return a group as nir.serialization.hdf2dict returns it: texts as str, single numbers as numpy's, all else as arrays."""
    found: dict[str, Any] = {}
    for name, each in group.members.items():
        if isinstance(each, Values):
            value = each.array[()] if each.array.ndim == 0 else each.array
            found[name] = value.decode() if isinstance(value, bytes) else value
        else:
            found[name] = _as_nir_reads(each)
    return found


def _add_what_came_later(node: dict[str, Any]) -> None:
    """Give the nodes of old files (nir 0.1 to 1.0.4) the fields that newer versions ask for."""
    kind = _text(node.get("type", ""))
    if kind in ("Conv1d", "Conv2d"):
        node.setdefault("input_shape", None)
    if kind in ("LIF", "IF", "CubaLIF") and "v_threshold" in node:
        node.setdefault("v_reset", np.zeros_like(node["v_threshold"]))
    for inner in node.get("nodes", {}).values():
        _add_what_came_later(inner)


def is_ours(graph: nir.NIRGraph) -> bool:
    """Tell whether snnc wrote the graph."""
    return OURS in graph.metadata


def dialect_of(path: str | Path) -> str:
    """Return the dialect of a file that read_nir has accepted."""
    return _text(read_graph(path).metadata["dialect"])


def describe(network: Network, path: Path) -> str:
    """Return dialect, time step and input of a file that read_nir has accepted, for people."""
    dt = float(read_graph(path).metadata["dt"])
    return f"NIR dialect {dialect_of(path)}, one step is {dt:g} s, input: pixel - {network.input.zero_point}"


def _network(graph: nir.NIRGraph) -> Network:
    if not is_ours(graph):
        raise FileFormatError("it was not written by snnc; `snnc import` reads graphs of others")
    description, dialect = (_text(graph.metadata[key]) for key in (OURS, "dialect"))
    nodes = graph.nodes
    names = node_names(layer_names(description))

    def weight(layer: str, index: int) -> NDArray[Any]:
        return np.asarray(nodes[f"{names[layer]}_weight{index}"].weight)

    def bias(layer: str) -> NDArray[Any]:
        values = np.asarray(nodes[f"{names[layer]}_weight0"].bias, np.float64) * UNIT
        if not (np.abs(values) < lif.STATE_LIMIT).all():
            raise FileFormatError(
                f"layer {layer!r}: a bias is no number of the chip; it was damaged or edited, export it again"
            )
        shape = np.shape(getattr(nodes[names[layer]], "r", values))
        return np.asarray(values.reshape(-1, *[1] * (len(shape) - 1)), np.int64)

    network = rebuild(description, weight, bias)
    fresh = nir_graph(network, dialect)
    if sorted(map(tuple, graph.edges)) != sorted(fresh.edges) or set(nodes) != set(fresh.nodes):
        raise FileFormatError("its nodes or edges differ from what snnc writes, so it was edited; export it again")
    if {key: _text(value) for key, value in graph.metadata.items()} != {k: str(v) for k, v in fresh.metadata.items()}:
        raise FileFormatError("its metadata differ from what snnc writes, so it was edited; export it again")
    for name, node in fresh.nodes.items():
        if not _same(nodes[name], node):
            raise FileFormatError(f"node {name!r} is not what snnc writes, so it was edited; export it again")
    return network


def _same(read: nir.NIRNode, fresh: nir.NIRNode) -> bool:
    if type(read) is not type(fresh):
        return False
    ours, theirs = fresh.to_dict(), read.to_dict()
    return set(ours) == set(theirs) and all(np.array_equal(np.asarray(ours[key]), np.asarray(theirs[key])) for key in ours)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
