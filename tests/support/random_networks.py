"""Random integer networks, for tests of everything that takes one; without torch."""

from math import prod

import numpy as np
from hypothesis import strategies as st

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.readout import ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense, Synapse


def random_synapse(rng: np.random.Generator, source: str, shape: tuple[int, ...], low: int, high: int) -> Synapse:
    """Draw a convolution or, for flat sources and half of the others, dense synapses."""
    if len(shape) == 1 or rng.random() < 0.4:
        return Dense(source, rng.integers(low, high + 1, (rng.integers(1, 7), prod(shape))))
    kernel = tuple(int(rng.integers(1, min(size, 3) + 1)) for size in shape[1:])
    weight = rng.integers(low, high + 1, (int(rng.integers(1, 5)), shape[0], *kernel))
    stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    padding = (int(rng.integers(0, 3)), int(rng.integers(0, 3)))
    return Conv(source, weight, stride, padding)


def random_network(seed: int, *, chip_only: bool = False) -> Network:
    """Draw a network of one to four layers; `chip_only` leaves out what a `.net` file cannot hold."""
    rng = np.random.default_rng(seed)
    shape: tuple[int, ...] = (int(rng.integers(1, 4)), int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    low, high = (0, 1) if rng.random() < 0.3 else (int(rng.integers(-20, 1)), int(rng.integers(1, 20)))
    pixels = Input(shape, low, high, zero_point=0)
    layers: list[Layer] = []
    source = INPUT
    for depth in range(int(rng.integers(1, 5))):
        limit = 127 if depth == 0 or rng.random() < 0.2 else 1
        synapse = random_synapse(rng, source, shape, -limit, limit)
        synapse.weight.setflags(write=True)
        synapse.weight.flat[0] = 1  # netx cannot scale a layer of zeros
        synapse.weight.setflags(write=False)
        shape = synapse.output_shape(shape)
        synapses = [synapse]
        if not chip_only and rng.random() < 0.3:
            synapses.append(
                Dense(source, rng.integers(-1, 2, (shape[0], synapse.weight.shape[1])))
                if isinstance(synapse, Dense)
                else synapse
            )
        layers.append(Layer(f"layer{depth}", tuple(synapses), random_neuron(rng, shape, limit, chip_only=chip_only)))
        source = layers[-1].name
    return Network(f"random {seed}", int(rng.integers(1, 7)), pixels, tuple(layers), "spikes")


def random_neuron(rng: np.random.Generator, shape: tuple[int, ...], limit: int, *, chip_only: bool) -> Lif:
    """Draw a population whose thresholds are met now and then."""
    exponent = 6 if chip_only else int(rng.integers(0, 8))
    bias = rng.integers(-3 * limit, 3 * limit + 1, shape if rng.random() < 0.5 else (shape[0], *[1] * (len(shape) - 1)))
    du = 4095 if rng.random() < 0.7 else int(rng.integers(0, 4096))
    return Lif(shape, int(rng.integers(0, 6 * limit)), int(rng.integers(0, 4096)), bias, exponent, du)


def random_samples(network: Network, count: int, *, timed: bool = False, seed: int = 0) -> np.ndarray:
    """Draw inputs `(count, ...)` or, if `timed`, `(T, count, ...)` within the network's range."""
    rng = np.random.default_rng(seed)
    shape = (network.timesteps, count) if timed else (count,)
    return rng.integers(network.input.minimum, network.input.maximum + 1, (*shape, *network.input.shape))


seeds = st.integers(0, 2**32 - 1)


def random_residual_network(seed: int) -> Network:
    """Draw a network of convolutions with shortcuts around one and around two of them, in two stages, and a dense head.

    The second stage joins a 2x2 spike sum of the first at stride 2, its channels doubled; the input joins late.
    """
    rng = np.random.default_rng(seed)
    width, strength = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    small, large = (2 * width, 2, 2), (width, 4, 4)
    low, high = (0, 1) if rng.random() < 0.5 else (-9, 9)
    channels = int(rng.integers(1, 3))

    def conv(source: str, out: int, inputs: int, stride: int = 1) -> Conv:
        return Conv(source, rng.integers(-1, 2, (out, inputs, 3, 3)), (stride, stride), (1, 1))

    def layer(name: str, shape: tuple[int, ...], *synapses: Synapse) -> Layer:
        bias = rng.integers(-2, 3, (shape[0], *[1] * (len(shape) - 1)))
        return Layer(name, synapses, Lif(shape, int(rng.integers(0, 3)), int(rng.choice([0, 2048, 3072])), bias))

    identity = Conv("a", strength * np.eye(width, dtype=int)[:, :, None, None])
    pooled = np.tile(np.eye(width, dtype=int), (2, 1))[:, :, None, None] * np.ones((2, 2), int)
    dense = [rng.integers(-1, 2, shape) for shape in ((6, 8 * width), (6, 6), (4, 6), (4, 6))]
    layers = [
        layer("a", large, conv(INPUT, width, channels)),
        layer("b", large, conv("a", width, width), identity),  # a shortcut around one convolution
        layer("c", large, conv("b", width, width), identity),  # and around two, whose paths differ by a hop
        layer("d", large, conv("c", width, width), conv(INPUT, width, channels)),
        layer("e", small, conv("d", 2 * width, width, stride=2), Conv("d", pooled, (2, 2))),
        layer("f", small, conv("e", 2 * width, 2 * width), Conv("c", pooled, (2, 2))),
        layer("hidden", (6,), Dense("f", dense[0])),
        layer("deep", (6,), Dense("hidden", dense[1])),
    ]
    membrane = bool(rng.random() < 0.5)
    readout = Lif((4,), lif.VTH_MAX if membrane else 1, 2048, rng.integers(-2, 3, (4,)))
    layers.append(Layer("out", (Dense("deep", dense[2]), Dense("hidden", dense[3])), readout))
    pixels = Input((channels, 4, 4), low, high)
    timesteps = int(rng.integers(1, 6))
    return Network(f"residual {seed}", timesteps, pixels, tuple(layers), "membrane" if membrane else "spikes")


def random_nir_network(seed: int) -> Network:
    """Draw a network that NIR can hold and real-number neurons can run exactly: a chain, square kernels, leaks of 1/2, 0 ..."""
    rng = np.random.default_rng(seed)
    shape: tuple[int, ...] = (int(rng.integers(1, 4)), 5, 5) if rng.random() < 0.7 else (int(rng.integers(1, 9)),)
    low, high = (0, 1) if rng.random() < 0.5 else (-int(rng.integers(0, 20)), int(rng.integers(1, 20)))
    pixels, layers = Input(shape, low, high), list[Layer]()
    for depth in range(int(rng.integers(1, 4))):
        limit, source = (9 if depth == 0 else 1), layers[-1].name if layers else INPUT
        if len(shape) == 1 or rng.random() < 0.4:
            synapse: Synapse = Dense(source, rng.integers(-limit, limit + 1, (int(rng.integers(1, 7)), prod(shape))))
        else:
            kernel, padding = int(rng.integers(1, 4)), int(rng.integers(0, 2))
            stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
            kernel = min(kernel, min(shape[1:]) + 2 * padding)
            weight = rng.integers(-limit, limit + 1, (int(rng.integers(1, 5)), shape[0], kernel, kernel))
            synapse = Conv(source, weight, stride, (padding, int(rng.integers(0, 2)) if kernel <= shape[2] else padding))
        shape = synapse.output_shape(shape)
        bias = rng.integers(-2 * limit, 2 * limit + 1, (shape[0], *[1] * (len(shape) - 1)))
        neuron = Lif(shape, int(rng.integers(0, 6 * limit)), int(rng.choice([2048, 2048, 0])), bias)
        layers.append(Layer(f"layer-{depth}", (synapse,), neuron))
    return Network(f"random nir {seed}", int(rng.integers(1, 8)), pixels, tuple(layers), "spikes")


def random_join_network(seed: int) -> Network:
    """Draw a network whose layers have two to four synapses each, from any earlier layers or the input.

    Half of them are such that real-number neurons can run them exactly; the others may leak and be biased anyhow.
    """
    rng = np.random.default_rng(seed)
    exact = bool(rng.random() < 0.5)
    low, high = (0, 1) if rng.random() < 0.4 else (-int(rng.integers(0, 20)), int(rng.integers(1, 20)))
    flat = bool(rng.random() < 0.2)
    pixels = Input((int(rng.integers(1, 9)),) if flat else (int(rng.integers(1, 4)), 5, 5), low, high)
    shapes, layers = {INPUT: pixels.shape}, list[Layer]()
    for depth in range(int(rng.integers(2, 5))):
        images = [name for name, shape in shapes.items() if len(shape) == 3]
        out = int(rng.integers(1, 5))
        shape: tuple[int, ...] = (out, *([(5, 5), (3, 3)][int(rng.integers(2))])) if images and rng.random() < 0.6 else (out,)
        able = images if len(shape) == 3 else list(shapes)
        sources = [able[-1], *(able[int(rng.integers(len(able)))] for _ in range(int(rng.integers(1, 4))))]
        synapses = tuple(_joining(rng, source, shapes[source], shape, square=exact) for source in sources)
        name = f"layer-{depth}"
        layers.append(Layer(name, synapses, _joined_neuron(rng, shape, exact=exact)))
        shapes[name] = shape
    spiking: tuple[ReadOutKind, ...] = ("spikes", "first-spike")
    readout: ReadOutKind = "membrane" if rng.random() < 0.5 else spiking[seed % 2]
    if readout == "membrane":
        last = layers[-1]
        layers[-1] = Layer(last.name, last.synapses, Lif(last.output_shape, 131071, last.neuron.dv, last.neuron.bias >> 6))
    return Network(f"random join {seed}", int(rng.integers(1, 8)), pixels, tuple(layers), readout)


def _joining(
    rng: np.random.Generator, source: str, before: tuple[int, ...], after: tuple[int, ...], *, square: bool
) -> Synapse:
    """Draw synapses that lead from one shape to another."""
    limit = int(rng.choice([1, 1, 9]))
    if len(after) == 1:
        return Dense(source, rng.integers(-limit, limit + 1, (after[0], prod(before))))
    ways = [
        ((height, width), (stride, across), (pad, side))
        for height in (1, 2, 3)
        for width in ((height,) if square else (1, 2, 3))
        for stride in (1, 2)
        for across in (1, 2)
        for pad in (0, 1, 2)
        for side in (0, 1, 2)
        if (before[1] + 2 * pad - height) // stride + 1 == after[1] and (before[2] + 2 * side - width) // across + 1 == after[2]
    ]
    kernel, strides, padding = ways[int(rng.integers(len(ways)))]
    return Conv(source, rng.integers(-limit, limit + 1, (after[0], before[0], *kernel)), strides, padding)


def _joined_neuron(rng: np.random.Generator, shape: tuple[int, ...], *, exact: bool) -> Lif:
    vth, per_channel = int(rng.integers(0, 12)), (shape[0], *[1] * (len(shape) - 1))
    if exact:
        return Lif(shape, vth, int(rng.choice([2048, 2048, 0])), rng.integers(-5, 6, per_channel))
    bias = rng.integers(-90, 91, shape if rng.random() < 0.5 else per_channel)
    du = 4095 if rng.random() < 0.6 else int(rng.integers(0, 4096))
    return Lif(shape, vth, int(rng.integers(0, 4096)), bias, int(rng.integers(0, 7)), du)


def residual_network(seed: int) -> Network:
    """Draw two residual blocks: a convolution, another one that the block's input joins, a projection, a dense read-out."""
    rng = np.random.default_rng(seed)

    def conv(source: str, out: int, before: int, size: int = 3, stride: int = 1) -> Conv:
        return Conv(source, rng.integers(-1, 2, (out, before, size, size)), (stride, stride), (size // 2, size // 2))

    def layer(name: str, shape: tuple[int, ...], *synapses: Synapse) -> Layer:
        return Layer(
            name, synapses, Lif(shape, int(rng.integers(0, 4)), 2048, rng.integers(-2, 3, (shape[0], *[1] * (len(shape) - 1))))
        )

    same = Conv("stem", np.eye(4, dtype=int)[:, :, None, None])
    layers = (
        layer("stem", (4, 6, 6), conv(INPUT, 4, 2)),
        layer("block1a", (4, 6, 6), conv("stem", 4, 4)),
        layer("block1b", (4, 6, 6), conv("block1a", 4, 4), same),
        layer("block2a", (6, 3, 3), conv("block1b", 6, 4, stride=2)),
        layer("block2b", (6, 3, 3), conv("block2a", 6, 6), conv("block1b", 6, 4, size=1, stride=2)),
        layer("out", (5,), Dense("block2b", rng.integers(-1, 2, (5, 54))), Dense("stem", rng.integers(-1, 2, (5, 144)))),
    )
    return Network(f"residual {seed}", 5, Input((2, 6, 6), 0, 9), layers, "spikes")


def random_decay_network(seed: int, *, chain: bool = False) -> Network:
    """Draw a small network for the question of exactness: any decay, 1 to 10 steps, both read-outs, whole and broken biases.

    Some inputs are never 0, and in some networks large products cancel. Unless `chain`, some layers have two synapses, from
    any earlier layers, and some have current memory. Few overflow.
    """
    rng = np.random.default_rng(seed)
    low, high = [(0, 1), (-int(rng.integers(20)), int(rng.integers(1, 20))), (90, 100), (4096, 4097)][
        int(rng.choice(4, p=[0.4, 0.4, 0.1, 0.1]))
    ]
    membrane, names, layers = bool(rng.random() < 0.6), [INPUT], list[Layer]()
    common = (_any_decay(rng), int(rng.choice([0, 3, 5, 6, 6, 6, 6, 8])))
    last = int(rng.integers(3))
    for depth in range(last + 1):
        most = 1 if depth else int(10 ** rng.uniform(0, 3.2))
        sources = [names[-1]] if chain else rng.choice(names, 1 + int(rng.random() < 0.2))
        synapses = [Dense(str(source), rng.integers(-most, most + 1, (4, 4))) for source in sources]
        if low > 4000 and not depth:
            weight = rng.integers(-(2**14), 2**14, (4, 2))
            synapses = [Dense(INPUT, np.hstack([weight, -weight]))]
        dv, exponent = common if rng.random() < 0.8 else (_any_decay(rng), 6)
        bias = rng.integers(-most, most + 1, 4) * int(rng.random() < 0.8)
        du = 4095 if chain or rng.random() < 0.95 else int(rng.integers(4095))
        vth = lif.VTH_MAX if membrane and depth == last else int(rng.integers(3 * most))
        layers.append(Layer(f"layer-{depth}", tuple(synapses), Lif((4,), vth, dv, bias, exponent, du)))
        names.append(layers[-1].name)
    timesteps = int(rng.integers(1, 11))
    return Network(f"decay {seed}", timesteps, Input((4,), low, high), tuple(layers), "membrane" if membrane else "spikes")


def _any_decay(rng: np.random.Generator) -> int:
    powers = [4096 - 2**shift for shift in range(13)]
    shares = [1024, 512, 2560, 1536, 4095, 0, 0, 2048, 2048]
    return int(rng.choice([*powers, *shares, int(rng.integers(4096))]))
