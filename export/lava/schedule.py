"""When each layer of a network runs where every synapse takes one time step: reset offsets, late inputs, length of a run.

Lava counts steps from 1; here they are counted from 0. Samples follow each other, without a pause unless synapses have delays:
sample b is at the input from step `b * period` on, and a layer that starts at step d does at step `b * period + t + d` what the
Network says for step t. With delays there is a pause as long as the longest one, in which all layers that are read with a delay
are kept silent, so that nothing of one sample comes into the next.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.passes import depths, held_back, insert_relays
from snnc.toolchain.network.synapse import Synapse


@dataclass(frozen=True)
class Schedule:
    """A network whose synapses arrive in time, the step at which each layer starts, and the pause between samples."""

    network: Network
    starts: dict[str, int]
    pause: int = 0

    @property
    def period(self) -> int:
        """The number of steps from one sample to the next."""
        return self.network.timesteps + self.pause

    def reset_offset(self, layer: str) -> int:
        """Return the step, in Lava's count, at which a layer first has to be at rest; every `period` steps it is again."""
        return self.starts[layer] + 1

    def late(self, synapse: Synapse, layer: str) -> int:
        """Return how many steps a synapse into `layer` must hold its source back beyond the one that every synapse takes.

        0 between layers, since relays stand wherever it was more, except for dense synapses with a delay. The input is fed that
        many steps later instead.
        """
        return held_back(synapse, layer, self.starts)

    def steps(self, samples: int) -> int:
        """Return how many steps a run of so many samples takes: until the last layer has done the last step of the last one."""
        return self.period * samples + max(self.starts.values())

    def stream(self, frames: NDArray[np.int64], late: int) -> NDArray[np.int64]:
        """Return the input `(steps, ...)` that frames `(F, B, ...)` give, fed `late` steps late; 0 before, between and after.

        F is 1, for samples that are the same at every step, or T.
        """
        timesteps, count = self.network.timesteps, frames.shape[1]
        stream = np.zeros((late + self.steps(count), *frames.shape[2:]), np.int64)
        for sample in range(count):
            first = late + sample * self.period
            stream[first : first + timesteps] = frames[:, sample]
        return stream[: self.steps(count)]

    def silenced(self, layer: Layer) -> bool:
        """Tell whether a layer must not spike outside its samples: others, or it itself, read it with a delay."""
        return any(synapse.source == layer.name and synapse.delay for each in self.network.layers for synapse in each.synapses)

    def outside(self, layer: str, samples: int) -> NDArray[np.bool_]:
        """Return for each step of a run whether it lies in the pause before a sample of a layer, or in the one after."""
        phase = (np.arange(self.steps(samples)) - self.starts[layer]) % self.period
        return phase >= self.network.timesteps

    def samples_of(self, layer: str, stream: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return as `(T, B, ...)` what a layer recorded over all steps, `(steps, ...)`."""
        start, count = self.starts[layer], (len(stream) - max(self.starts.values())) // self.period
        active = stream[start : start + self.period * count].reshape(count, self.period, *stream.shape[1:])
        return active[:, : self.network.timesteps].swapaxes(0, 1)


def schedule(network: Network) -> Schedule:
    """Return the network with the relays that it needs, and when each layer starts. Raises NetworkError as `depths` does.

    With delays there is a pause before the first sample too: nothing can silence the very first step of a run.
    """
    most = network.timesteps + len(network.layers)
    brief = replace(network, layers=tuple(_shortened(layer, most) for layer in network.layers))
    relayed = insert_relays(brief)
    pause = max(synapse.delay for layer in relayed.layers for synapse in layer.synapses)
    starts = {name: depth + pause * (name != INPUT) for name, depth in depths(relayed).items()}
    return Schedule(relayed, starts, pause)


def apart(network: Network) -> list[str]:
    """Return one layer of each part of a network that shares no synapse with the last layer's part."""
    part = {layer.name: index for index, layer in enumerate(network.layers)}
    for layer in network.layers:
        for synapse in layer.synapses:
            if synapse.source != INPUT:
                joined, old = part[layer.name], part[synapse.source]
                part = {name: joined if number == old else number for name, number in part.items()}
    first = {number: name for name, number in reversed(part.items())}
    return [name for number, name in first.items() if number != part[network.layers[-1].name]]


def _shortened(layer: Layer, most: int) -> Layer:
    """Shorten delays that are so long that they bring nothing; `most` is longer than a sample, and than any cycle."""
    return replace(layer, synapses=tuple(replace(each, delay=min(each.delay, most)) for each in layer.synapses))
