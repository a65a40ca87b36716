"""The linear nodes between two populations of a NIR graph, folded into one: scales, pools, flattening, and the weights."""

from collections.abc import Container
from dataclasses import dataclass, replace
from math import prod

import nir
import numpy as np

from snnc.export.nir.constants import Floats, stored
from snnc.export.nir.flat import FlatGraph, check_values, kernel, pair
from snnc.export.nir.interpreter import steps_of
from snnc.export.nir.rules import Rules
from snnc.export.nir.windows import Windows, whole_image
from snnc.toolchain.errors import CannotExport, FileFormatError, located
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import check_neurons

WEIGHTS = (nir.Conv1d, nir.Conv2d, nir.Linear, nir.Affine)
MOST_CHAINS = 1000  # into one node


@dataclass
class Path:
    """The linear way from one population to the next, in real numbers."""

    source: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]  # of what has been passed on so far
    weight: Floats | None = None  # (out, in, kh, kw), or (out, in) once flat; its source are the spikes, pools are folded in
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    bias: Floats | float = 0.0
    windows: Windows | None = None
    gain: Floats | None = None  # in front of the weights, of the shape passed on so far
    flattened: bool = False
    one_dimensional: bool = False  # the graph's own nodes have (C, N) where this has (C, 1, N)
    delay: int = 0  # further time steps
    crop: tuple[int, int] | None = None  # of the source, whose last rows and columns must not be there

    def finish(self, node: str) -> None:
        """Give a path without weights those that pass on each neuron, or channel, to itself."""
        if self.weight is not None:
            return
        check_values(node, "identity weights", self.shape[0], self.shape[0])
        if self.windows is not None and self.flattened:
            weight = np.eye(prod(self.shape)) * (1.0 if self.gain is None else self.gain.ravel())
            self.weight = self.windows.matrix(node, weight)
        elif len(self.shape) == 1:
            self.weight = np.diag(np.ones(self.shape) if self.gain is None else self.gain.reshape(self.shape))
        else:
            gains = np.ones(self.shape[0]) if self.gain is None else per_channel(node, self.gain)
            _convolve(self, node, np.diag(gains)[:, :, None, None], (1, 1), (0, 0))

    def synapse(self, weight: Floats) -> Synapse:
        """Return the integer synapse of this path for whole weights of its shape."""
        integers = weight.astype(np.int32)
        if weight.ndim == 4:
            return Conv(self.source, integers, self.stride, self.padding, self.delay)
        return Dense(self.source, integers, self.delay)


@dataclass(frozen=True)
class Chain:
    """The linear nodes from a population to what takes them, in order; `loops` if its first edge takes a step of a loop.

    Where chains meet in front of a node, what they bring is added up. Only the first of them counts the node's bias, `biased`
    tells whose it is.
    """

    source: str
    nodes: tuple[str, ...] = ()
    biased: frozenset[str] = frozenset()
    loops: bool = False


def chains_to(flat: FlatGraph, target: str, populations: Container[str]) -> list[Chain]:
    """Return all chains from populations to a node. Raises CannotExport where one begins at no population, or for too many."""
    found = list[Chain]()
    for name in flat.sources[target]:
        if name in populations:
            found.append(Chain(name, loops=(name, target) in flat.back))
            continue
        inner = chains_to(flat, name, populations)
        if not inner:
            raise CannotExport(f"node {name!r} has no source; connect or remove it")
        for chain in inner:
            own = {name} if chain is inner[0] else set[str]()
            found.append(replace(chain, nodes=(*chain.nodes, name), biased=chain.biased | own))
        if len(found) > MOST_CHAINS:
            raise CannotExport(f"node {target!r} adds more than {MOST_CHAINS:,} ways; put neurons between them")
    return found


def path_along(
    flat: FlatGraph,
    chain: Chain,
    shapes: dict[str, tuple[int, ...]],
    names: dict[str, str],
    rules: Rules,
    *,
    one_dimensional: bool,
) -> Path:
    """Return the way along a chain, from the population behind it. Raises CannotExport, naming the node, for none."""
    source = shapes[chain.source]
    path = Path(names[chain.source], source, source, one_dimensional=one_dimensional, delay=int(chain.loops))
    for name in chain.nodes:
        append(path, name, flat.nodes[name], rules)
        if name not in chain.biased and isinstance(flat.nodes[name], WEIGHTS):
            path.bias = 0.0
        with located(f"node {name!r}"):
            check_neurons([path.shape])
    path.finish(chain.nodes[-1] if chain.nodes else chain.source)
    return path


def append(path: Path, name: str, node: nir.NIRNode, rules: Rules) -> None:
    """Let a path go through a linear node. Raises CannotExport, naming the node, if it cannot."""
    if isinstance(node, (nir.Input, nir.Output)):
        return
    if isinstance(node, nir.Delay):
        if np.any(path.bias):
            raise CannotExport(f"node {name!r} delays what has a bias; put it in front of the weights")
        path.delay += steps_of(name, node, rules)
        return
    if isinstance(node, nir.Flatten):
        if path.weight is not None and len(path.shape) == 3:
            raise CannotExport(
                f"node {name!r} flattens between weights and neurons; flatten the spikes after the neurons instead"
            )
        path.flattened = True
        path.shape = (prod(path.shape),)
    elif isinstance(node, nir.Scale):
        _scale(path, name, stored(node.scale))
    elif isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        _pool(path, name, node)
    elif isinstance(node, WEIGHTS) and path.weight is not None:
        raise CannotExport(f"node {name!r} is a second layer of weights without neurons between; multiply the two first")
    elif isinstance(node, (nir.Conv1d, nir.Conv2d)):
        weight, stride, padding = kernel(name, node)
        if weight.shape[1] != path.shape[0]:
            raise FileFormatError(f"node {name!r} takes {weight.shape[1]} channels and gets {path.shape}; mend the file")
        weight = weight if path.gain is None else weight * per_channel(name, path.gain).reshape(1, -1, 1, 1)
        _convolve(path, name, weight, stride, padding)
        path.bias = stored(node.bias)
    elif isinstance(node, (nir.Linear, nir.Affine)):
        _multiply(path, name, node)
    else:
        raise CannotExport(f"node {name!r} is a {type(node).__name__}, which has no counterpart on the chip")


def _multiply(path: Path, name: str, node: nir.NIRNode) -> None:
    if node.weight.shape[-1] != prod(path.shape):
        raise FileFormatError(f"node {name!r} takes {node.weight.shape[-1]} inputs and gets {path.shape}; mend the file")
    path.weight = stored(node.weight) * (1.0 if path.gain is None else path.gain.reshape(1, -1))
    if path.windows is not None:
        path.weight = path.windows.matrix(name, path.weight)
    path.bias = stored(getattr(node, "bias", np.zeros(len(path.weight))))
    path.shape = (len(path.weight),)


def _convolve(path: Path, name: str, weight: Floats, stride: tuple[int, int], padding: tuple[int, int]) -> None:
    shape = Conv(path.source, np.ones(weight.shape, np.int8), stride, padding).output_shape(path.shape)
    if path.windows is not None:
        weight, stride, padding, path.crop = path.windows.kernel(name, weight, stride, padding)
        if path.crop == path.windows.source:
            path.crop = None
    path.weight, path.stride, path.padding, path.shape = weight, stride, padding, shape


def _scale(path: Path, name: str, scale: Floats) -> None:
    """Multiply what is passed on, as numpy broadcasts it over the shape that the graph's own nodes have."""
    shape = path.shape[::2] if path.one_dimensional and len(path.shape) == 3 else path.shape
    try:
        factors = np.broadcast_to(scale, shape).reshape(path.shape)
    except ValueError:
        raise CannotExport(f"node {name!r} scales {shape} by an array of shape {scale.shape}, which do not fit") from None
    if path.weight is None:
        path.gain = factors if path.gain is None else path.gain * factors
        return
    outputs = per_channel(name, factors) if path.weight.ndim == 4 else factors.ravel()
    path.weight = path.weight * outputs.reshape(-1, *[1] * (path.weight.ndim - 1))
    path.bias = path.bias * outputs


def per_channel(name: str, factors: Floats) -> Floats:
    """Return one factor for each channel of `(C, H, W)`. Raises CannotExport where they differ within one."""
    flat = factors.reshape(factors.shape[0], -1)
    if (flat != flat[:, :1]).any():
        raise CannotExport(f"node {name!r}: neurons of one channel are scaled differently; fold it into the weights first")
    return flat[:, 0]


def _pool(path: Path, name: str, node: nir.NIRNode) -> None:
    size, stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
    if path.weight is not None:
        raise CannotExport(f"node {name!r} pools between weights and neurons; pool the spikes after the neurons instead")
    if path.flattened or len(path.shape) != 3:
        raise CannotExport(f"node {name!r} pools what is no image (C, H, W); pool in front of the Flatten")
    path.windows = (path.windows or whole_image(path.shape)).behind(name, size, stride, padding)
    before = np.ones(path.shape[0]) if path.gain is None else per_channel(name, path.gain)
    path.shape = (path.shape[0], *path.windows.pooled)
    share = 1.0 if isinstance(node, nir.SumPool2d) else 1 / (size[0] * size[1])
    path.gain = np.broadcast_to((before * share).reshape(-1, 1, 1), path.shape)
