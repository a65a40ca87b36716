"""The dialects of NIR: how each reader discretizes a graph, and whether its real numbers are the chip's.

NIR leaves the discretization to its readers, and they differ, so that one file cannot be exact in all of them. With
beta = 1 - dt / tau and r = tau / dt, Euler's step of `tau dv/dt = -v + r I` is the chip's own: v = beta v + I.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from snnc.export.target import option
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.text import span

UNIT = 2**lif.UNIT_SHIFT  # membrane units of one weight unit
HALF_STEP = 1 / (2 * UNIT)  # between two values of a membrane, so that > and >= are the same
NEARLY_FOREVER = 1e4  # seconds; a decay so slow that float32 does not see it


@dataclass(frozen=True)
class Dialect:
    """How one reader understands a graph: seconds per step, and how it gets a decay from a time constant."""

    dt: float
    decay: Callable[[NDArray[np.floating]], NDArray[np.floating]]  # of a time constant, with the reader's own roundings
    precision: type[np.floating] = np.float32  # of tau
    arithmetic: type[np.floating] = np.float32  # of sums and membranes
    strict: bool = True  # the threshold is exact and spikes are strictly above; else it lies halfway to the next value
    ignores_r: bool = False  # r is taken as 1: inputs count dt / tau, and membranes are smaller by that
    has_if: bool = True
    has_li: bool = False  # a membrane read-out is a leaky integrator; else a LIF that never spikes
    divides: bool = False  # a step takes v / tau from v, else it multiplies v
    sums_edges: bool = False
    has_delays: bool = False  # reads Delay nodes, and loops as a delay of one step
    refusal: str = ""


def _euler(dt: float) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    return lambda tau: 1 - dt / tau


def _norse(tau: NDArray[np.floating]) -> NDArray[np.floating]:
    one: NDArray[np.floating] = 1 - np.float32(1e-3) * (np.float32(1) / tau.astype(np.float32))
    return one


SINABS = "sinabs 3.1.3 resets by subtraction and lets a neuron spike several times in a step, which no NIR file can change"

DIALECTS: dict[str, Dialect] = {
    # NIR's definition and Euler's method; a step that is a power of two loses nothing in dt / tau.
    "spec": Dialect(2**-13, _euler(2**-13), np.float64, np.float64, has_li=True, sums_edges=True, has_delays=True),
    "norse": Dialect(1e-3, _norse, strict=False, ignores_r=True),
    "snntorch": Dialect(1e-4, _euler(1e-4), strict=False, has_if=False),  # its IF decays by 0.9
    "spikingjelly": Dialect(1e-4, _euler(1e-4), np.float64, strict=False, divides=True),
    "sinabs": Dialect(1e-4, _euler(1e-4), refusal=SINABS),
}


@dataclass(frozen=True)
class NirOptions:
    """For which reader a graph is written."""

    dialect: str = option("spec", "The reader.", choices=DIALECTS)


def exactness(network: Network, dialect: str = "spec") -> str | None:
    """Return None if a reader of the dialect computes a network to the last bit, else why not and how far it can drift.

    Exact means: every spike, and every membrane of hidden layers and the read-out (in norse times 1 - beta), whatever the
    input. `spec` is NIR's definition in float64; other readers compute in float32. The network must have no violations
    (violations.py), and none of its sums may overflow (bounds.prove), or the chip does what no real number does.
    """
    if not network.truncation_free:
        return _drift(network)
    for layer in network.layers:
        for reason in _roundings(network, layer, dialect):
            return f"layer {layer.name!r}: {reason}"
    return None


def _drift(network: Network) -> str:
    for layer in network.layers:
        if layer.neuron.has_current_memory:
            memory = f"current memory (du {span(layer.neuron.du)})"
            return f"layer {layer.name!r}: {memory} has no exact NIR neuron; use du {lif.DU_MAX}"
    betas = [float(np.max(layer.neuron.beta)) for layer in network.layers]
    steps = max(sum(beta**t for t in range(network.timesteps)) for beta in betas)
    return (
        "the network is not truncation-free: real-number membranes drift from the chip's by up to "
        f"{steps / UNIT:.3g} weight units until a spike comes earlier or later; "
        "train with --beta 0.5 and at most 7 steps, or with --beta 1"
    )


def _roundings(network: Network, layer: Layer, dialect: str) -> Iterator[str]:
    """Yield what a reader rounds in a layer of a truncation-free network: a decay, the scale of inputs, or a sum.

    All else is exact: a truncation-free membrane is a whole number of 1/64 weight units below 2**23, and so is, within a
    factor of two, all that a step computes on the way.
    """
    form, beta = DIALECTS[dialect], float(layer.neuron.beta)  # one for all: see violations.py
    leaks = beta < 1 or not form.has_if  # else an IF, which only adds
    if leaks and network.timesteps > 1 and not _decays_exactly(form, beta):
        yield f"no time constant makes {dialect} keep exactly {beta:g} of a membrane; train with --beta 0.5"
    if leaks and not _takes_inputs_as_they_are(form, beta):
        yield f"{dialect} scales its inputs by 1 - {beta:g}, which it rounds; train with --beta 0.5"
    reach, bits = _reach(network, layer), np.finfo(form.arithmetic).nmant + 1
    if reach > layer.neuron.finest_input << bits:
        kind = form.arithmetic.__name__
        yield f"its sums can reach {reach / UNIT:,.0f} weight units on the way, which {kind} rounds; take smaller inputs"


def _decays_exactly(form: Dialect, beta: float) -> bool:
    tau = np.array(time_constant(form, beta), form.precision)
    if not form.divides:
        return float(form.decay(tau)) == beta
    # v / tau comes out as (1 - beta) v, which float32 holds, for every v if tau is off by less than half of its last bit.
    taken = Fraction(1) / Fraction(float(form.arithmetic(tau / form.dt)))
    return abs(taken / (1 - Fraction(beta)) - 1) <= Fraction(1, 2 ** (np.finfo(form.arithmetic).nmant + 2))


def _takes_inputs_as_they_are(form: Dialect, beta: float) -> bool:
    tau = np.array(time_constant(form, beta), form.precision)
    if form.ignores_r:  # the scale must shift bits, no more
        return float(form.decay(tau)) == beta and np.frexp(1 - beta)[0] == 0.5
    return form.arithmetic is np.float32 or float(resistance(form, float(tau)) * (1 - form.decay(tau))) == 1


def _reach(network: Network, layer: Layer) -> int:
    """Return how far the sums of a layer's inputs and bias can get, in any order of adding, in 1/64 weight units."""
    reach = np.abs(layer.neuron.bias).reshape(len(layer.neuron.bias), -1).max(axis=1)
    for synapse in layer.synapses:
        weights = np.abs(synapse.weight.astype(np.int64)).reshape(len(synapse.weight), -1).sum(axis=1)
        reach = reach + (weights * max(map(abs, network.ranges[synapse.source])) << lif.UNIT_SHIFT)
    return int(reach.max())


def remark(network: Network, options: NirOptions) -> str | None:
    """Return why a reader may give other spikes, and how it gives logits if neither a leaky integrator nor counts do."""
    said = [exactness(network, options.dialect)]
    if network.readout == "membrane" and not DIALECTS[options.dialect].has_li:
        said.append(
            f"{options.dialect} has no leaky integrator, so the last node never spikes: sum its membrane v over the steps, "
            "in float64, for logits"
        )
    if network.rule.growth > 1:
        said.append(
            f"the first spike says the class: for scores, count a spike of the last node at step 0..{network.timesteps - 1} "
            f"{network.rule.growth}**({network.timesteps - 1} - step) times"
        )
    return "; ".join(filter(None, said)) or None


def resistance(form: Dialect, tau: float) -> float:
    """Return the r with which one unit of input adds one to the membrane: tau / dt, to the last bit where that is possible."""
    middle, added = tau / form.dt, 1 - (1 - form.dt / tau)
    near = [middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)]
    return float(min(near, key=lambda r: abs(r * added - 1)))


def time_constant(form: Dialect, beta: float) -> float:
    """Return the tau that the reader turns into a decay of exactly beta, or the nearest one."""
    if beta == 1:
        return NEARLY_FOREVER
    middle = np.array(form.dt / (1 - beta), form.precision)
    near = [middle]
    for direction in (-np.inf, np.inf):
        tau = middle
        for _ in range(16):
            tau = np.nextafter(tau, np.array(direction, form.precision))
            near.append(tau)
    return float(min(near, key=lambda tau: abs(float(form.decay(tau)) - beta)))
