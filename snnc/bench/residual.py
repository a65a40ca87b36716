"""What shortcuts cost the fast simulator: a residual network side by side with the same network without them.

Its outline is that of `--model resnet` at depth 2, ResNet-18's; weights are random and ternary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.bench.simulation import SimulationSettings, macs_of, seconds_of
from snnc.bench.synthetic import (
    CLASSES,
    ENCODER_LIMIT,
    HALF,
    PIXELS,
    READOUT_LIMIT,
    calibrated,
    check_rate,
    check_width,
    scaled,
    synthetic_images,
)
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.reference import simulate

CHANNELS, STAGES, BLOCKS, SIDE = 64, 4, 2, 32
STRONGEST = 127


@dataclass
class ShortcutRow:
    """One firing rate: images per second with shortcuts and without, one for each round, and the convolutions' MACs."""

    rate: float
    macs: int
    equal: bool = True
    joined: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Speed with shortcuts over speed without, one for each round."""
        return [ours / theirs for ours, theirs in zip(self.joined, self.plain, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """Return medians and spreads as plain values; null where outputs differ."""
        if not self.equal:
            return {"rate": self.rate, "equal": False, "ratio": None}
        speeds = {"with": self.joined, "without": self.plain}
        return {
            "rate": self.rate,
            "equal": True,
            "images_per_s": {name: round(median(each), 2) for name, each in speeds.items()},
            "effective_gmac_per_s": {name: round(median(each) * self.macs / 1e9, 1) for name, each in speeds.items()},
            "ratio": round(median(self.ratios), 3),
            "ratio_spread": [round(min(self.ratios), 3), round(max(self.ratios), 3)],
        }


def measure_shortcuts(
    rates: Sequence[float], settings: SimulationSettings, watch: Callable[[str], None] = lambda text: None
) -> Iterator[ShortcutRow]:
    """Yield one row for each firing rate. Raises EngineError without the C kernel, ConfigError for a rate outside 0..1."""
    for rate in rates:
        check_rate(rate)
    for rate in rates:
        watch(f"firing {rate:.0%}: calibrating")
        pair = [synthetic_resnet(settings.width, settings.timesteps, rate, shortcuts=shortcuts) for shortcuts in (True, False)]
        simulators = [BitslicedSimulator(network, threads=settings.threads) for network in pair]
        images = synthetic_images(pair[0].input, settings.images)
        row = ShortcutRow(rate, macs_of(pair[1]))
        for network, simulator in zip(pair, simulators, strict=True):
            reference = simulate(network, images[:1])
            row.equal &= bool(np.array_equal(simulator.outputs(images[:1]), reference.outputs(network)))
        for turn in range(settings.rounds if row.equal else 0):
            watch(f"firing {rate:.0%}: round {turn + 1} of {settings.rounds}")
            for simulator, speeds in zip(simulators, (row.joined, row.plain), strict=True):
                speeds.append(len(images) / seconds_of(partial(simulator.outputs, images)))
        yield row


def synthetic_resnet(width: float, timesteps: int, rate: float, *, shortcuts: bool, seed: int = 0) -> Network:
    """Draw a ResNet-18 for 9-bit images `(3, 32, 32)`, with or without a shortcut around each convolution of a block.

    Its strength is the deviation of the convolution's sums, as after training. Every layer fires at about `rate` on random
    images. Raises ConfigError for a width outside 0..4 and for a rate that cannot be reached.
    """
    check_rate(rate)
    check_width(width)
    rng, pixels = np.random.default_rng(seed), Input((3, SIDE, SIDE), *PIXELS)
    image = synthetic_images(pixels, 1, seed=seed + 1)
    weight = rng.integers(-ENCODER_LIMIT, ENCODER_LIMIT + 1, (scaled(CHANNELS, width), 3, 3, 3), np.int8)
    stem: Synapse = Conv(INPUT, weight, padding=(1, 1))
    first, spikes = calibrated("stem", [(stem, np.broadcast_to(image, (timesteps, *pixels.shape)))], rate, rng)
    layers = [first]
    for number in range(2 * BLOCKS * STAGES):
        stage, source = number // (2 * BLOCKS), layers[-1].name
        pool, channels = 2 if stage and number % (2 * BLOCKS) == 0 else 1, scaled(CHANNELS, width) * 2**stage
        kernel = rng.integers(-1, 2, (channels, spikes.shape[1], 3, 3), np.int8)
        around = Conv(source, kernel, padding=(1, 1)).behind_pool(pool, spikes.shape[1:])
        synapses = [around, _shortcut(around, spikes, pool)] if shortcuts else [around]
        layer, spikes = calibrated(f"conv{number + 1}", [(each, spikes) for each in synapses], rate, rng)
        layers.append(layer)
    readout = rng.integers(-READOUT_LIMIT, READOUT_LIMIT + 1, (CLASSES, prod(spikes.shape[1:])), np.int8)
    layers.append(Layer("readout", (Dense(layers[-1].name, readout),), Lif((CLASSES,), lif.VTH_MAX, HALF)))
    kind = "with" if shortcuts else "without"
    return Network(f"resnet x {width:g} {kind} shortcuts at {rate:.0%} firing", timesteps, pixels, tuple(layers))


def _shortcut(around: Conv, spikes: NDArray[np.bool_], pool: int) -> Conv:
    """Return the identity beside a convolution, its channels repeated where there are more of them."""
    strength = int(np.clip(round(around.sums(spikes.astype(np.int64)).std() / pool**2), 1, STRONGEST))
    repeats = len(around.weight) // spikes.shape[1]
    identity = strength * np.tile(np.eye(spikes.shape[1], dtype=np.int64), (repeats, 1))
    return Conv(around.source, identity[:, :, None, None]).behind_pool(pool, spikes.shape[1:])
