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
PATIENCE = 256  # steps after which a formula, which is less tight, may settle what goes on
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
        self.moved = np.zeros_like(self.state)  # by the last step
        self.steady = False  # by the step before, too
        self.closed = False

    def run(self, timesteps: int | None) -> Reach:
        step, last = 0, timesteps or LONGEST
        while step < last and self.active.size and not (timesteps is None and self.broken.any()):
            step += self._uneventful(last - step - 1) + 1
            self._step(step)
            if timesteps is None and step >= PATIENCE and not self.closed:
                self._close()
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
        moved = state - before[0]
        self.steady = bool((moved == self.moved[:, self.active]).all())
        self.moved[:, self.active] = moved
        self.state[:, self.active] = state
        if step & (step - 1) == 0:
            self.seen = self.state.copy()
        self.active = self.active[~repeated]

    def _uneventful(self, most: int) -> int:
        """Take as many steps as all membranes go on by the same amount, and return how many: they integrate without a leak."""
        constants, moved, state = (array[:, self.active] for array in (self.constants, self.moved, self.state))
        if not self.steady or constants[4].any() or moved[:2].any():
            return 0
        marks = np.array([-self.most_v, -lif.MEMBRANE_MAX, 0, self.threshold, lif.MEMBRANE_MAX])[:, None, None]
        ahead = np.where(moved[2:] > 0, marks - state[2:], state[2:] - marks)  # how far it is to where anything changes
        steps = np.where((ahead > 0) & (moved[2:] != 0), ahead // np.maximum(np.abs(moved[2:]), 1), most)
        count = max(0, min(most, int(steps.min()) - 1))
        self.state[2:, self.active] += count * moved[2:]
        return count

    def _close(self) -> None:
        """Settle neurons that a formula keeps within all limits for ever: what comes in, times all steps that it is kept.

        Rounding goes toward zero, so it only makes less of it.
        """
        self.closed = True
        low, high, bias, du, dv = self.constants[:, self.active]
        with np.errstate(divide="ignore", invalid="ignore"):
            u_low, u_high = -_kept(-(low << lif.UNIT_SHIFT), du + 1), _kept(high << lif.UNIT_SHIFT, du + 1)
            v_low, carried = -_kept(-u_low - bias, dv), np.minimum(_kept(u_high + bias, dv), self.threshold)
        v_high = carried + np.maximum(u_high + bias, 0)
        inside = (
            (u_low > -lif.STATE_LIMIT) & (u_high < lif.STATE_LIMIT) & (v_low >= -lif.MEMBRANE_MAX) & (v_high <= self.most_v)
        )
        at = self.active[inside]
        ends = np.stack([[u_low, v_low], [u_high, v_high]])[:, :, inside].astype(np.int64)
        self.lowest[:, at] = np.minimum(self.lowest[:, at], ends[0])
        self.highest[:, at] = np.maximum(self.highest[:, at], ends[1])
        self.spiked[at] |= self.highest[1, at] > self.threshold
        self.always[at] = False
        self.active = self.active[~inside]

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


def _kept(each_step: Any, decay: Int64s) -> NDArray[np.float64]:
    """Return the most, at least 0, that inputs of each step add up to where `decay` parts in 4096 are lost in a step."""
    gained = np.maximum(np.asarray(each_step, np.float64), 0)
    total: NDArray[np.float64] = np.where(gained == 0, 0.0, np.ceil(gained * lif.DECAY_UNITY / decay))
    return total
