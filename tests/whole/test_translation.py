"""Translation validation: what each file and engine computes of small layers is the definition in fractions, for every input.

A neuron's step is compared in every state that it can reach, and every engine on every sequence of inputs.
"""

from fractions import Fraction
from itertools import product
from math import ceil, floor
from pathlib import Path

import numpy as np
import pytest

from snnc.export import TARGETS, export, read_network
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.frames import as_frames
from snnc.verification.engines import ENGINES, Subject

State = tuple[int, int]
LOW, HIGH, TIMESTEPS = -2, 3, 4

# threshold, dv, bias mantissa and exponent, du: no leak, halves, odd decays, negative biases, a current that stays for a while
PLAIN = [(2, 2048, 0, 6, 4095), (0, 0, 1, 6, 4095), (4, 4095, -1, 6, 4095), (3, 3072, 2, 5, 4095)]
LEAKY = [(3, 1000, 1, 0, 4095), (2, 2048, -5, 3, 2000), (5, 17, 7, 2, 4000)]


def of_fraction(value: Fraction) -> int:
    """Round toward zero."""
    return ceil(value) if value < 0 else floor(value)


def defined(state: State, a: int, neuron: Lif) -> tuple[State, bool]:
    """Return state and spike after one step, as the documentation defines it, in exact fractions."""
    du, dv = int(neuron.du), int(neuron.dv)
    u = of_fraction(Fraction(state[0] * (4096 - (du + 1)), 4096)) + 64 * a
    v = of_fraction(Fraction(state[1] * (4096 - dv), 4096)) + u + int(neuron.bias[0])
    spike = v > 64 * neuron.vth
    return (u, 0 if spike else v), spike


def network_of(parameters: tuple[int, ...]) -> Network:
    """One neuron for each of two ways to weigh the input; nothing of it can overflow."""
    vth, dv, mantissa, exponent, du = parameters
    layer = Layer("fc", (Dense(INPUT, [[1], [-1]]),), Lif((2,), vth, dv, mantissa, exponent, du))
    return Network("one", TIMESTEPS, Input((1,), LOW, HIGH), (layer,), "spikes")


@pytest.mark.parametrize("parameters", [*PLAIN, *LEAKY])
def test_every_step_from_every_reachable_state_is_as_defined(parameters: tuple[int, ...]) -> None:
    neuron = network_of(parameters).layers[0].neuron
    states = reached = {(0, 0)}
    for _ in range(TIMESTEPS + 2):
        following = set()
        for (u, v), a in product(reached, range(LOW, HIGH + 1)):
            after, spike = defined((u, v), a, neuron)
            constants = {"du": neuron.du, "dv": neuron.dv, "bias": int(neuron.bias[0]), "vth": neuron.vth}
            assert lif.step(u, v, a, **constants) == (*after, spike)
            following.add(after)
        reached = following - states
        states = states | following
    assert len(states) > 6


def every_sequence() -> np.ndarray:
    """Return every input of every step, `(T, B, 1)`."""
    sequences = np.array(list(product(range(LOW, HIGH + 1), repeat=TIMESTEPS)))
    return sequences.T[:, :, None]


def by_definition(network: Network, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return spikes and membranes `(T, B, 2)`."""
    neuron = network.layers[0].neuron
    spikes, membranes = np.zeros((*samples.shape[:2], 2), bool), np.zeros((*samples.shape[:2], 2), int)
    for sample, index in product(range(samples.shape[1]), range(2)):
        state = (0, 0)
        for t in range(len(samples)):
            a = int(samples[t, sample, 0]) * (1, -1)[index]
            state, spikes[t, sample, index] = defined(state, a, neuron)
            membranes[t, sample, index] = state[1]
    return spikes, membranes


@pytest.mark.parametrize("parameters", [*PLAIN, *LEAKY])
def test_every_engine_is_the_definition_on_every_sequence(parameters: tuple[int, ...], tmp_path: Path) -> None:
    network, samples = network_of(parameters), every_sequence()
    assert not any(overflows(network))
    spikes, membranes = by_definition(network, samples)
    ran = []
    for name, target in TARGETS.items():
        if target.violations(network):
            continue
        file = export(network, name, tmp_path / f"one{target.suffix}")
        assert read_network(file) == network
        subject = Subject(network, files=() if name == "onnx" else (Path(file),))  # its file takes one image for all steps
        engines = [engine for engine in target.engines if engine not in ("lava", "netx")]
        for engine in ("reference", "fast", "tensor", *engines):
            if ENGINES[engine].missing(subject):
                continue
            trace = ENGINES[engine].run(subject, as_frames(network, samples))
            assert (trace.spikes["fc"] == spikes).all(), engine
            assert (trace.membranes["fc"] == membranes).all(), engine
            ran.append(engine)
    assert {"reference", "tensor"} <= set(ran)
