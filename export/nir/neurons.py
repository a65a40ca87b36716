"""Populations of a NIR graph in real numbers: their parameters under the rules of a writer, and one step after the other."""

from dataclasses import dataclass
from typing import Any

import nir
import numpy as np

from snnc.export.nir.constants import DOUBLE, Floats, computed, decays, stored
from snnc.export.nir.rules import Rules

SPIKING = (nir.LIF, nir.IF, nir.CubaLIF)
INTEGRATING = (nir.LI, nir.I, nir.CubaLI)
NEURONS = SPIKING + INTEGRATING


@dataclass(frozen=True)
class RealNeurons:
    """One population; parameters are arrays that broadcast to it, and what was meant by them (constants.py).

    A step is `u = alpha u + current_gain x`, `v = keep v + gain u + drive`. Without a synaptic current alpha is 0.
    """

    keep: Floats
    gain: Floats
    drive: Floats
    alpha: Floats
    current_gain: Floats
    threshold: Floats | None  # None for those that integrate and send their membrane
    reset: Floats
    start: Floats

    @property
    def total_gain(self) -> Floats:
        """What one unit of input adds to the membrane in its own step."""
        return computed(self.gain * self.current_gain)


@dataclass(frozen=True)
class Activity:
    """What one node sent, `(T, B, ...)`, and the membranes of a neuron after reset."""

    sent: Floats
    membranes: Floats | None = None


def real_neurons(node: Any, rules: Rules) -> RealNeurons:
    """Return the parameters of a LIF, IF, LI, I, CubaLIF or CubaLI under rules for what the file leaves open."""
    synaptic = hasattr(node, "tau_syn")
    tau = getattr(node, "tau_mem", None) if synaptic else getattr(node, "tau", None)
    lost = np.zeros(1) if tau is None else _lost(tau, rules)
    keep = decays(1 - lost)
    gain = _gain(node, None if tau is None else lost, rules)
    alpha, current_gain = np.zeros(1), np.ones(1)
    if synaptic:
        alpha = decays(1 - _lost(node.tau_syn, rules))
        current_gain = _current_gain(node, alpha, rules)
    threshold = stored(_plain(node.v_threshold)) if isinstance(node, SPIKING) else None
    leak = np.zeros(1) if tau is None else stored(_plain(node.v_leak))
    drive = computed(leak * lost) if leak.any() else leak
    reset = stored(_plain(node.v_reset)) if threshold is not None else np.zeros(1)
    start = {"zero": np.zeros(1), "leak": leak, "reset": reset}[rules.start]
    return RealNeurons(keep, gain, drive, alpha, current_gain, threshold, reset, start)


def _plain(values: Any) -> Floats:
    """Return parameters without a batch axis."""
    array = np.asarray(values, np.float64) if np.asarray(values).dtype.kind != "f" else np.asarray(values)
    return array[0] if array.ndim > 3 and len(array) == 1 else array


def _lost(tau: Any, rules: Rules) -> Floats:
    """Return the share that a step loses, as it is stored: for slow leaks it is finer than what is left."""
    ratio = rules.dt / (np.asarray(_plain(tau), np.float64) * rules.tau_unit)
    return ratio if rules.decay == "euler" else -np.expm1(-ratio)


def _gain(node: Any, lost: Floats | None, rules: Rules) -> Floats:
    """Return what one unit of input or current adds to a membrane; one without a leak adds it as it is."""
    if rules.gain == "normalized":
        return np.ones(1) if lost is None else computed(lost)
    if rules.gain == "unit":
        return np.ones(1)
    r = np.asarray(_plain(node.r), np.float64)
    return computed(r * (rules.dt if lost is None else lost))


def _current_gain(node: Any, alpha: Floats, rules: Rules) -> Floats:
    if rules.gain == "file":
        return computed(np.asarray(_plain(node.w_in), np.float64) * _lost(node.tau_syn, rules))
    return alpha if rules.early_decay else np.ones(1)


class Stepper:
    """One population from rest, step by step."""

    def __init__(self, neurons: RealNeurons, rules: Rules) -> None:
        """Begin where membranes begin."""
        self.neurons, self.rules = neurons, rules
        self.u: Floats = np.zeros(1)
        self.v: Floats = neurons.start
        self.pending = [np.zeros(1, bool)] * rules.reset_delay

    def step(self, now: Floats) -> tuple[Floats, Floats]:
        """Return what the population sends and its membranes after reset, for inputs `(B, ...)`.

        A membrane that misses the threshold by no more than the noise of float64 meets it.
        """
        neurons = self.neurons
        self.u = neurons.alpha * self.u + neurons.current_gain * now
        v = neurons.keep * self.v + neurons.gain * self.u + neurons.drive
        if neurons.threshold is None:
            self.v = v
            return v, v
        fired = reaches(v, neurons.threshold, self.rules)
        self.pending.append(fired)
        reset = self.pending.pop(0)
        self.v = np.where(reset, neurons.reset if self.rules.reset == "zero" else v - neurons.threshold, v)
        return fired.astype(np.float64), self.v


def run(neurons: RealNeurons, inputs: Floats, rules: Rules) -> Activity:
    """Step one population over inputs `(T, B, ...)`; those that integrate send their membrane."""
    stepper, sent, membranes = Stepper(neurons, rules), np.empty(inputs.shape), np.empty(inputs.shape)
    for t, now in enumerate(inputs):
        sent[t], membranes[t] = stepper.step(now)
    return Activity(sent, membranes)


def reaches(v: Floats, threshold: Floats, rules: Rules) -> Any:
    """Tell where a membrane makes its neuron spike."""
    noise = DOUBLE * np.abs(threshold)
    return v > threshold + noise if rules.compare == ">" else v >= threshold - noise
