"""The neuron against what Lava's own bit-accurate models computed, and the three kinds of integers against each other."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.toolchain.network import lif

GOLDEN = Path(__file__).parent / "golden"


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as file:
        return {key: file[key].astype(np.int64) for key in file.files}


def parameters(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    bias = golden["bias_mantissa"] << golden["bias_exponent"]
    return {"du": golden["du"], "dv": golden["dv"], "vth": golden["vth"], "bias": bias}


def test_one_step_equals_lava() -> None:
    golden = load("lif_steps.npz")
    u, v, spikes = lif.step(golden["u"], golden["v"], golden["a"], **parameters(golden))
    assert golden["u"].size >= 100_000
    assert np.array_equal(u, golden["next_u"])
    assert np.array_equal(v, golden["next_v"])
    assert np.array_equal(spikes, golden["spikes"])


def test_the_recording_reaches_every_edge() -> None:
    golden = load("lif_steps.npz")
    current = lif.decayed(golden["u"], golden["du"] + 1) + (golden["a"] << 6)
    before_reset = lif.decayed(golden["v"], golden["dv"]) + golden["next_u"] + parameters(golden)["bias"]
    assert set(golden["dv"]) == set(range(4096))
    assert set(golden["bias_exponent"]) == set(range(8))
    assert (current > 2**23).sum() > 1000 and (current <= -(2**23)).sum() > 1000
    assert (current == 2**23).any() and (current == -(2**23)).any()
    assert (before_reset > lif.MEMBRANE_MAX).any() and (before_reset < -lif.MEMBRANE_MAX).any()
    assert (before_reset == golden["vth"] << 6).sum() > 1000
    assert ((golden["v"] * (4096 - golden["dv"]) < 0) & (golden["v"] * (4096 - golden["dv"]) % 4096 != 0)).sum() > 1000


def test_a_reset_between_samples_equals_a_fresh_start() -> None:
    golden = load("lif_reset.npz")
    for t in range(golden["a"].shape[0]):
        if t % 5 == 0:
            u = v = np.zeros_like(golden["vth"])
        u, v, spikes = lif.step(u, v, golden["a"][t], **parameters(golden))
        assert np.array_equal(u, golden["next_u"][t])
        assert np.array_equal(v, golden["next_v"][t])
        assert np.array_equal(spikes, golden["spikes"][t])


@given(
    u=st.integers(-(2**23) + 1, 2**23),
    v=st.integers(-lif.MEMBRANE_MAX, lif.MEMBRANE_MAX),
    a=st.integers(-300_000, 300_000),
    du=st.integers(0, 4095),
    dv=st.integers(0, 4095),
    bias=st.integers(-4096 << 7, 4095 << 7),
    vth=st.integers(0, 131071),
)
def test_ints_numpy_and_torch_agree(u: int, v: int, a: int, du: int, dv: int, bias: int, vth: int) -> None:
    plain = lif.step(u, v, a, du=du, dv=dv, bias=bias, vth=vth)
    torch = pytest.importorskip("torch")
    for vector in (np.array, torch.tensor):
        other = lif.step(vector([u]), vector([v]), vector([a]), du=du, dv=dv, bias=bias, vth=vth)
        assert tuple(int(part[0]) for part in other) == tuple(int(part) for part in plain)


@pytest.mark.parametrize(
    ("current", "wrapped"),
    [(2**23, 2**23), (2**23 + 1, 1 - 2**23), (-(2**23), 2**23), (1 - 2**23, 1 - 2**23), (0, 0)],
)
def test_the_current_wraps_where_lava_wraps(current: int, wrapped: int) -> None:
    assert lif.wrap(current) == wrapped


@given(st.integers(-(2**40), 2**40))
def test_rounding_is_toward_zero(value: int) -> None:
    assert lif.toward_zero(value) == (abs(value) // 4096) * (1 if value >= 0 else -1)
