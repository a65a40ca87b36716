"""When each layer of a network runs where every synapse takes one time step: reset offsets, late inputs, length of a run.

Lava counts steps from 1; here they are counted from 0. Samples follow each other without a pause: sample b is at the input from
step `b * T` on, and a layer whose longest path has d hops does at step `b * T + t + d` what the Network says for step t.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.network import Network
from snnc.toolchain.network.passes import depths, insert_relays
from snnc.toolchain.network.synapse import Synapse


@dataclass(frozen=True)
class Schedule:
    """A network in which all paths between two layers are equally long, and the step at which each layer starts."""

    network: Network
    starts: dict[str, int]

    def reset_offset(self, layer: str) -> int:
        """Return the step, in Lava's count, at which a layer first has to be at rest; every T steps it is again."""
        return self.starts[layer] + 1

    def late(self, synapse: Synapse, layer: str) -> int:
        """Return how many steps a synapse into `layer` must hold its source back beyond the one that every synapse takes.

        0 between layers, since relays stand wherever it was more. The input is fed that many steps later instead. Delays of
        synapses would be added here, and a synapse from the layer itself or from a later one would need one.
        """
        return self.starts[layer] - self.starts[synapse.source] - 1

    def steps(self, samples: int) -> int:
        """Return how many steps a run of so many samples takes: until the last layer has done the last step of the last one."""
        return self.network.timesteps * samples + max(self.starts.values())

    def stream(self, frames: NDArray[np.int64], late: int) -> NDArray[np.int64]:
        """Return the input `(steps, ...)` that frames `(F, B, ...)` give, fed `late` steps late; 0 before and after.

        F is 1, for samples that are the same at every step, or T.
        """
        timesteps, count = self.network.timesteps, frames.shape[1]
        repeated = np.broadcast_to(frames, (timesteps, *frames.shape[1:])).swapaxes(0, 1)
        stream = np.zeros((self.steps(count), *frames.shape[2:]), np.int64)
        stream[late : late + timesteps * count] = repeated.reshape(timesteps * count, *frames.shape[2:])
        return stream

    def samples_of(self, layer: str, stream: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return as `(T, B, ...)` what a layer recorded over all steps, `(steps, ...)`."""
        timesteps, start = self.network.timesteps, self.starts[layer]
        count = (len(stream) - max(self.starts.values())) // timesteps
        active = stream[start : start + timesteps * count]
        return active.reshape(count, timesteps, *stream.shape[1:]).swapaxes(0, 1)


def schedule(network: Network) -> Schedule:
    """Return the network with the relays that it needs, and when each layer starts."""
    relayed = insert_relays(network)
    return Schedule(relayed, depths(relayed))
