"""Which of two exact ways runs a layer faster: event by event, or all weights of 64 images at a time.

Events cost what spikes cost, images what weights cost that are not 0. `snnc bench --profile` shows both, and this estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from snnc.toolchain.network.grid import Grid
from snnc.toolchain.simulate.bitsliced_images import ImageSynapse
from snnc.toolchain.simulate.image_words import IMAGES

TOGETHER = 4  # blocks of output channels that share the list of events of a receptive field, as in ternary.c
JOIN = 0.2  # of the time of a block's neurons, for a shortcut of one pixel
WINDOW_BYTES = 2**27  # that a source laid out for 64 images may take


@dataclass(frozen=True)
class Costs:
    """Nanoseconds on one core, on an AMD EPYC with AVX-512.

    They were fitted to layers of CIFARNet at four or five widths and three firing rates, but `check` and `product`, which
    those tell too little of.
    """

    event: float  # a row of weights added to a block of output channels
    gather: float  # the events of a receptive field listed, for one weight of events and four blocks
    block: float  # the neurons of a block at one position and step
    decode: float  # a word of 64 channels searched for events
    check: float  # a number of a graded input looked at
    product: float  # a number that is not 0 multiplied with 64 weights
    event_call: float  # a layer begun, for one image: four share it
    row: float  # a row of 64 images added to a vector of positions
    lists: float  # a list of rows begun and ended
    neurons: float  # the neurons of 64 images at one position and step
    window: float  # a word of 64 images laid out
    image_call: float  # a layer begun
    turn: float  # 64 words of 64 channels turned into 64 words of images, or back


COSTS = {  # by vector width in bytes
    64: Costs(0.64, 42, 24, 8, 0.5, 1, 4100, 0.78, 7.4, 15, 0.9, 36000, 130),
    32: Costs(0.65, 40, 29, 10, 0.5, 1, 4100, 0.89, 5.2, 18, 1.4, 36000, 130),
    16: Costs(0.66, 39, 52, 10, 0.5, 1, 4100, 0.89, 4.5, 56, 1.1, 36000, 130),
}


@dataclass(frozen=True)
class Load:
    """What one synapse asks of either way, for one image at one vector width.

    `rate` is the share of the source's neurons that spike at a step, or of its values that are not 0; `frames` is T, or 1 where
    all steps are the same; `ternary` tells which kernel runs its events, `joins` that they join in registers behind another's
    (bitsliced_identity.py), and `neurons` whether this synapse's kernel has the neurons.
    """

    images: ImageSynapse
    width: int
    timesteps: int
    frames: int
    rate: float
    ternary: bool
    joins: bool = False
    neurons: bool = True

    @property
    def grid(self) -> Grid:
        """The synapse as a convolution, its pooling apart."""
        return self.images.grid

    @property
    def positions(self) -> int:
        """Output positions of one step."""
        return prod(self.grid.output)

    @property
    def blocks(self) -> int:
        """Blocks of output channels, as many as a vector has room for."""
        return -(-len(self.grid.weight) // (4 * self.width))

    def by_events(self) -> dict[str, float]:
        """Return how often each cost of `Costs` falls due, for one image."""
        positions, channels = self.positions * self.timesteps, self.grid.source[0]
        taps = prod(self.grid.weight.shape[1:])
        if self.joins:
            return {"block": JOIN * positions * self.blocks * self.grid.weight[0, 0].size}
        counts = {"block": float(positions * self.blocks) if self.neurons else 0.0, "event_call": 1.0}
        if not self.ternary:
            words, frames = -(-len(self.grid.weight) // 64), self.positions * self.frames
            return counts | {"check": frames * taps * words, "product": self.rate * frames * taps * words}
        weights = (self.grid.pool**2).bit_length()
        events = positions * taps * sum(chances(self.rate, self.grid.pool**2))
        words = prod(self.grid.pooled) * -(-channels // 64) * weights * self.timesteps
        groups = -(-self.blocks // TOGETHER)
        return counts | {"event": events * self.blocks, "gather": positions * weights * groups, "decode": words}

    def by_images(self) -> dict[str, float]:
        """Return the same for 64 images at a time."""
        high, wide = self.grid.output
        out, channels, _, kw = self.grid.weight.shape
        vectors = high * -(-wide * self.frames * 8 // self.width)
        lists = 2 * out * self.images.planes * self.images.levels
        rows = self.grid.pooled[0] + 2 * self.grid.padding[0]
        window = self.images.planes * rows * channels * kw * self.images.line(self.frames)
        neurons = out * self.positions * self.timesteps if self.neurons else 0
        counts = {"row": self.images.rows * vectors, "lists": lists * vectors, "neurons": neurons, "window": window}
        return counts | {"image_call": 1 if self.neurons else 0}

    def rows(self) -> float:
        """Return the rows that the way with fewer of them adds for one image."""
        events = self.by_events().get("event", float("inf"))
        return min(events, self.by_images()["row"] / IMAGES)

    def turned(self) -> float:
        """Return how many words of 64 channels a source has, which are turned where it was made in the other way."""
        channels, height, width = self.grid.source
        return float(-(-channels // 64) * height * width * self.frames)


def chances(rate: float, patch: int) -> list[float]:
    """Return how likely each bit of the count of a patch is 1, if so many neurons spike independently at a rate."""
    pairs = np.arange(patch + 1)
    likely = np.array([1.0])
    for _ in range(patch):
        likely = np.convolve(likely, [1 - rate, rate])
    return [float(likely[pairs >> bit & 1 == 1].sum()) for bit in range(patch.bit_length())]


def priced(counts: dict[str, float], costs: Costs) -> float:
    """Return nanoseconds."""
    return sum(float(getattr(costs, name)) * times for name, times in counts.items())


def prices(loads: Sequence[Load], turned: Sequence[bool], images: int) -> tuple[float, float]:
    """Return the nanoseconds of so many images by events, and in 64 lanes at once.

    `turned` tells for each synapse whether its source was made by images.
    """
    costs = COSTS[loads[0].width]
    events = sum(priced(load.by_events(), costs) for load in loads) * images
    at_once = sum(priced(load.by_images(), costs) for load in loads)
    for load, by_images in zip(loads, turned, strict=True):
        price = load.turned() * costs.turn
        events, at_once = (events + price, at_once) if by_images else (events, at_once + price)
    fits = sum(load.by_images()["window"] for load in loads) * 8 <= WINDOW_BYTES
    return events, at_once if fits else float("inf")
