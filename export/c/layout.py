"""How weights and spikes lie in memory: two bits a ternary weight, whole bytes of channels, pixels by rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.grid import Grid, grid_of
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Shape

Numbers = NDArray[np.integer]
SIZES = (8, 16, 32)
TERNARY = 2  # bits of a weight


def bits_of(values: Numbers) -> int:
    """Return the bits of the smallest signed C type that holds all values."""
    return next(bits for bits in SIZES if -(2 ** (bits - 1)) <= int(values.min()) and int(values.max()) < 2 ** (bits - 1))


def weight_bits(synapse: Synapse) -> int:
    """Return 2 for weights of -1, 0 and 1 over spikes, else the bits of a signed type."""
    ternary = int(synapse.weight.min()) >= -1 and int(synapse.weight.max()) <= 1
    return TERNARY if ternary and synapse.source != INPUT else bits_of(synapse.weight)


def grid_in_c(synapse: Synapse, source: Shape) -> Grid:
    """Return the convolution that C computes; inputs are not pooled, so that the sums of graded values stay small."""
    return grid_of(synapse, source, pooling=synapse.source != INPUT)


def packed(grid: Grid, bits: int) -> Numbers:
    """Return the weights as C stores them: `(out, kernel y, kernel x, channels)`, for two bits a byte of +1s, then of -1s."""
    ordered = grid.weight.transpose(0, 2, 3, 1)
    if bits != TERNARY:
        return ordered.ravel()
    spare = [(0, 0)] * 3 + [(0, -ordered.shape[-1] % 8)]
    planes = [np.packbits(np.pad(ordered == sign, spare), axis=-1, bitorder="little") for sign in (1, -1)]
    return np.concatenate(planes, axis=-1).ravel()


def unpacked(stored: Numbers, grid_shape: Shape, bits: int) -> Numbers:
    """Return what `packed` was given as `(out, channels, kernel y, kernel x)`. Raises ValueError for another number."""
    out, channels, *kernel = grid_shape
    if bits == TERNARY:
        width = -(-channels // 8)
        planes = stored.astype(np.uint8).reshape(out, *kernel, 2, width)
        signs = np.unpackbits(planes, axis=-1, count=channels, bitorder="little").astype(np.int8)
        stored = signs[..., 0, :] - signs[..., 1, :]
    return stored.reshape(out, *kernel, channels).transpose(0, 3, 1, 2)


def ungridded(weight: Numbers, pool: int, kind: str, shape: Shape) -> Numbers:
    """Return the weight of a synapse from that of its grid: taps repeated pool x pool, flat for dense synapses."""
    grown = weight.repeat(pool, axis=2).repeat(pool, axis=3)
    return grown if kind == Conv.__name__ else grown.reshape(shape)


def pixels_first(values: Numbers, shape: Shape) -> Numbers:
    """Return one number for each neuron of a shape `(C, H, W)` in the order of C's loops: rows, columns, channels."""
    full = np.broadcast_to(values, shape)
    return (full.transpose(1, 2, 0) if len(shape) == 3 else full).ravel()


def channels_first(values: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Undo `pixels_first` along the last axis."""
    lead = values.shape[:-1]
    if len(shape) != 3:
        return values.reshape(*lead, *shape)
    channels, height, width = shape
    return np.moveaxis(values.reshape(*lead, height, width, channels), -1, -3)
