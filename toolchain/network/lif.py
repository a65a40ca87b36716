"""The one definition of the neuron: Loihi's leaky integrate-and-fire step, in integers.

Written with operators only, so that the same text runs on Python ints, numpy int64 arrays and torch int64 tensors.
It equals Lava 0.10.0's PyLifModelBitAcc and PyLifResetModelBitAcc (vectors recorded from both are in the tests).
Arguments of one call must be broadcastable; every array must be 64 bits wide, since the products need 36 bits.

Units: one weight unit is 64 = 2**6 units of the membrane, as on the chip.
"""

from collections.abc import Iterator
from typing import Any

DECAY_UNITY = 4096  # decays are 12-bit fractions of this
UNIT_SHIFT = 6  # synaptic input and threshold are shifted left by this much
STATE_BITS = 24  # of current and membrane, signed
STATE_LIMIT = 2 ** (STATE_BITS - 1)
MEMBRANE_MAX = STATE_LIMIT - 1

DU_MAX = 4095
DV_MAX = 4095

# What Loihi 2's registers hold; chips.py says where each is known from.
VTH_MAX = 2**17 - 1
BIAS_MANTISSA_MIN, BIAS_MANTISSA_MAX = -4096, 4095
BIAS_EXPONENT_MAX = 7
WEIGHT_MIN, WEIGHT_MAX = -128, 127
INPUT_MAX = (STATE_LIMIT - 1) >> UNIT_SHIFT  # largest |a| whose current cannot wrap: 131071

# An int, a numpy int64 array or a torch int64 tensor. No type checker knows a common name for the three.
Integers = Any


def toward_zero(product: Integers) -> Integers:
    """Return `product / 4096` rounded toward zero: sign(x) * (|x| >> 12)."""
    has_fraction = (product & (DECAY_UNITY - 1)) > 0
    return (product >> 12) + ((product < 0) & has_fraction) * 1


def wrap(current: Integers) -> Integers:
    """Wrap a current once into (-2**23, 2**23], as Lava does: above 2**23 minus 2**24, at or below -2**23 plus 2**24.

    The bounds are lopsided (2**23 itself stays) and a value more than one turn away stays outside, as in Lava.
    """
    return current - (current > STATE_LIMIT) * 2**24 + (current <= -STATE_LIMIT) * 2**24


def saturate(membrane: Integers) -> Integers:
    """Clip a membrane to [-(2**23 - 1), 2**23 - 1]."""
    above = membrane > MEMBRANE_MAX
    below = membrane < -MEMBRANE_MAX
    return membrane - above * (membrane - MEMBRANE_MAX) - below * (membrane + MEMBRANE_MAX)


def decayed(state: Integers, decay: Integers) -> Integers:
    """Return what one step of decay leaves of `state`; `decay` is 0..4096 parts in 4096."""
    return toward_zero(state * (DECAY_UNITY - decay))


def integrate(
    u: Integers, v: Integers, a: Integers, *, du: Integers, dv: Integers, bias: Integers
) -> tuple[Integers, Integers]:
    """Return current and membrane after one step of decay and input, before any spike; arguments as in `step`."""
    u = wrap(decayed(u, du + 1) + (a << UNIT_SHIFT))
    return u, saturate(decayed(v, dv) + u + bias)


def fire(v: Integers, vth: Integers) -> tuple[Integers, Integers]:
    """Return the membrane with every spiking neuron reset to 0, and the spikes as booleans (strictly above threshold)."""
    spikes = v > (vth << UNIT_SHIFT)
    return v - spikes * v, spikes


def step(
    u: Integers, v: Integers, a: Integers, *, du: Integers, dv: Integers, bias: Integers, vth: Integers
) -> tuple[Integers, Integers, Integers]:
    """Advance the neurons by one time step and return (current u, membrane v, spikes as booleans).

    `a` is the summed synaptic input in weight units, `bias` is mantissa << exponent in membrane units, `vth` is 0..131071 in
    weight units, `du` and `dv` are 0..4095. A neuron that spikes has its membrane reset to 0.
    """
    u, v = integrate(u, v, a, du=du, dv=dv, bias=bias)
    v, spikes = fire(v, vth)
    return u, v, spikes


def run(
    a: Integers, timesteps: int, *, du: Integers, dv: Integers, bias: Integers, vth: Integers
) -> Iterator[tuple[Integers, Integers]]:
    """Yield membrane and spikes of every time step, from rest; arguments as in `step`.

    `a` holds the input of each step along its first axis, `(F, ...)`, F being `timesteps`, or 1 where all steps have the same.
    """
    u = v = a[0] * 0
    for t in range(timesteps):
        u, v, spikes = step(u, v, a[t % len(a)], du=du, dv=dv, bias=bias, vth=vth)
        yield v, spikes
