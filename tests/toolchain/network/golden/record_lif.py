"""Records what Lava's own bit-accurate neurons compute, for test_lif.py beside this folder.

Needs lava-nc 0.10.0. The process models run as they are: only their ports are replaced by arrays.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from snnc.export.lava.import_fixes import modern_python

with modern_python():
    from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc

HERE = Path(__file__).parent
STATE = 2**23
EDGES = np.array([0, 1, -1, 63, 64, -64, 4095, -4095, 4096, -4097, STATE - 1, 1 - STATE, STATE - 64, 64 - STATE])
ACTIVATION_EDGES = np.array([0, 1, -1, 131071, -131071, 131072, -131072, 131073, 200000, -200000, 262143, -262143])


def lava_step(model: Any, a: np.ndarray) -> np.ndarray:
    """Run one step of a Lava process model on the input `a` and return what it sends."""
    sent: list[np.ndarray] = []
    model.a_in = SimpleNamespace(recv=lambda: a.astype(np.int32))
    model.s_out = SimpleNamespace(send=lambda data: sent.append(np.array(data)))
    model.run_spk()
    return sent[0]


def set_up(model: Any, state: dict[str, np.ndarray]) -> None:
    """Put the state and the parameters into a process model, with the types that Lava declares for them."""
    model.u, model.v = state["u"].astype(np.int32), state["v"].astype(np.int32)
    model.du, model.dv = state["du"].astype(np.int64), state["dv"].astype(np.int64)
    model.bias_mant, model.bias_exp = state["bias_mantissa"].astype(np.int16), state["bias_exponent"].astype(np.int16)
    model.vth = state["vth"].astype(np.int32)


def random_states(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Draw states: every dv comes up, a third of the values lie on an edge, the rest are spread over all magnitudes."""

    def spread(limit: int) -> np.ndarray:
        magnitude = 2 ** rng.uniform(0, np.log2(limit), count)
        return (rng.choice([-1, 1], count) * magnitude).astype(np.int64)

    def mix(edges: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.where(rng.random(count) < 1 / 3, rng.choice(edges, count), other)

    return {
        "u": mix(EDGES, spread(STATE - 1)),
        "v": mix(EDGES, spread(STATE - 1)),
        "a": mix(ACTIVATION_EDGES, spread(262143)),
        "du": mix(np.array([0, 1, 2047, 4094, 4095]), rng.integers(0, 4096, count)),
        "dv": np.arange(count) % 4096,
        "bias_mantissa": mix(np.array([-4096, -1, 0, 1, 4095]), rng.integers(-4096, 4096, count)),
        "bias_exponent": rng.integers(0, 8, count),
        "vth": mix(np.array([0, 1, 131070, 131071]), (2 ** rng.uniform(0, 17, count)).astype(np.int64) - 1),
    }


def meet_the_threshold(rng: np.random.Generator, state: dict[str, np.ndarray]) -> None:
    """Give every ninth neuron without decay a membrane that lands on its threshold, one below it, or one above it."""
    near = np.arange(0, state["v"].size, 9)
    state["dv"][near], state["du"][near] = 0, 4095
    bias = state["bias_mantissa"][near] << state["bias_exponent"][near]
    target = (state["vth"][near] << 6) + rng.integers(-1, 2, near.size)
    state["a"][near] = 0
    state["v"][near] = np.clip(target - bias, 1 - STATE, STATE - 1)


def record_single_steps(count: int) -> dict[str, np.ndarray]:
    """Record one step of PyLifModelBitAcc from each of `count` states."""
    rng = np.random.default_rng(20240915)
    state = random_states(rng, count)
    meet_the_threshold(rng, state)
    model: Any = PyLifModelBitAcc({"shape": (count,)})
    set_up(model, state)
    spikes = lava_step(model, state["a"])
    return state | {"next_u": model.u, "next_v": model.v, "spikes": spikes}


def record_sequences(count: int, steps: int, interval: int, offset: int) -> dict[str, np.ndarray]:
    """Record PyLifResetModelBitAcc over `steps` steps, with its own reset every `interval` steps."""
    rng = np.random.default_rng(2409)
    state = random_states(rng, count)
    state["u"][:], state["v"][:] = 0, 0
    a = rng.integers(-3000, 3000, (steps, count))
    model: Any = PyLifResetModelBitAcc({"shape": (count,), "reset_interval": interval, "reset_offset": offset})
    set_up(model, state)
    u, v, spikes = [], [], []
    for t in range(steps):
        model.time_step = t + 1  # Lava counts from 1
        spikes.append(lava_step(model, a[t]))
        u.append(model.u.copy())
        v.append(model.v.copy())
    state["a"] = a
    return state | {"next_u": np.stack(u), "next_v": np.stack(v), "spikes": np.stack(spikes)}


def smallest(values: np.ndarray) -> np.ndarray:
    """Return the same integers in the smallest type that holds them."""
    kinds = [np.int8, np.int16, np.int32]
    return values.astype(next(kind for kind in kinds if (values.astype(kind) == values).all()))


def main() -> None:
    """Write both recordings."""
    single = record_single_steps(106_496)
    np.savez_compressed(HERE / "lif_steps.npz", **{name: smallest(values) for name, values in single.items()})
    sequences = record_sequences(count=512, steps=20, interval=5, offset=1)
    np.savez_compressed(HERE / "lif_reset.npz", **{name: smallest(values) for name, values in sequences.items()})


if __name__ == "__main__":
    main()
