"""Where the steps of a network lie in a recording: found by trying, or as it is said."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.network import Network
from snnc.toolchain.network.passes import depths
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.recording import Recording

MOST_START = 8  # steps that a recording may begin before the network does
MOST_PERIODS = 64  # reset intervals that are tried
MOST_NEURONS = 2000  # of a layer, that alignments are tried on


@dataclass(frozen=True)
class Alignment:
    """Step t of sample b of a layer lies at `offsets[layer] + b * reset + t`: all are at rest again every `reset` steps."""

    reset: int
    offsets: dict[str, int]

    def __str__(self) -> str:
        """Return it in words."""
        late = ", ".join(f"{name} {offset}" for name, offset in self.offsets.items())
        return f"reset every {self.reset} steps; steps that layers are late: {late}"

    def expected(self, stream: NDArray[np.generic], layer: str, steps: int) -> NDArray[np.generic]:
        """Return what a layer should have done, `(steps - offset, ...)`, from all its samples, `(T, B, ...)`, T >= reset.

        One sample goes on being shown, several end with the last: the result may be shorter.
        """
        one = stream[: self.reset]
        rows = one.swapaxes(0, 1).reshape(-1, *one.shape[2:])
        wanted = max(steps - self.offsets[layer], 0)
        places = np.arange(wanted) % len(rows) if one.shape[1] == 1 else np.arange(min(wanted, len(rows)))
        return np.asarray(rows[places])


def found_alignment(network: Network, recording: Recording, trace: Trace, reset: int | None, start: int | None) -> Alignment:
    """Return the alignment that a recording says, else the one that leaves the fewest spikes different.

    If they are given, `reset` and `start`, the offset of the first layer, are tried alone. `trace` has as many steps as the
    longest reset interval. Of equal alignments the one with the longest interval and the earliest start is taken.
    """
    if recording.offsets and start is None:
        return Alignment(reset or network.timesteps, {name: recording.offsets.get(name, 0) for name in depths(network)})
    thinned = _thinned(network, recording, trace)
    best = min(
        _candidates(network, recording, reset, start),
        key=lambda each: (_wrong(each, thinned), -each.reset, sum(each.offsets.values())),
    )
    return best


Pair = tuple[NDArray[np.generic], NDArray[np.generic]]


def _thinned(network: Network, recording: Recording, trace: Trace) -> dict[str, Pair]:
    """Return the spikes of each recorded layer, recorded and expected, of some neurons: enough to tell alignments."""
    found = dict[str, Pair]()
    for layer in network.layers:
        recorded = recording.of("spikes", layer.name)
        if recorded is not None:
            some = slice(None, None, -(-layer.neurons // MOST_NEURONS))
            expected = trace.spikes[layer.name]
            found[layer.name] = (
                recorded.reshape(len(recorded), -1)[:, some],
                expected.reshape(*expected.shape[:2], -1)[..., some],
            )
    return found


def _candidates(network: Network, recording: Recording, reset: int | None, start: int | None) -> Iterator[Alignment]:
    steps, timed = recording.steps, recording.samples is not None and recording.samples.ndim > len(network.input.shape) + 1
    longest = min(steps, network.timesteps)
    resets = [reset] if reset else [longest] if timed or longest > MOST_PERIODS else range(1, longest + 1)
    late = depths(network)
    least = min(late[layer.name] for layer in network.layers)
    for each in resets:
        for first in [start] if start is not None else range(min(MOST_START, steps)):
            for hop in (0, 1):
                yield Alignment(each, {layer.name: first + hop * (late[layer.name] - least) for layer in network.layers})


def _wrong(alignment: Alignment, spikes: dict[str, Pair]) -> int:
    wrong = 0
    for name, (recorded, simulated) in spikes.items():
        offset = alignment.offsets[name]
        expected = alignment.expected(simulated, name, len(recorded))
        wrong += int(np.count_nonzero(recorded[offset : offset + len(expected)] != expected))
        wrong += int(np.count_nonzero(recorded[:offset]))  # nothing happens before a layer begins
    return wrong
