"""NIR: writes networks as `.nir` files, and reads back the files that snnc wrote, number for number."""

from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
from nir.serialization import hdf2dict
from numpy.typing import NDArray

from snnc.export.description import layer_names, rebuild
from snnc.export.limits import DAMAGE
from snnc.export.nir.dialects import UNIT, NirOptions
from snnc.export.nir.graph import nir_graph, node_names
from snnc.toolchain.errors import FileFormatError, SnncError, one_line
from snnc.toolchain.network.network import Network

MOST_BYTES = 2**32  # of all arrays together
PACKING = 1100  # bytes that gzip can make of one
DEEPEST = 40  # groups inside groups


def content(network: Network, options: NirOptions = NirOptions()) -> bytes:  # noqa: B008 - frozen
    """Return the content of the `.nir` file of a network without violations, for one reader."""
    written = BytesIO()
    nir.write(written, nir_graph(network, options.dialect))
    return written.getvalue()


def read_nir(path: str | Path) -> Network:
    """Read a `.nir` file that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place."""
    graph = read_graph(path)
    try:
        return _network(graph)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (*DAMAGE, SnncError) as error:
        raise FileFormatError(f"{path}: not a readable .nir file of snnc ({one_line(error)}); export it again") from None


def read_graph(path: str | Path) -> nir.NIRGraph:
    """Read any NIR graph, whoever wrote it. Raises FileFormatError if it is damaged or no NIR file."""
    if not Path(path).is_file():
        raise FileFormatError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            _check_sizes(file)
            values = hdf2dict(file["node"])
        _add_what_came_later(values)
        graph = nir.dict2NIRNode(values | {"type_check": False})
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (*DAMAGE, AssertionError) as error:  # nir checks with assert
        raise FileFormatError(f"{path}: not a readable NIR graph ({one_line(error)})") from None
    if not isinstance(graph, nir.NIRGraph):
        raise FileFormatError(f"{path}: holds a single {type(graph).__name__}, not a graph")
    return graph


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
    return "snnc" in graph.metadata


def dialect_of(path: str | Path) -> str:
    """Return the dialect of a file that read_nir has accepted."""
    return _text(read_graph(path).metadata["dialect"])


def describe(network: Network, path: Path) -> str:
    """Return dialect, time step and input of a file that read_nir has accepted, for people."""
    dt = float(read_graph(path).metadata["dt"])
    return f"NIR dialect {dialect_of(path)}, one step is {dt:g} s, input: pixel - {network.input.zero_point}"


def _check_sizes(group: h5py.Group, seen: set[int] | None = None, depth: int = 0) -> int:
    """Return the bytes that a file unpacks to. Raises FileFormatError for files that claim more than they can hold.

    gzip packs at most about a thousandfold, and an object that two names share could be written out without end.
    """
    seen, total = set() if seen is None else seen, 0
    if depth > DEEPEST:
        raise FileFormatError(f"{group.name} lies more than {DEEPEST} groups deep")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FileFormatError(f"{group.name}/{name} is a link to elsewhere")
        entry = group[name]
        address = h5py.h5o.get_info(entry.id).addr
        if address in seen:
            raise FileFormatError(f"{entry.name} is stored under two names")
        seen.add(address)
        if isinstance(entry, h5py.Group):
            total += _check_sizes(entry, seen, depth + 1)
        elif isinstance(entry, h5py.Dataset) and entry.size:
            size = entry.size * entry.dtype.itemsize
            if size > PACKING * entry.id.get_storage_size():
                raise FileFormatError(f"{entry.name} claims the shape {entry.shape}, which the file does not hold")
            total += size
    if total > MOST_BYTES:
        raise FileFormatError(f"it unpacks to {total:,} bytes; allowed are {MOST_BYTES:,}")
    return total


def _network(graph: nir.NIRGraph) -> Network:
    if not is_ours(graph):
        raise FileFormatError("it was not written by snnc; `snnc import` reads graphs of others")
    description, dialect = (_text(graph.metadata[key]) for key in ("snnc", "dialect"))
    nodes = graph.nodes
    names = node_names(layer_names(description))

    def weight(layer: str, index: int) -> NDArray[Any]:
        return np.asarray(nodes[f"{names[layer]}_weight{index}"].weight)

    def bias(layer: str) -> NDArray[Any]:
        values = np.asarray(nodes[f"{names[layer]}_weight0"].bias) * UNIT
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
