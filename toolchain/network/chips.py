"""The limits of chips as rows of CHIPS: each with its value, its source and how sure it is; `violations` checks all at once.

A `Network` itself refuses only what the arithmetic cannot compute. Whether one chip can hold it is asked here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.partition import Cores, cores_needed, neuron_bytes
from snnc.toolchain.network.passes import hurried, insert_relays
from snnc.toolchain.network.violation import Violation

Found = tuple[str, int]  # where, and the value there that is furthest from what is allowed
DELAY_MAX = 62  # steps
INTEL = "Intel, Loihi 2 technology brief (2021), and Lava 0.10.0's bit-accurate models"
LOIHI2_CORES = Cores(
    count=128,
    neurons=8192,
    synapse_bytes=128 * 1024,
    source="Intel, Loihi 2 technology brief (2021): 128 cores of up to 8,192 neurons and 192 KB, up to 128 KB for synapses",
)
SPINNAKER2_CORES = Cores(
    count=152,
    neurons=None,
    synapse_bytes=128 * 1024,
    source="SpiNNaker2 datasheet 0.03 (2021): 152 ARM Cortex-M4F, each with 128 KB of local code and data memory",
    state_bytes=8,
)


@dataclass(frozen=True)
class Limit:
    """One limit: values outside `least..most` are violations. `values(network, least, most)` yields what to check, by place."""

    what: str
    least: int
    most: int
    values: Callable[[Network, int, int], Iterator[Found]]
    source: str
    status: Literal["published", "derived", "assumed"]
    remedy: str


@dataclass(frozen=True)
class Chip:
    """A chip's name for people, its limits, and its cores, where public numbers say what they hold."""

    title: str
    limits: tuple[Limit, ...]
    cores: Cores | None = None


def violations(network: Network, chip: Chip) -> list[Violation]:
    """Return everything in a network that a chip cannot hold, limit by limit."""
    return [
        Violation(
            where,
            f"{limit.what} {value} is outside {limit.least}..{limit.most}",
            limit.remedy,
            value,
            f"{limit.least}..{limit.most}",
            limit.source,
            limit.status,
        )
        for limit in chip.limits
        for where, value in limit.values(network, limit.least, limit.most)
        if not limit.least <= value <= limit.most
    ]


def extreme(low: int, high: int, least: int, most: int) -> int:
    """Return whichever of `low` and `high` goes further beyond `least..most`, or comes closer to it."""
    return high if high - most >= least - low else low


def of_layers(values: Callable[[Layer], tuple[int, int]]) -> Callable[[Network, int, int], Iterator[Found]]:
    """Check the least and the largest value of each layer."""

    def found(network: Network, least: int, most: int) -> Iterator[Found]:
        for layer in network.layers:
            yield f"layer {layer.name!r}", extreme(*values(layer), least, most)

    return found


def _weights(layer: Layer) -> tuple[int, int]:
    every = [synapse.weight for synapse in layer.synapses]
    return min(int(weight.min()) for weight in every), max(int(weight.max()) for weight in every)


def _span(numbers: ArrayLike) -> tuple[int, int]:
    return int(np.min(numbers)), int(np.max(numbers))


def _mantissas(layer: Layer) -> tuple[int, int]:
    return _span(layer.neuron.bias_mantissa)


def input_values(network: Network, least: int, most: int) -> Iterator[Found]:
    """Check the range of the input."""
    yield "input", extreme(network.input.minimum, network.input.maximum, least, most)


def delays(network: Network, least: int, most: int) -> Iterator[Found]:
    """Check the delay of every synapse."""
    for layer in network.layers:
        for synapse in layer.synapses:
            yield f"layer {layer.name!r}, synapses from {synapse.source!r}", synapse.delay


def _neurons(network: Network, least: int, most: int) -> Iterator[Found]:
    yield "network", sum(layer.neurons for layer in network.layers)


def cycles(network: Network, least: int, most: int) -> Iterator[Found]:
    """Count for each cycle of layers by how many hops it is too fast."""
    for name in hurried(network):
        yield f"layer {name!r}", 1


def core_limits(cores: Cores) -> tuple[Limit, ...]:
    """Return the limits that follow from what cores hold: one neuron's memory, and the cores of the whole network."""

    def memory(network: Network, least: int, most: int) -> Iterator[Found]:
        for layer in network.layers:
            yield f"layer {layer.name!r}", neuron_bytes(layer, network.shapes, cores)

    def count(network: Network, least: int, most: int) -> Iterator[Found]:
        relayed = network if hurried(network) else insert_relays(network)
        yield "network", cores_needed(relayed, cores)

    return (
        Limit(
            *("memory of one neuron's synapses, in bytes,", 0, cores.synapse_bytes, memory, cores.source, "derived"),
            "lower its fan-in: fewer channels, a smaller kernel, or a layer between",
        ),
        Limit(
            *("number of cores, relays included,", 1, cores.count, count, cores.source, "derived"),
            "lower the width, pool earlier, or use several chips",
        ),
    )


CHIPS: dict[str, Chip] = {
    "loihi2": Chip(
        "Loihi 2",
        (
            Limit(
                *("weight", lif.WEIGHT_MIN, lif.WEIGHT_MAX, of_layers(_weights), INTEL, "published"),
                "train with fewer bits, or split the synapse into several",
            ),
            Limit(
                *("threshold", 0, lif.VTH_MAX, of_layers(lambda layer: (layer.neuron.vth,) * 2), INTEL, "published"),
                "rescale the layer; a threshold that is never reached may be 131071",
            ),
            Limit(
                *("du", 0, lif.DU_MAX, of_layers(lambda layer: _span(layer.neuron.du)), INTEL, "published"),
                "take a current that leaks",
            ),
            Limit(
                *("dv", 0, lif.DV_MAX, of_layers(lambda layer: _span(layer.neuron.dv)), INTEL, "published"),
                "take 4095, which keeps 1/4096 of a membrane",
            ),
            Limit(
                *("bias mantissa", lif.BIAS_MANTISSA_MIN, lif.BIAS_MANTISSA_MAX, of_layers(_mantissas), INTEL, "published"),
                "raise the bias exponent or rescale the layer",
            ),
            Limit(
                *("bias exponent", 0, lif.BIAS_EXPONENT_MAX, of_layers(lambda layer: (layer.neuron.bias_exponent,) * 2)),
                *(INTEL, "published", "lower the bias exponent and raise the mantissa"),
            ),
            Limit(
                *("input value", -(2**15), 2**15 - 1, input_values, "Lava 0.10.0: graded spikes of 16 bits", "published"),
                "scale the input down",
            ),
            Limit(
                *("delay", 0, DELAY_MAX, delays, "Lava 0.10.0 and lava-dl 0.6.0 clamp delays there", "derived"),
                "shorten it, or repeat the spikes in a layer between",
            ),
            Limit(
                *("number of neurons", 1, 128 * 8192, _neurons, "128 cores of up to 8,192 neurons (Intel, 2021)", "derived"),
                "lower the width, or use several chips",
            ),
            Limit(
                *("hops more than steps of delay:", 0, 0, cycles, "a synapse takes a time step in Lava 0.10.0", "derived"),
                "give its recurrent synapses longer delays",
            ),
            *core_limits(LOIHI2_CORES),
        ),
        LOIHI2_CORES,
    ),
    "spinnaker2": Chip(
        "SpiNNaker2",
        core_limits(SPINNAKER2_CORES),
        SPINNAKER2_CORES,
    ),
}
