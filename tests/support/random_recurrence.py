"""Random networks with delays, recurrence, decays of each neuron's own and weights beyond 8 bits; and a simulator in loops."""

import numpy as np

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.readout import ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

SIDE = 4


def random_recurrent_network(
    seed: int, *, cycles: bool = True, delays: bool = True, decays: bool = True, wide: bool = True, images: bool = True
) -> Network:
    """Draw two to four layers of one to three synapses each, from any source that the switches allow."""
    rng = np.random.default_rng(seed)
    low, high = (0, 1) if rng.random() < 0.5 else (int(rng.integers(-9, 5)), int(rng.integers(5, 9)))
    pixels = Input((2, SIDE, SIDE) if images and rng.random() < 0.7 else (5,), low, high)
    count, shapes = int(rng.integers(2, 5)), {INPUT: pixels.shape}
    for index in range(count):
        is_image = len(pixels.shape) == 3 and index < count - 1 and rng.random() < 0.6
        shapes[f"layer{index}"] = (int(rng.integers(1, 4)), SIDE, SIDE) if is_image else (int(rng.integers(1, 6)),)
    names, layers = list(shapes), list[Layer]()
    for index in range(count):
        name = f"layer{index}"
        able = [each for each in (names if cycles else names[: index + 1]) if len(shapes[name]) == 1 or len(shapes[each]) == 3]
        chosen = [able[min(index, len(able) - 1)], *rng.choice(able, int(rng.integers(0, 3)))]
        synapses = []
        for source in map(str, chosen):
            least = int(names.index(source) > index)
            delay = least + (int(rng.choice([0, 0, 1, 2, 7])) if delays else 0)
            synapses.append(random_delayed_synapse(rng, source, shapes[source], shapes[name], delay, wide=wide))
        layers.append(Layer(name, tuple(synapses), _neuron(rng, shapes[name], decays=decays)))
    spiking: tuple[ReadOutKind, ...] = ("spikes", "first-spike")
    readout: ReadOutKind = "membrane" if rng.random() < 0.3 else spiking[seed % 2]
    if readout == "membrane":
        last = layers[-1]
        neuron = Lif(last.output_shape, lif.VTH_MAX, last.neuron.dv, last.neuron.bias >> 6)
        layers[-1] = Layer(last.name, tuple(synapse for synapse in last.synapses if synapse.source != last.name), neuron)
    return Network(f"recurrent {seed}", int(rng.integers(1, 9)), pixels, tuple(layers), readout)


def random_delayed_synapse(
    rng: np.random.Generator, source: str, before: tuple[int, ...], after: tuple[int, ...], delay: int, *, wide: bool
) -> Synapse:
    """Draw synapses from one shape to another; images keep their side."""
    limit = int(rng.choice([1, 1, 9, 400 if wide else 100]))
    if len(after) == 1:
        return Dense(source, rng.integers(-limit, limit + 1, (after[0], int(np.prod(before)))), delay)
    size = int(rng.choice([1, 3]))
    return Conv(source, rng.integers(-limit, limit + 1, (after[0], before[0], size, size)), (1, 1), (size // 2,) * 2, delay)


def _neuron(rng: np.random.Generator, shape: tuple[int, ...], *, decays: bool) -> Lif:
    def decay(usual: int) -> np.ndarray | int:
        if decays and rng.random() < 0.4:
            return rng.integers(0, 4096, shape)
        return usual if rng.random() < 0.6 else int(rng.integers(0, 4096))

    bias = rng.integers(-4, 6, shape if rng.random() < 0.5 else (shape[0], *[1] * (len(shape) - 1)))
    return Lif(shape, int(rng.integers(0, 25)), decay(2048), bias, 6, decay(lif.DU_MAX))


def simulated_in_loops(network: Network, stream: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return spikes and membranes `(T, B, *shape)` for a stream `(T, B, *input.shape)`, neuron by neuron in Python's integers.

    Written apart from the package's simulators: matrices from unit vectors, equations of DESIGN.md section 3.
    """
    matrices = {
        (layer.name, index): synapse.sums(np.eye(int(np.prod(shape)), dtype=np.int64).reshape(-1, *shape))
        for layer in network.layers
        for index, synapse in enumerate(layer.synapses)
        for shape in [network.shapes[synapse.source]]
    }
    batch = stream.shape[1]
    spikes = {each.name: np.zeros((network.timesteps, batch, *each.output_shape), bool) for each in network.layers}
    membranes = {name: np.zeros(array.shape, np.int64) for name, array in spikes.items()}
    for sample in range(batch):
        state = {each.name: [[0, 0] for _ in range(each.neurons)] for each in network.layers}
        for t in range(network.timesteps):
            for layer in network.layers:
                drive = np.zeros(layer.neurons, np.int64)
                for index, synapse in enumerate(layer.synapses):
                    if t >= synapse.delay:
                        sent = stream if synapse.source == INPUT else spikes[synapse.source]
                        flat = sent[t - synapse.delay, sample].astype(np.int64).ravel()
                        drive += flat @ matrices[layer.name, index].reshape(len(flat), -1)
                neuron = layer.neuron
                du, dv, bias = (np.broadcast_to(x, neuron.shape).ravel() for x in (neuron.du, neuron.dv, neuron.bias))
                for i, (u, v) in enumerate(state[layer.name]):
                    u = _rounded(u * (4095 - int(du[i]))) + int(drive[i]) * 64
                    u = u - 2**24 if u > 2**23 else u + 2**24 if u <= -(2**23) else u
                    v = max(-(2**23) + 1, min(2**23 - 1, _rounded(v * (4096 - int(dv[i]))) + u + int(bias[i])))
                    fired = v > neuron.vth * 64
                    state[layer.name][i] = [u, 0 if fired else v]
                    spikes[layer.name][t, sample].flat[i] = fired
                    membranes[layer.name][t, sample].flat[i] = 0 if fired else v
    return spikes, membranes


def _rounded(product: int) -> int:
    return product // 4096 if product >= 0 else -(-product // 4096)
