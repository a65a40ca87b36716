"""Interval iteration of neurons: the least and the most that currents and membranes can be at every step, for every input.

Decay, sum and saturation are monotone, so driving the two ends of an interval step by step gives the two ends of every step.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Lif
from snnc.toolchain.network.validation import Int64s

LONGEST = 2**15  # time steps that a network can have
FAR_OUTSIDE = 2**45  # where numbers are cut off: beyond every limit, and products with 4096 still fit 64 bits


@dataclass(frozen=True)
class Reach:
    """What populations reach, one value for each neuron, rest (0) included.

    `u` and `v` are the least and the most, the membrane before a reset. `spikes` are the least and the most of a step: `(0, 0)`
    never, `(1, 1)` at every step. `broken` is the first step, counted from 1, at which a limit can be broken (0: none).
    `settled` tells whether nothing new can come after the steps that were looked at.
    """

    u: tuple[Int64s, Int64s]
    v: tuple[Int64s, Int64s]
    spikes: tuple[Int64s, Int64s]
    broken: Int64s
    settled: bool


def driven(low: Int64s, high: Int64s, neuron: Lif, timesteps: int | None, *, readout: bool = False) -> Reach:
    """Drive neurons with every input within `low..high`, in weight units, at each of `timesteps` steps.

    None takes as many steps as it needs until nothing new can come, at most LONGEST, and stops where a limit can be broken.
    A membrane `readout` must not reach above its threshold either.
    """
    columns = (low, high, neuron.bias, neuron.du, neuron.dv)
    each = np.stack([np.broadcast_to(column, neuron.shape).ravel() for column in columns]).astype(np.int64)
    kinds, which = np.unique(each, axis=1, return_inverse=True)  # neurons that are alike reach the same
    found = _Iteration(kinds, neuron.vth << lif.UNIT_SHIFT, readout=readout).run(timesteps)

    def spread(values: NDArray[Any]) -> Int64s:
        return np.asarray(values[which.ravel()].reshape(neuron.shape), np.int64)

    def both(pair: tuple[Int64s, Int64s]) -> tuple[Int64s, Int64s]:
        return spread(pair[0]), spread(pair[1])

    return Reach(both(found.u), both(found.v), both(found.spikes), spread(found.broken), found.settled)


class _Iteration:
    """The intervals of neurons, one per column of `kinds`: input low and high, bias, du, dv."""

    def __init__(self, kinds: Int64s, threshold: int, *, readout: bool):
        count = kinds.shape[1]
        self.active = np.arange(count)  # those of which something new may come
        self.constants, self.threshold = kinds, threshold
        self.most_v = min(threshold, lif.MEMBRANE_MAX) if readout else lif.MEMBRANE_MAX
        self.state = np.zeros((4, count), np.int64)  # least u, most u, least v, most v, as carried to the next step
        self.seen = self.state.copy()
        self.lowest, self.highest = np.zeros((2, count), np.int64), np.zeros((2, count), np.int64)
        self.spiked, self.always = np.zeros(count, bool), np.ones(count, bool)
        self.broken = np.zeros(count, np.int64)

    def run(self, timesteps: int | None) -> Reach:
        for step in range(1, (timesteps or LONGEST) + 1):
            self._step(step)
            if not self.active.size or (timesteps is None and self.broken.any()):
                break
        wraps = (self.lowest[0] <= -lif.STATE_LIMIT) | (self.highest[0] >= lif.STATE_LIMIT)
        spikes = ((self.always & ~wraps).astype(np.int64), (self.spiked | wraps).astype(np.int64))
        u, v = ((self.lowest[index], self.highest[index]) for index in (0, 1))
        return Reach(u, v, spikes, self.broken, not self.active.size)

    def _step(self, step: int) -> None:
        low, high, bias, du, dv = self.constants[:, self.active]
        u = self._cut(lif.decayed(self.state[:2, self.active], du + 1) + (np.stack([low, high]) << lif.UNIT_SHIFT))
        v = self._cut(lif.decayed(self.state[2:, self.active], dv) + u + bias)
        self._note(step, u, v)
        must, may = v > self.threshold
        carried_low = np.where(may, np.minimum(v[0], 0), v[0])  # a reset leaves 0
        carried_high = np.where(must, 0, np.minimum(v[1], self.threshold))
        state = np.stack([*u, carried_low, carried_high])
        before = (self.state[:, self.active], self.seen[:, self.active])
        repeated = np.any([(state == old).all(axis=0) for old in before], axis=0)  # and so does all that follows
        self.state[:, self.active] = state
        if step & (step - 1) == 0:
            self.seen = self.state.copy()
        self.active = self.active[~repeated]

    def _note(self, step: int, u: Int64s, v: Int64s) -> None:
        at, both = self.active, np.stack([u, v])  # quantity, end, neuron
        self.lowest[:, at] = np.minimum(self.lowest[:, at], both[:, 0])
        self.highest[:, at] = np.maximum(self.highest[:, at], both[:, 1])
        must, may = v > self.threshold
        self.spiked[at] |= may
        self.always[at] &= must
        outside = (u[0] <= -lif.STATE_LIMIT) | (u[1] >= lif.STATE_LIMIT) | (v[0] < -lif.MEMBRANE_MAX) | (v[1] > self.most_v)
        self.broken[at] = np.where((self.broken[at] == 0) & outside, step, self.broken[at])

    @staticmethod
    def _cut(values: Int64s) -> Int64s:
        return np.clip(values, -FAR_OUTSIDE, FAR_OUTSIDE)
