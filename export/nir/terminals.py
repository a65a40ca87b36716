"""Where a NIR graph begins and ends: its input without a batch axis, and the population whose activity it sends out."""

from math import prod

import nir
import numpy as np

from snnc.export.nir.flat import FlatGraph
from snnc.toolchain.errors import CannotExport, FileFormatError
from snnc.toolchain.network.network import INPUT

PASSES_ON = (nir.Output, nir.Flatten, nir.Input)


def input_of(flat: FlatGraph) -> tuple[str, tuple[int, ...], bool]:
    """Return the node of the input, its shape as `(C, H, W)` or `(features,)`, and whether the graph's own is `(C, length)`."""
    inputs = [name for name, node in flat.nodes.items() if isinstance(node, nir.Input) and not flat.sources[name]]
    if len(inputs) != 1:
        raise FileFormatError(f"the graph has {len(inputs)} inputs; allowed is one")
    node = flat.nodes[inputs[0]]
    shape = tuple(int(size) for size in np.ravel(node.input_type["input"]))
    shape = _without_batch(shape, _first_reader(flat, inputs[0]))
    if len(shape) == 2:
        return inputs[0], (shape[0], 1, shape[1]), True  # a signal of length N is an image of height 1
    return inputs[0], shape, False


def _first_reader(flat: FlatGraph, name: str) -> nir.NIRNode | None:
    """Return the first node behind the input that tells its shape."""
    for after in targets(flat, name):
        node = flat.nodes[after]
        return _first_reader(flat, after) if isinstance(node, (nir.Input, nir.Scale)) else node
    return None


def _without_batch(shape: tuple[int, ...], reader: nir.NIRNode | None) -> tuple[int, ...]:
    if len(shape) < 2 or shape[0] != 1:
        return shape
    dimensions = {nir.Conv2d: 3, nir.SumPool2d: 3, nir.AvgPool2d: 3, nir.Conv1d: 2, nir.Linear: 1, nir.Affine: 1}
    expected = next((count for kind, count in dimensions.items() if isinstance(reader, kind)), None)
    if expected is None:
        expected = 3 if len(shape) > 3 else len(shape)
        if (
            len(shape) == 2
            and isinstance(reader, (nir.LIF, nir.IF, nir.CubaLIF))
            and np.size(reader.v_threshold) == prod(shape)
        ):
            expected = np.ndim(reader.v_threshold)
    return shape[1:] if len(shape) == expected + 1 else shape


def output_of(flat: FlatGraph, names: dict[str, str]) -> str:
    """Return the population whose activity the graph sends out."""
    outputs = [name for name, node in flat.nodes.items() if isinstance(node, nir.Output) and not targets(flat, name)]
    if len(outputs) != 1:
        raise CannotExport(f"the graph has {len(outputs)} outputs; allowed is one")
    name = outputs[0]
    while name not in names:
        if not isinstance(flat.nodes[name], PASSES_ON) or len(flat.sources[name]) != 1:
            raise CannotExport(
                f"node {name!r}, of type {type(flat.nodes[name]).__name__}, lies between the last neurons and the output; "
                "end the graph with neurons (LIF, IF, CubaLIF, LI)"
            )
        name = flat.sources[name][0]
    unused = [other for other in names if other != name and names[other] != INPUT and not targets(flat, other)]
    if unused or names[name] == INPUT:
        raise CannotExport(f"node {(unused or [name])[0]!r} leads to no output; remove it")
    return name


def targets(flat: FlatGraph, name: str) -> list[str]:
    """Return the nodes that a node sends to."""
    return [after for after, sources in flat.sources.items() if name in sources]
