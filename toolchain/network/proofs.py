"""Proofs for every input: what each layer can reach at most, whether that is within its limit, and for how many time steps."""

from dataclasses import dataclass

import numpy as np

from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import Bounds, Overflow, network_bounds, overflows
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.violation import Violation

STATES = ("24-bit current and membrane (Lava 0.10.0's bit-accurate LIF); a membrane read-out must not spike", "derived")


@dataclass(frozen=True)
class ProofRow:
    """What one quantity of a layer can be for any input, in 1/64 weight units (the input `a` in weight units).

    `holds` says whether it stays within the limit for the network's time steps. `largest_timesteps` is for how many time
    steps all limits of the layer are kept; None means any number.
    """

    layer: str
    quantity: str
    least: int
    most: int
    limit: int
    holds: bool
    largest_timesteps: int | None

    @property
    def used(self) -> float:
        """The share of the limit that is used; above 1 where it can be broken."""
        lowest = 0 if self.quantity.startswith("read-out") else self.least
        return max(-lowest, self.most, 0) / self.limit if self.limit else float(self.most > 0)


@dataclass(frozen=True)
class Proofs:
    """What is proved of a network: rows by layer and quantity, limits that an input may break, and a summary.

    `largest_timesteps` is the largest number of time steps that the read-out can have and for which every limit is kept, None
    any; limits may be kept for more in truth where inputs cannot all be at their worst at once. `silent` and `busy` count the
    neurons of a layer that never spike, and those that spike at every step.
    """

    timesteps: int
    rows: tuple[ProofRow, ...]
    violations: tuple[Violation, ...]
    holds: bool
    largest_timesteps: int | None
    silent: dict[str, int]
    busy: dict[str, int]


def proofs(network: Network) -> Proofs:
    """Bound input, current and membrane of every neuron for every input within the network's range.

    Example:
        >>> import snnc
        >>> from snnc.toolchain.network.proofs import proofs
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[100, -3]]),), snnc.Lif((1,), vth=2000, dv=0))
        >>> found = proofs(snnc.Network("example", 4, snnc.Input((2,), 0, 9), (layer,), "spikes"))
        >>> [(row.quantity, row.least, row.most, row.holds) for row in found.rows]
        [('input a', -27, 900, True), ('current u', -1728, 57600, True), ('membrane v', -6912, 185600, True)]
        >>> found.largest_timesteps  # from then on the membrane can be below -(2**23 - 1)
        4854
    """
    own, any_number = network_bounds(network), network_bounds(network, any_timesteps=True)
    largest = {layer.name: _largest(network, own[layer.name], any_number[layer.name]) for layer in network.layers}
    rows = tuple(row for layer in network.layers for row in _rows(network, layer, own[layer.name], largest[layer.name]))
    silent = {name: int((bounds.spikes[1] == 0).sum()) for name, bounds in own.items()}
    busy = {name: int((bounds.spikes[0] == 1).sum()) for name, bounds in own.items()}
    limited = [steps for steps in (*largest.values(), network.rule.most_timesteps) if steps is not None]
    broken = tuple(_violation(overflow) for overflow in overflows(network, own))
    return Proofs(network.timesteps, rows, broken, all(row.holds for row in rows), min(limited, default=None), silent, busy)


def _violation(found: Overflow) -> Violation:
    return Violation(
        f"layer {found.layer!r}",
        f"{found.what} of neuron {found.neuron} can reach {found.value}, allowed is at most {found.limit} either way",
        "train with smaller weights or biases, fewer inputs or a smaller --beta; --witness looks for such an input",
        found.value,
        f"{-found.limit}..{found.limit}",
        *STATES,
    )


def _largest(network: Network, own: Bounds, any_number: Bounds) -> int | None:
    """Return the most time steps for which a layer keeps its limits. Its sources only ever bring less in fewer steps."""
    if not any_number.broken.any():
        return None
    broken_at = int(any_number.broken[any_number.broken > 0].min())
    return max(broken_at - 1, 0 if own.broken.any() else network.timesteps)


def _rows(network: Network, layer: Layer, bounds: Bounds, largest: int | None) -> list[ProofRow]:
    readout = network.is_readout(layer)
    most_v = min(layer.neuron.vth << lif.UNIT_SHIFT, lif.MEMBRANE_MAX) if readout else lif.MEMBRANE_MAX
    quantities = (
        ("input a", bounds.a, -lif.INPUT_MAX, lif.INPUT_MAX),
        ("current u", bounds.u, 1 - lif.STATE_LIMIT, lif.STATE_LIMIT - 1),
        ("read-out membrane v" if readout else "membrane v", bounds.v, -lif.MEMBRANE_MAX, most_v),
    )
    rows = []
    for what, (low, high), least_allowed, most_allowed in quantities:
        least, most = int(np.min(low)), int(np.max(high))
        rows.append(
            ProofRow(layer.name, what, least, most, most_allowed, least_allowed <= least <= most <= most_allowed, largest)
        )
    return rows
