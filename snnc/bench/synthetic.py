"""CIFARNet as an integer network with random weights and thresholds calibrated to a firing rate: what benchmarks run."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.models.architecture import Part
from snnc.models.cifarnet import CIFARNET
from snnc.models.notation import parse
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import Int64s, Shape

CLASSES, WIDEST = 10, 4
PIXELS = (-255, 255)  # 9-bit, as CIFAR-10 minus a zero point
ENCODER_LIMIT = 7  # largest weight of the first layer: 27 taps of 9-bit pixels leave room for no more in 17 bits
READOUT_LIMIT = 127
NEAR = 0.9  # of the rate that was asked for, at the least
HALF = 2048  # dv of beta = 1/2, so that float neurons can be exact too


def synthetic_cifarnet(width: float = 1.0, timesteps: int = 5, rate: float = 0.1, *, side: int = 32, seed: int = 0) -> Network:
    """Draw CIFARNet for 9-bit images `(3, side, side)`: ternary hidden layers, 8-bit first layer and read-out.

    Every hidden layer fires at about `rate` (spikes per neuron and step) on random images. Raises ConfigError for a width
    outside 0..4 and for a rate that cannot be reached.
    """
    check_rate(rate)
    check_width(width)
    rng = np.random.default_rng(seed)
    pixels = Input((3, side, side), *PIXELS)
    image = synthetic_images(pixels, 1, seed=seed + 1)
    layers: list[Layer] = []
    spikes: NDArray[Any] = np.broadcast_to(image, (timesteps, *pixels.shape))
    for name, part, _ in parse(CIFARNET).scaled(width).named():
        if isinstance(part, Part):
            synapse = _drawn(part, layers[-1].name if layers else INPUT, spikes.shape[1:], rng)
            layer, spikes = calibrated(name, [(synapse, spikes)], rate, rng)
            layers.append(layer)
    readout = rng.integers(-READOUT_LIMIT, READOUT_LIMIT + 1, (CLASSES, spikes.shape[1]), np.int8)
    never = Lif((CLASSES,), lif.VTH_MAX, HALF)
    layers.append(Layer("readout", (Dense(layers[-1].name, readout),), never))
    return Network(f"cifarnet x {width:g} at {rate:.0%} firing", timesteps, pixels, tuple(layers))


def _drawn(part: Part, source: str, shape: Shape, rng: np.random.Generator) -> Synapse:
    """Draw the synapses of a layer: those from the input are graded, all others ternary."""
    limit = ENCODER_LIMIT if source == INPUT else 1
    if part.kernel is None:
        return Dense(source, rng.integers(-1, 2, (part.channels, prod(shape)), np.int8))
    weight = rng.integers(-limit, limit + 1, (part.channels, shape[0], part.kernel, part.kernel), np.int8)
    return Conv(source, weight, padding=(part.padding, part.padding)).behind_pool(part.pool, shape)


def check_rate(rate: float) -> None:
    """Raise ConfigError unless the rate lies between 0 and 1."""
    if not 0 < rate < 1:
        raise ConfigError(f"firing rate {rate} is not between 0 and 1; give the share of neurons that spike at a step")


def check_width(width: float) -> None:
    """Raise ConfigError unless the width is above 0 and at most WIDEST."""
    if not 0 < width <= WIDEST:
        raise ConfigError(f"width {width} is not possible; allowed is above 0 and up to {WIDEST}")


def synthetic_images(pixels: Input, count: int, *, seed: int = 0) -> NDArray[np.int16]:
    """Draw random images `(count, C, H, W)` over the whole range of an input."""
    rng = np.random.default_rng(seed)
    return rng.integers(pixels.minimum, pixels.maximum + 1, (count, *pixels.shape), dtype=np.int16)


def scaled(size: int, width: float) -> int:
    """Return a number of channels at some width, at least 1."""
    return max(1, round(size * width))


def calibrated(
    name: str, fed: Sequence[tuple[Synapse, NDArray[Any]]], rate: float, rng: np.random.Generator
) -> tuple[Layer, NDArray[np.bool_]]:
    """Return a layer with the lowest threshold at which it fires at no more than `rate`, and its spikes `(T, ...)`.

    `fed` holds every synapse with the values `(T, ...)` of its source.
    """
    shape: Shape = fed[0][0].output_shape(fed[0][1].shape[1:])
    a: Int64s = np.sum([synapse.sums(source.astype(np.int64)) for synapse, source in fed], axis=0)
    spread = min(int(a.std() / 4), lif.BIAS_MANTISSA_MAX)
    bias = rng.integers(-spread, spread + 1, (shape[0], *[1] * (len(shape) - 1)))
    low, high = -1, lif.VTH_MAX
    while high - low > 1:
        vth = (low + high) // 2
        low, high = (low, vth) if _fired(Lif(shape, vth, HALF, bias), a).mean() <= rate else (vth, high)
    neuron = Lif(shape, high, HALF, bias)
    if high == 0 and _fired(neuron, a).mean() < NEAR * rate:
        raise ConfigError(f"firing rate {rate} cannot be reached: thresholds end at 0; ask for less than about 0.45")
    return Layer(name, tuple(synapse for synapse, _ in fed), neuron), _fired(neuron, a)


def _fired(neuron: Lif, a: Int64s) -> NDArray[np.bool_]:
    bias, spikes = neuron.bias, np.empty(a.shape, bool)
    u = v = np.zeros(neuron.shape, np.int64)
    for t, now in enumerate(a):
        u, v, spikes[t] = lif.step(u, v, now, du=neuron.du, dv=neuron.dv, bias=bias, vth=neuron.vth)
    return spikes
