"""How accuracy and spikes of a trained network change with the number of time steps that it is given."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.files import load_subject, split_for
from snnc.toolchain.data.dataset import Split
from snnc.toolchain.errors import located
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.verify import batches, frames_of


@dataclass(frozen=True)
class AtTimesteps:
    """What a network does in so many time steps: the share of right samples (0..1), and spikes of one sample in all layers."""

    timesteps: int
    samples: int
    accuracy: float
    spikes: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class OverTimesteps:
    """One file's rows, and the number of steps that it was trained for."""

    file: str
    trained: int
    rows: tuple[AtTimesteps, ...]


def over_timesteps(file: str | Path, data: str | None, samples: int | None, steps: Sequence[int]) -> OverTimesteps:
    """Run the test split at every number of steps; weights and thresholds stay as they were trained.

    Inputs that are the same at every step are run once, for the most steps, of which fewer are the beginning. Event recordings
    are cut into as many frames as there are steps. Raises SnncError for files or data that do not fit, and NetworkError where
    a sum could overflow in so many steps.
    """
    network = load_subject(file)[0].network
    with located(str(file)):
        longest = network.over(max(steps))
        prove(longest)
    split = split_for(longest, data, samples)
    if split.timed:
        shorter = [network.over(count) for count in steps]
        rows = [_measured(each, split_for(each, data, samples), [each.timesteps])[0] for each in shorter]
    else:
        rows = _measured(longest, split, steps)
    return OverTimesteps(str(file), network.timesteps, tuple(rows))


def _measured(network: Network, split: Split, steps: Sequence[int]) -> list[AtTimesteps]:
    """Return a row for each number of steps, none more than the network has."""
    right, spikes = dict.fromkeys(steps, 0), dict.fromkeys(steps, 0)
    for trace, labels in _traces(network, split):
        for count in steps:
            shorter, begun = network.over(count), _first(trace, count)
            right[count] += int((decisions(shorter, begun.outputs(shorter)) == labels).sum())
            spikes[count] += sum(int(each.sum()) for each in begun.spikes.values())
    total = len(split)
    return [AtTimesteps(count, total, right[count] / total, spikes[count] / total) for count in steps]


def _traces(network: Network, split: Split) -> Iterator[tuple[Trace, NDArray[np.int64]]]:
    subject, data = Subject(network), frames_of(network, split)
    engine = "fast" if ENGINES["fast"].missing(subject) is None else "reference"
    for start, stop in batches(network, data.count):
        yield ENGINES[engine].run(subject, data.part(start, stop).frames), split.labels[start:stop]


def _first(trace: Trace, steps: int) -> Trace:
    spikes = {name: each[:steps] for name, each in trace.spikes.items()}
    return Trace(trace.engine, spikes, {name: each[:steps] for name, each in trace.membranes.items()})
