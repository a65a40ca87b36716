"""What integer read-outs say about classes: probabilities, and the one that is decided for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError, NetworkError
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

    A committee decides by the mean of its members' probabilities. Raises DataError for outputs that are not the network's.
    """
    values = _of_members(network, outputs)[0] if network.members == 1 else probabilities(network, outputs)
    decided: NDArray[np.int64] = values.argmax(axis=1)
    return decided


@dataclass(frozen=True, eq=False)
class Committee:
    """What members say about B samples: logits `(members, B, classes)`, and the class of each member alone `(members, B)`."""

    logits: Floats
    of_members: NDArray[np.int64]

    @cached_property
    def probabilities(self) -> Floats:
        """The probabilities `(B, classes)` that the members have in the mean, by which the committee decides."""
        averaged: Floats = softmax(self.logits).mean(axis=0)
        return averaged

    @cached_property
    def decisions(self) -> NDArray[np.int64]:
        """The class `(B,)` that the committee decides for."""
        decided: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return decided

    @cached_property
    def votes(self) -> NDArray[np.int64]:
        """How many members `(B,)` alone decide as the committee does."""
        votes: NDArray[np.int64] = (self.of_members == self.decisions).sum(axis=0)
        return votes


def committee(networks: Sequence[Network], outputs: NDArray[np.int64]) -> Committee:
    """Return what networks say together, from the read-outs `(B, outputs)` of one after the other.

    Raises DataError for no network, another number of outputs, or of classes, NetworkError as `logits_of`.
    """
    widths, classes = [network.layers[-1].neurons for network in networks], {network.classes for network in networks}
    if not networks:
        raise DataError("a committee without members decides nothing; give at least one network")
    if len(classes) != 1 or outputs.ndim != 2 or outputs.shape[1] != sum(widths):
        raise DataError(
            f"outputs of shape {outputs.shape} for members with {' + '.join(map(str, widths))} outputs; give those of one "
            "member after the other, (samples, outputs), and members of the same classes"
        )
    parts = np.split(outputs, np.cumsum(widths)[:-1], axis=1)
    pairs = list(zip(networks, parts, strict=True))
    of_members = np.concatenate([_of_members(*pair).argmax(axis=2) for pair in pairs])
    return Committee(np.concatenate([logits_of(*pair) for pair in pairs]), of_members)


def _of_members(network: Network, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    width = network.members * network.classes
    if outputs.ndim != 2 or outputs.shape[1] != width:
        raise DataError(f"outputs of shape {outputs.shape} are not those of {network.name!r}; allowed is (samples, {width})")
    return outputs.reshape(len(outputs), network.members, network.classes).swapaxes(0, 1)
