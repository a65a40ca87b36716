"""The dialects of NIR: how each reader discretizes a graph, and whether its real numbers give the chip's spikes.

NIR leaves the discretization to its readers, and they differ, so that one file cannot be exact in all of them. With
beta = 1 - dt / tau and r = tau / dt, Euler's step of `tau dv/dt = -v + r I` is the chip's own: v = beta v + I.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.export.target import option
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Network

UNIT = 2**lif.UNIT_SHIFT  # membrane units of one weight unit
HALF_STEP = 1 / (2 * UNIT)  # between two values of a membrane, so that > and >= are the same
NEARLY_FOREVER = 1e4  # seconds; a decay so slow that float32 does not see it


@dataclass(frozen=True)
class Dialect:
    """How one reader understands a graph: seconds per step, and how it gets a decay from a time constant."""

    dt: float
    decay: Callable[[NDArray[np.floating]], NDArray[np.floating]]  # of a time constant, with the reader's own roundings
    precision: type[np.floating] = np.float32  # of tau
    strict: bool = True  # the threshold is exact and spikes are strictly above; else it lies halfway to the next value
    ignores_r: bool = False  # r is taken as 1: inputs count dt / tau, and membranes are smaller by that
    has_if: bool = True
    has_li: bool = False  # a membrane read-out is a leaky integrator; else a LIF that never spikes
    sums_edges: bool = False
    refusal: str = ""


def _euler(dt: float) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    return lambda tau: 1 - dt / tau


def _norse(tau: NDArray[np.floating]) -> NDArray[np.floating]:
    one: NDArray[np.floating] = 1 - np.float32(1e-3) * (np.float32(1) / tau.astype(np.float32))
    return one


SINABS = "sinabs 3.1.3 resets by subtraction and lets a neuron spike several times in a step, which no NIR file can change"

DIALECTS: dict[str, Dialect] = {
    # NIR's definition and Euler's method; a step that is a power of two loses nothing in dt / tau.
    "spec": Dialect(2**-13, _euler(2**-13), np.float64, has_li=True, sums_edges=True),
    "norse": Dialect(1e-3, _norse, strict=False, ignores_r=True),
    "snntorch": Dialect(1e-4, _euler(1e-4), strict=False, has_if=False),  # its IF decays by 0.9
    "spikingjelly": Dialect(1e-4, _euler(1e-4), np.float64, strict=False),
    "sinabs": Dialect(1e-4, _euler(1e-4), refusal=SINABS),
}


@dataclass(frozen=True)
class NirOptions:
    """For which reader a graph is written."""

    dialect: str = option("spec", "The reader.", choices=DIALECTS)


def exactness(network: Network, dialect: str = "spec") -> str | None:
    """Return None if a float32 reader of the dialect gives the network's very spikes, else why not and how far it can drift."""
    if not network.truncation_free:
        betas = [layer.neuron.beta for layer in network.layers]
        steps = max(sum(beta**t for t in range(network.timesteps)) for beta in betas)
        return (
            "the network is not truncation-free: real-number membranes drift from the chip's by up to "
            f"{steps / UNIT:.3g} weight units until a spike comes earlier or later; train with --beta 0.5 and at most 7 steps"
        )
    for layer in network.layers:
        beta, form = layer.neuron.beta, DIALECTS[dialect]
        if dialect == "spec" and beta < 1:
            tau = time_constant(form, beta)
            kept = 1 - form.dt / tau
            if kept != beta or resistance(form, tau) * (1 - kept) != 1:
                return f"layer {layer.name!r}: no time constant gives a decay of exactly {beta:g}; train with --beta 0.5"
        if form.ignores_r and beta not in (0.5, 1.0):
            return (
                f"layer {layer.name!r}: {dialect} scales its inputs by 1 - {beta:g}, which float32 rounds; "
                "train with --beta 0.5"
            )
    return None


def remark(network: Network, options: NirOptions) -> str | None:
    """Return why a reader may give other spikes, and how it gives logits if its read-out is no leaky integrator."""
    said = [exactness(network, options.dialect)]
    if network.readout == "membrane" and not DIALECTS[options.dialect].has_li:
        said.append(
            f"{options.dialect} has no leaky integrator, so the last node never spikes: sum its membrane v over the steps "
            "for logits"
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
