"""What integer read-outs say about classes: probabilities, and the one that is decided for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.network import Network

Floats = NDArray[np.float64]


def softmax(logits: NDArray[Any]) -> Floats:
    """Return the probabilities of logits along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def logits_of(network: Network, outputs: NDArray[np.int64]) -> Floats:
    """Return the logits `(members, B, classes)` of read-outs `(B, outputs)`.

    Raises NetworkError if the network does not say how many units a logit has.
    """
    if not network.logit_units:
        raise NetworkError(
            f"{network.name!r} does not say how many units of its read-out make a logit, so it has no probabilities; "
            "export it again from its checkpoint, or fit the unit to data with --calibrate"
        )
    return _of_members(network, outputs) / network.logit_units


def unscaled(network: Network, outputs: NDArray[np.int64]) -> Floats:
    """Return the read-outs `(members, B, classes)` in units of their own deviation, for networks of an unknown unit.

    Their order is that of the logits; a fitted temperature turns them into logits.
    """
    values: Floats = _of_members(network, outputs) / max(float(outputs.std()), 1.0)
    return values


def probabilities(network: Network, outputs: NDArray[np.int64]) -> Floats:
    """Return the probabilities `(B, classes)` of read-outs `(B, outputs)`: of a committee, the mean of its members'."""
    averaged: Floats = softmax(logits_of(network, outputs)).mean(axis=0)
    return averaged


def decisions(network: Network, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class `(B,)` that each read-out `(B, outputs)` decides for: the largest, by integers alone.

    A committee decides by the mean of its members' probabilities.
    """
    values = outputs if network.members == 1 else probabilities(network, outputs)
    decided: NDArray[np.int64] = values.argmax(axis=1)
    return decided


def _of_members(network: Network, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return outputs.reshape(len(outputs), network.members, network.classes).swapaxes(0, 1)
