"""Searches for an input that really overflows where a bound allows it: among all inputs if they are few, else by climbing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import log2, prod

import numpy as np

from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import READOUT, Overflow, overflows
from snnc.toolchain.network.interval import FAR_OUTSIDE
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.validation import Int64s
from snnc.toolchain.simulate.frames import delayed
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.transposed import transposed

EXHAUSTIVE = 14  # bits of an input, all time steps together, up to which every one is tried
TRIES = 512
BATCH = 32


@dataclass(frozen=True, eq=False)
class Witness:
    """What a search found for one overflow that bounds allow.

    `frames` are the chip values `(T, *input.shape)` of an input that overflows there, None if none was found; `reached` is the
    furthest that any of the `tried` inputs came. `exhaustive` says that these are all inputs there are: without frames, none
    overflows, and the bound is not tight.
    """

    overflow: Overflow
    frames: Int64s | None
    reached: int
    tried: int
    exhaustive: bool

    def __str__(self) -> str:
        """Return one line for people."""
        where = f"layer {self.overflow.layer!r}, {self.overflow.what} of neuron {self.overflow.neuron}"
        if self.frames is not None:
            return f"{where}: a witness reaches {self.reached}, the limit is {self.overflow.limit}"
        if self.exhaustive:
            return f"{where}: none of all {self.tried} inputs reaches more than {self.reached}, the bound is not tight"
        return f"{where}: none found among {self.tried} inputs ({self.reached} was reached), the bound may not be tight"


def witnesses(network: Network, tries: int = TRIES) -> list[Witness]:
    """Search an input for each overflow that the bounds allow; `tries` is how many are tried for each where not all are.

    Example:
        >>> import snnc
        >>> from snnc.toolchain.simulate.witness import witnesses
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[127, -127]]),), snnc.Lif((1,), vth=131071, dv=0))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 500), (layer,), "spikes")
        >>> print(*witnesses(network))
        layer 'fc', membrane v (before a reset) of neuron (0,): a witness reaches 12192000, the limit is 8388607
    """
    return [search(network, overflow, tries) for overflow in overflows(network)]


def file_samples(network: Network, found: list[Witness]) -> Int64s:
    """Return the witnesses as samples of a data file, zero point added: `(N, T, ...)`, or `(N, ...)` if no step differs."""
    frames = np.stack([each.frames for each in found if each.frames is not None]) + network.input.zero_point
    constant = (frames == frames[:, :1]).all()
    return np.asarray(frames[:, 0] if constant else frames, np.int64)


def search(network: Network, overflow: Overflow, tries: int) -> Witness:
    """Search an input that drives one neuron beyond `overflow.limit`, toward the sign of `overflow.value`."""
    drive = _Drive(network, overflow)
    few = network.timesteps * prod(network.input.shape) * log2(max(2, _levels(network))) <= EXHAUSTIVE
    batches = _all_inputs(network) if few else _climb(network, drive, tries)
    tried = 0
    for batch in batches:
        tried += batch.shape[1]
        if drive.try_out(batch) > overflow.limit:
            return Witness(overflow, drive.best, drive.reached, tried, few)
    return Witness(overflow, None, drive.reached, tried, few)


def _levels(network: Network) -> int:
    return network.input.maximum - network.input.minimum + 1


def _all_inputs(network: Network) -> Iterator[Int64s]:
    """Yield every input `(T, B, ...)`, in batches."""
    values = range(network.input.minimum, network.input.maximum + 1)
    shape = (network.timesteps, *network.input.shape)
    every = np.array(list(product(values, repeat=prod(shape))), np.int64)
    for start in range(0, len(every), 8 * BATCH):
        batch = every[start : start + 8 * BATCH]
        yield batch.reshape(-1, *shape).swapaxes(0, 1)


class _Drive:
    """How far inputs `(T, B, ...)` drive the neuron of an overflow in its direction."""

    def __init__(self, network: Network, overflow: Overflow):
        self.network, self.overflow = network, overflow
        self.sign = 1 if overflow.value > 0 else -1
        self.best, self.furthest, self.reached = np.zeros(0, np.int64), -FAR_OUTSIDE, 0
        index = next(i for i, stage in enumerate(stages(network.layers)) if overflow.layer in [each.name for each in stage])
        stage = stages(network.layers)[index]
        before = [layer for each in stages(network.layers)[:index] for layer in each]
        self.layer = next(layer for layer in stage if layer.name == overflow.layer)
        needed = (*before, *(stage if is_recurrent(stage) else ()))
        self.front = replace(network, layers=needed, readout="spikes", labels=(), members=1) if needed else None
        chosen = np.zeros(self.layer.output_shape, np.int64)
        chosen[overflow.neuron] = 1
        self.weights = [transposed(synapse, chosen, network.shapes[synapse.source]) for synapse in self.layer.synapses]

    def try_out(self, frames: Int64s) -> int:
        """Keep the best of the inputs `(T, B, ...)` if it is better than before; return how far the best came."""
        values = self.values(frames)
        scores = self.sign * values
        if self.overflow.what != READOUT:  # what has wrapped around may leave its range on the other side
            scores = np.where(np.abs(values) > self.overflow.limit, np.abs(values), scores)
        if (found := int(scores.max())) > self.furthest:
            step, sample = np.unravel_index(int(scores.argmax()), scores.shape)
            if found > self.overflow.limit:  # what comes after the first such step is of no network that anybody trained
                step = (scores[:, sample] > self.overflow.limit).argmax()
            self.best, self.furthest, self.reached = frames[:, sample], found, int(values[step, sample])
        return self.furthest

    def values(self, frames: Int64s) -> Int64s:
        """Return the value that may overflow, of every step and input, `(T, B)`."""
        sources = {INPUT: frames} | (simulate(self.front, frames).spikes if self.front else {})
        a = np.zeros(frames.shape[:2], np.int64)
        for synapse, weight in zip(self.layer.synapses, self.weights, strict=True):
            values = delayed(sources[synapse.source], synapse.delay, len(frames))
            a += values.reshape(*frames.shape[:2], -1).astype(np.int64) @ weight.ravel()
        return np.stack(list(self._values(a)))

    def _values(self, a: Int64s) -> Iterator[Int64s]:
        neuron, at = self.layer.neuron, self.overflow.neuron
        bias, du, dv = (int(np.broadcast_to(each, neuron.shape)[at]) for each in (neuron.bias, neuron.du, neuron.dv))
        u = v = np.zeros_like(a[0])
        for summed in a:
            raw = lif.decayed(u, du + 1) + (summed << lif.UNIT_SHIFT)
            u = lif.wrap(raw)
            whole = lif.decayed(v, dv) + u + bias
            v, _ = lif.fire(lif.saturate(whole), neuron.vth)
            yield raw if self.overflow.what == "current u" else whole

    def preferred(self) -> tuple[Int64s, Int64s]:
        """Return the frames that should drive the neuron most and least, judged by weights alone."""
        wanted = {name: np.zeros(shape) for name, shape in self.network.shapes.items()}
        for synapse, weight in zip(self.layer.synapses, self.weights, strict=True):
            wanted[synapse.source] += self.sign * weight
        for layer in reversed(self.front.layers if self.front else ()):
            for synapse in layer.synapses:
                wanted[synapse.source] += transposed(synapse, wanted[layer.name], self.network.shapes[synapse.source])
        low, high = self.network.input.minimum, self.network.input.maximum
        return np.where(wanted[INPUT] > 0, high, low), np.where(wanted[INPUT] > 0, low, high)


def _climb(network: Network, drive: _Drive, tries: int) -> Iterator[Int64s]:
    """Yield first guesses, and then changes of the best that was found so far."""
    rng = np.random.default_rng(0)
    most, least = drive.preferred()
    shape = (network.timesteps, *network.input.shape)
    guesses = [np.broadcast_to(most, shape)]
    for share in np.linspace(0, 0.98, BATCH - len(guesses)):  # charged to below the threshold, and then driven at the end
        guesses.append(np.where(rng.random(shape) < share, most, least))
        guesses[-1][-1] = most
    yield np.stack(guesses, axis=1)
    for _ in range(tries // BATCH - 1):
        yield np.stack([_changed(rng, drive.best, most, least, network) for _ in range(BATCH)], axis=1)


def _changed(rng: np.random.Generator, best: Int64s, most: Int64s, least: Int64s, network: Network) -> Int64s:
    """Return the best input with some values of some steps replaced."""
    steps = rng.random(len(best)) < rng.choice([0.2, 0.5, 1.0])
    alike = best.shape if rng.random() < 0.4 else most.shape  # most changes are the same at every step that is changed
    where = rng.random(alike) < rng.choice([1 / most.size, 0.03, 0.2, 0.6])
    where = where & steps.reshape(-1, *[1] * most.ndim)
    drawn = rng.integers(network.input.minimum, network.input.maximum + 1, alike)
    new = (most, least, drawn, best[rng.permutation(len(best))])[rng.integers(4)]
    return np.where(where, new, best)
