"""Synapses run backward: what each neuron of a source is to the neurons that it feeds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Int64s, Shape


def transposed(synapse: Synapse, values: NDArray[Any], source: Shape) -> NDArray[Any]:
    """Return for each neuron of a source the sum of its weights times the values `(output shape)` of the neurons it feeds."""
    if not isinstance(synapse, Conv):
        return np.reshape(values.ravel() @ synapse.weight.astype(values.dtype), source)
    _, rows, columns = synapse.output_shape(source)
    (above, left), (down, right) = synapse.padding, synapse.stride
    padded = np.zeros((source[0], source[1] + 2 * above, source[2] + 2 * left), values.dtype)
    for y, x in np.ndindex(*synapse.weight.shape[2:]):
        tap = synapse.weight[:, :, y, x].astype(values.dtype)
        seen = padded[:, y : y + down * (rows - 1) + 1 : down, x : x + right * (columns - 1) + 1 : right]
        seen += np.tensordot(tap, values, axes=(0, 0))
    return padded[:, above : above + source[1], left : left + source[2]]


def fan_out(synapse: Synapse, source: Shape) -> Int64s:
    """Return for each neuron of a source how many weights that are not 0 it meets."""
    counted: Synapse
    mask = (synapse.weight != 0).astype(np.int8)
    if isinstance(synapse, Conv):
        counted = Conv(synapse.source, mask, synapse.stride, synapse.padding)
    else:
        counted = type(synapse)(synapse.source, mask)
    found: Int64s = transposed(counted, np.ones(synapse.output_shape(source), np.int64), source)
    return found
