"""For each limit of Lava's stock processes a network that reaches it, or that passes it by a given excess."""

from collections.abc import Callable

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

W = 2**23 - 1  # the largest weight


def single(pixels: Input, synapse: Synapse, neuron: Lif) -> Network:
    return Network("limit", 3, pixels, (Layer("a", (synapse,), neuron),), "spikes")


def scalar(neuron: Lif, least: int = 0, most: int = 1) -> Network:
    return single(Input((1,), least, most), Dense(INPUT, [[1]]), neuron)


def looped(weight: int, delay: int, timesteps: int) -> Network:
    """One neuron that feeds itself."""
    layer = Layer("a", (Dense(INPUT, [[weight]]), Dense("a", [[0]], delay)), Lif((1,), 5, 0))
    return Network("loop", timesteps, Input((1,), 0, 1), (layer,), "spikes")


def ring(delay: int) -> Network:
    """Two layers that feed each other."""
    layers = (
        Layer("a", (Dense("b", [[2]], delay), Dense(INPUT, [[1]])), Lif((1,), 1, 0)),
        Layer("b", (Dense("a", [[2]]),), Lif((1,), 1, 0)),
    )
    return Network("ring", 5, Input((1,), 0, 3), layers, "spikes")


AT_LIMIT: dict[str, Callable[[int], Network]] = {
    "hops more than steps of delay:": lambda excess: ring(2 - excess),
    "steps that dense synapses hold back:": lambda excess: looped(1, 64 + excess, 70),
    "current while kept silent between samples": lambda excess: looped(131071 + excess, 1, 3),
    "input value": lambda excess: scalar(Lif((1,), 40000, 0), -(2**15), 2**15 - 1 + excess),
    "threshold": lambda excess: single(
        Input((2,), 0, 1), Dense(INPUT, [[131071, 1], [-1, 0]]), Lif((2,), lif.VTH_MAX + excess, 0, [63, 0], 0)
    ),
    "bias mantissa": lambda excess: scalar(Lif((1,), 10000, 0, (4095 + excess) << 7, 0)),
    "kernel size, stride or padding": lambda excess: single(
        Input((1, 1, 300), -1, 1), Conv(INPUT, [[[[1] * (127 + excess)]]], (1, 127), (0, 127)), Lif((1, 1, 4), 1, 1024)
    ),
    "sum of a convolution": lambda excess: single(
        Input((1, 1, 2), -1, 1), Conv(INPUT, [[[[2**22, 2**22 - 1 + excess]]]]), Lif((1, 1, 1), 1000, 0)
    ),
    "current, in 1/64 weight units,": lambda excess: single(
        Input((4,), 0, 1), Dense(INPUT, [[W, W, W, 2**25 - 2**19 - 3 * W + excess], [-W, -W, -W, 0]]), Lif((2,), 1000, 0)
    ),
}
