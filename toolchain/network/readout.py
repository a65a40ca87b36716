"""Read-outs: how the last layer says the class, one rule of whole numbers for training, every engine and every format.

An output has a score, 0 before the first step; a step turns it into growth * score + value. The class is the output of the
largest score, the first of equal ones. With a growth of 2 the score is the spikes of all steps as a binary number, the first
step's on top: an output that spikes before another one has the larger score whatever follows, and one that never spikes has 0.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ReadOutKind = Literal["membrane", "spikes", "first-spike"]
MOST_BITS = 24  # whole numbers of so many bits are exact in 32-bit floats, in which networks are trained on every device


@dataclass(frozen=True)
class ReadOutRule:
    """What the last layer gives at a step, its spikes or else its membranes, and the growth of a score from step to step."""

    spiking: bool
    growth: int = 1

    def weights(self, timesteps: int) -> list[int]:
        """Return how often the value of each step counts in the score after the last one."""
        return [self.growth ** (timesteps - 1 - step) for step in range(timesteps)]

    def scores(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return the scores `(...)` of spikes or membranes of all steps `(T, ...)`."""
        found = np.zeros(values.shape[1:], np.int64)
        for value in values:
            found *= self.growth
            found += value
        return found

    @property
    def most_timesteps(self) -> int | None:
        """The most steps over which scores are exact; None: any number that a network can have."""
        return None if self.growth == 1 else MOST_BITS

    def excess(self, timesteps: int) -> str | None:
        """Return why scores would not be exact over so many steps, and the remedy, or None."""
        if self.most_timesteps is None or timesteps <= self.most_timesteps:
            return None
        return (
            f"{timesteps} time steps are more than the {self.most_timesteps} that a read-out of first spikes may have, so that "
            "32-bit floats hold its scores exactly; use fewer steps, or the read-out 'spikes'"
        )


READOUTS = {
    "membrane": ReadOutRule(spiking=False),
    "spikes": ReadOutRule(spiking=True),
    "first-spike": ReadOutRule(spiking=True, growth=2),
}
