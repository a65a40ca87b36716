"""Any feed-forward NIR graph as a flat, ordered chain of nodes: nested graphs opened, parameters brought to one form."""

from dataclasses import dataclass
from math import prod
from typing import Any

import nir
import numpy as np

from snnc.export.nir.constants import Floats, stored
from snnc.export.nir.loops import Edge, ordered
from snnc.export.nir.neurons import NEURONS
from snnc.toolchain.errors import FileFormatError

SIZES = ("stride", "kernel_size", "dilation", "groups", "padding")
MOST = 2**16
MOST_VALUES = 2**26  # of one array that a node stands for


@dataclass(frozen=True)
class FlatGraph:
    """Nodes in an order in which each comes after all its sources, and the sources of each.

    `back` holds the edges out of neurons on which a loop takes one step.
    """

    nodes: dict[str, nir.NIRNode]
    sources: dict[str, list[str]]
    back: frozenset[Edge] = frozenset()


def flat_graph(graph: nir.NIRGraph) -> FlatGraph:
    """Open nested graphs and order all nodes. Raises FileFormatError for loops without neurons and edges that lead nowhere."""
    nodes, edges = _opened(graph, "")
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for before, after in edges:
        for name in (before, after):
            if name not in nodes:
                raise FileFormatError(f"an edge names the node {name!r}, which the graph does not have; mend the file")
        sources[after].append(before)
    order, back = ordered(sources, lambda name: isinstance(nodes[name], NEURONS))
    for name, node in nodes.items():
        _check_numbers(name, node)
    return FlatGraph({name: nodes[name] for name in order}, sources, back)


def _check_numbers(name: str, node: nir.NIRNode) -> None:
    """Raise FileFormatError for parameters that are no finite numbers, and for sizes that are none."""
    for key, value in node.to_dict().items():
        if (
            key in ("type", "metadata", "input_type", "output_type", "input_shape")
            or value is None
            or isinstance(value, str | bytes)
        ):
            continue
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" or not array.size or not np.isfinite(array).all():
            raise FileFormatError(f"node {name!r}: its {key} is not made of finite numbers; mend the file")
        least = {"stride": 1, "kernel_size": 1, "dilation": 1, "groups": 1, "padding": 0}.get(key)
        if (least is not None and (array < least).any()) or (key in SIZES and (array > MOST).any()):
            raise FileFormatError(f"node {name!r}: its {key} is {array.tolist()}; allowed are {least} to {MOST}")
        if key in ("tau", "tau_syn", "tau_mem") and (array <= 0).any():
            raise FileFormatError(f"node {name!r}: its {key} is {array.min():g} s; allowed is above 0")


def _opened(graph: nir.NIRGraph, prefix: str) -> tuple[dict[str, nir.NIRNode], list[tuple[str, str]]]:
    nodes: dict[str, nir.NIRNode] = {}
    edges: list[tuple[str, str]] = []
    entry, leave = {}, {}
    for name, node in graph.nodes.items():
        full = entry[name] = leave[name] = prefix + name
        if not isinstance(node, nir.NIRGraph):
            nodes[full] = node
            continue
        inner_nodes, inner_edges = _opened(node, full + ".")
        nodes |= inner_nodes
        edges += inner_edges
        entry[name] = _only(node, nir.Input, full)
        leave[name] = _only(node, nir.Output, full)
    known = {str(name) for name in graph.nodes}
    for before, after in graph.edges:
        missing = {str(before), str(after)} - known
        if missing:
            raise FileFormatError(f"an edge names the node {missing.pop()!r}, which the graph does not have; mend the file")
        edges.append((leave[str(before)], entry[str(after)]))
    return nodes, edges


def _only(graph: nir.NIRGraph, kind: type[nir.NIRNode], name: str) -> str:
    found = [inner for inner, node in graph.nodes.items() if isinstance(node, kind)]
    if len(found) != 1:
        raise FileFormatError(f"graph {name!r} has {len(found)} {kind.__name__} nodes; allowed is one")
    return f"{name}.{found[0]}"


def pair(value: Any) -> tuple[int, int]:
    """Return a size that may be a number or two as height and width."""
    numbers = [int(x) for x in np.ravel(value)]
    return (numbers[0], numbers[-1])


def kernel(name: str, node: nir.NIRNode) -> tuple[Floats, tuple[int, int], tuple[int, int]]:
    """Return a convolution as a plain one: weight `(out, in, kh, kw)`, stride, padding; groups and dilation are written out.

    A Conv1d is a convolution of height 1. Raises FileFormatError for paddings that differ from side to side.
    """
    weight = stored(node.weight)
    flat = weight.ndim == 3
    weight = weight[:, :, None] if flat else weight
    (sy, sx), (dy, dx) = ((1, int(np.ravel(v)[0])) if flat else pair(v) for v in (node.stride, node.dilation))
    out, per_group, height, width = weight.shape
    groups = int(np.ravel(node.groups)[0])
    tall, wide = dy * (height - 1) + 1, dx * (width - 1) + 1
    check_values(name, "kernel, groups and dilation written out,", out, per_group, groups, tall, wide)
    spread = np.zeros((out, per_group, tall, wide))
    spread[:, :, ::dy, ::dx] = weight
    whole = np.zeros((out, per_group * groups, *spread.shape[2:]))
    for group in range(groups):
        rows = slice(group * out // groups, (group + 1) * out // groups)
        whole[rows, group * per_group : (group + 1) * per_group] = spread[rows]
    return whole, (sy, sx), _padding(name, node.padding, spread.shape[2:], (sy, sx), flat=flat)


def check_values(name: str, what: str, *sizes: int) -> None:
    """Raise FileFormatError if an array of these sizes is larger than any of a network that can be meant."""
    if prod(sizes) > MOST_VALUES:
        raise FileFormatError(f"node {name!r}: its {what} would have {prod(sizes):,} values; allowed are {MOST_VALUES:,}")


def _padding(name: str, padding: Any, size: tuple[int, ...], stride: tuple[int, int], *, flat: bool) -> tuple[int, int]:
    text = padding.decode() if isinstance(padding, bytes) else padding
    if isinstance(text, str):
        even = size[0] % 2 == size[1] % 2 == 1 and stride == (1, 1)
        if text == "same" and not even:
            raise FileFormatError(f"node {name!r}: padding 'same' of an even kernel or a stride differs from side to side")
        return (size[0] // 2, size[1] // 2) if text == "same" else (0, 0)
    return (0, int(np.ravel(padding)[0])) if flat else pair(padding)
