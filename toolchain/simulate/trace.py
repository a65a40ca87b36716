"""What one simulator saw: every layer's spikes and membranes at every step, and the read-out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.network import Network


@dataclass(frozen=True, eq=False)
class Trace:
    """Spikes (bool) and membranes after reset (int32, 1/64 weight units) by layer name, each `(T, B, *layer shape)`."""

    engine: str
    spikes: dict[str, NDArray[np.bool_]]
    membranes: dict[str, NDArray[np.int32]]

    def outputs(self, network: Network) -> NDArray[np.int64]:
        """Return the scores `(B, outputs)` by which a network decides, such as summed membranes of its last layer."""
        last = network.layers[-1].name
        scores = network.rule.scores(self.spikes[last] if network.rule.spiking else self.membranes[last])
        return np.reshape(scores, (len(scores), network.layers[-1].neurons))

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(next(iter(self.spikes.values()))[0])

    def first(self, count: int) -> "Trace":
        """Return the trace of the first `count` samples."""
        spikes = {name: array[:, :count] for name, array in self.spikes.items()}
        return Trace(self.engine, spikes, {name: array[:, :count] for name, array in self.membranes.items()})
