"""Random networks whose layers have one to four synapses, each from any earlier layer or from the input."""

from itertools import product
from math import prod, sqrt

import numpy as np

from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

Shapes = dict[str, tuple[int, ...]]
SIDES = range(1, 8)
CHANNELS = (1, 2, 5, 63, 64, 65, 255, 256, 257)  # around the 64 of a word and the 64, 128 and 256 of a block
AXES = [(kernel, stride, padding) for kernel in range(1, 5) for stride in range(1, 8) for padding in range(3)]


def joined_network(seed: int) -> tuple[Network, np.ndarray]:
    """Draw a network of joins and samples for it, constant `(B, ...)` or timed `(T, B, ...)`."""
    rng = np.random.default_rng(seed)
    low, high = (0, 1) if rng.random() < 0.5 else (-int(rng.integers(0, 300)), int(rng.integers(1, 300)))
    pixels = Input((int(rng.choice(CHANNELS)), int(rng.choice(SIDES)), int(rng.choice(SIDES))), low, high)
    shapes: Shapes = {INPUT: pixels.shape}
    layers: list[Layer] = []
    for depth in range(int(rng.integers(1, 5))):
        target = _target(rng, shapes, dense=depth > 0 and rng.random() < 0.3)
        count = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.5, 0.2, 0.2]))
        synapses = [_synapse(rng, shapes, target) for _ in range(count)]
        drive = sum(_drive(synapse, high if synapse.source == INPUT else 1) for synapse in synapses)
        layers.append(Layer(f"layer{depth}", tuple(synapses), _neuron(rng, target, drive)))
        shapes[f"layer{depth}"] = target
    network = Network(f"joins {seed}", int(rng.integers(1, 6)), pixels, tuple(layers), "spikes")
    frames = (network.timesteps,) if rng.random() < 0.5 else ()
    samples = rng.integers(low, high + 1, (*frames, int(rng.integers(1, 7)), *pixels.shape))
    return network, samples * (rng.random(samples.shape) < rng.choice([0.1, 0.5, 1.0]))


def _target(rng: np.random.Generator, shapes: Shapes, *, dense: bool) -> tuple[int, ...]:
    channels = int(rng.choice(CHANNELS))
    grids = [shape for shape in shapes.values() if len(shape) == 3]
    _, height, width = grids[rng.integers(len(grids))]
    sizes = [[side for side in SIDES if _axes(size, side)] for size in (height, width)]
    return (channels,) if dense else (channels, int(rng.choice(sizes[0])), int(rng.choice(sizes[1])))


def _axes(size: int, target: int) -> list[tuple[int, int, int]]:
    """Return every kernel, stride and padding that makes `target` positions of `size`."""
    return [(k, s, p) for k, s, p in AXES if k <= size + 2 * p and (size + 2 * p - k) // s + 1 == target]


def _synapse(rng: np.random.Generator, shapes: Shapes, target: tuple[int, ...]) -> Synapse:
    limit = int(rng.choice([1, 1, 1, 127]))
    if len(target) == 1:
        source = str(rng.choice(list(shapes)))
        return Dense(source, rng.integers(-limit, limit + 1, (target[0], prod(shapes[source]))))
    fitting = [
        (name, ways)
        for name, shape in shapes.items()
        if len(shape) == 3 and (ways := list(product(_axes(shape[1], target[1]), _axes(shape[2], target[2]))))
    ]
    source, ways = fitting[rng.integers(len(fitting))]
    pool = int(rng.choice([1, 2, 3]))
    pooled = [way for way in ways if not any(size % pool for size in (*way[0], *way[1], *shapes[source][1:]))]
    pool, ways = (pool, pooled) if pooled else (1, ways)
    (kh, down, above), (kw, right, left) = ways[rng.integers(len(ways))]
    taps = rng.integers(-limit, limit + 1, (target[0], shapes[source][0], kh // pool, kw // pool))
    return Conv(source, taps.repeat(pool, 2).repeat(pool, 3), (down, right), (above, left))


def _drive(synapse: Synapse, most: int) -> float:
    return most * float(np.abs(synapse.weight).max()) * sqrt(synapse.weight[0].size)


def _neuron(rng: np.random.Generator, shape: tuple[int, ...], drive: float) -> Lif:
    per_channel = (shape[0], *[1] * (len(shape) - 1))
    spread = int(min(drive, 4095)) + 1
    bias = rng.integers(-spread, spread, shape if rng.random() < 0.15 else per_channel)
    vth = int(rng.integers(0, min(int(drive) + 2, 2**17)))
    du = 4095 if rng.random() < 0.85 else int(rng.integers(0, 4095))
    return Lif(shape, vth, int(rng.integers(0, 4096)), bias, int(rng.choice([3, 6])), du)
