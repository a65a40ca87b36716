"""A mapping: how many cores of a chip each layer takes, how it is cut, what travels between cores, and how long it takes.

It is an estimate from public numbers: the assumptions are part of it.
"""

from dataclasses import dataclass, replace
from math import ceil

from snnc.toolchain.network.activity import Activity
from snnc.toolchain.network.chips import Chip
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.partition import WEIGHT_BITS, Part, Storage, connections, fan_in, memory, needed_bits, parts
from snnc.toolchain.network.passes import depths, hurried, insert_relays
from snnc.toolchain.network.validation import Shape

STORAGES: tuple[Storage, ...] = ("dense", "shared")
ASSUMPTIONS = (
    "a core holds neurons of one layer, next to each other in C,H,W order",
    "synapse memory is weights alone: addresses, axons and delays are left out, since no public number says what they take",
    "pooling is part of the weights: each tap of a kernel behind a pool is repeated",
    "dense: every neuron stores all its weights, zeros too; shared: a core stores a kernel once per output channel",
    "a spike is sent once to every core of each layer that reads it, zeros among the weights or not",
    "every synapse takes one time step; samples follow each other without a pause unless synapses have delays",
)


@dataclass(frozen=True)
class Storing:
    """What a layer takes if its weights are stored in one way; `fits` is False where they need more bits."""

    storage: Storage
    bits: int
    bytes: int
    cores: int
    fits: bool


@dataclass(frozen=True)
class LayerMapping:
    """One layer on a chip.

    `options` has each way to store it, `bits` are those of the way that was chosen and `parts` its cores. `synapses` are
    counted as if each neuron had its own, `fan_in` is the largest. A layer does at step `t + depth` what the network says for
    step t. `spikes` it sends, `messages` from core to core and synaptic `operations` are means per inference, or not measured.
    """

    layer: str
    relay: bool
    neurons: int
    synapses: int
    fan_in: int
    depth: int
    bits: int
    options: tuple[Storing, ...]
    parts: tuple[Part, ...]
    spikes: float | None = None
    messages: float | None = None
    operations: float | None = None


@dataclass(frozen=True)
class Mapping:
    """A network on a chip.

    `footprint` are the bytes of all weights as stored, `connection_sparsity` is the share of weights that are 0 (NeuroBench's
    definition, relays left out). `latency` is in time steps, from the first input to the last read-out; a new sample can start
    every `interval` steps. `input_messages` are what the input sends to cores per inference. There is no energy: none
    per operation is public of these chips.
    """

    chip: str
    storage: Storage
    layers: tuple[LayerMapping, ...]
    cores: int
    chips: int
    footprint: int
    connection_sparsity: float
    latency: int
    interval: int
    relays: int
    relay_neurons: int
    activity: Activity | None
    input_messages: float | None
    assumptions: tuple[str, ...] = ASSUMPTIONS

    def rows(self) -> list[dict[str, object]]:
        """Return one row for each layer: its name, neurons, synapses, memory and cores in every way of storing, activity."""
        return [_row(layer) for layer in self.layers]


def mapping(network: Network, chip: Chip, activity: Activity | None = None, storage: Storage = "shared") -> Mapping | None:
    """Map a network to the cores of a chip, relays included; None for a chip of whose cores no number is public.

    `activity` (of simulate.activity.measure, with the same network) adds what real samples cost.
    """
    if chip.cores is None:
        return None
    late = None if hurried(network) else depths(network)  # a network that no chip can run has no schedule
    whole = network if late is None else insert_relays(network)
    own = {layer.name for layer in network.layers}
    layers = [_mapped(layer, whole, chip, storage, relay=layer.name not in own) for layer in whole.layers]
    if activity:
        layers = _active(layers, whole, activity)
    cores = sum(len(layer.parts) for layer in layers)
    counts = {layer.layer: len(layer.parts) for layer in layers}
    relays = [layer for layer in layers if layer.relay]
    pause = max((synapse.delay for layer in network.layers for synapse in layer.synapses), default=0)
    return Mapping(
        chip=chip.title,
        storage=storage,
        layers=tuple(layers),
        cores=cores,
        chips=ceil(cores / chip.cores.count),
        footprint=sum(_chosen(layer, storage).bytes for layer in layers),
        connection_sparsity=_sparsity(network),
        latency=network.timesteps + max(layer.depth for layer in layers),
        interval=network.timesteps + pause,
        relays=len(relays),
        relay_neurons=sum(layer.neurons for layer in relays),
        activity=activity,
        input_messages=activity.spikes[INPUT] * _readers(whole, INPUT, counts) if activity else None,
    )


def _mapped(layer: Layer, network: Network, chip: Chip, storage: Storage, *, relay: bool) -> LayerMapping:
    shapes, bits = network.shapes, needed_bits(layer)
    sources = [(synapse, shapes[synapse.source]) for synapse in layer.synapses]
    return LayerMapping(
        layer=layer.name,
        relay=relay,
        neurons=layer.neurons,
        synapses=sum(connections(synapse, shape) for synapse, shape in sources),
        fan_in=sum(fan_in(synapse, shape) for synapse, shape in sources),
        depth=0 if hurried(network) else depths(network)[layer.name],
        bits=bits,
        options=tuple(_storing(layer, shapes, chip, way, width) for way in STORAGES for width in WEIGHT_BITS),
        parts=tuple(_parts(layer, shapes, chip, storage, bits)),
    )


def _parts(layer: Layer, shapes: dict[str, Shape], chip: Chip, storage: Storage, bits: int) -> list[Part]:
    return parts(layer, shapes, bits, storage, chip.cores) if chip.cores else []


def _storing(layer: Layer, shapes: dict[str, Shape], chip: Chip, storage: Storage, bits: int) -> Storing:
    size = ceil(memory(layer, shapes, bits, storage) / 8)
    return Storing(storage, bits, size, len(_parts(layer, shapes, chip, storage, bits)), bits >= needed_bits(layer))


def _chosen(layer: LayerMapping, storage: Storage) -> Storing:
    return next(way for way in layer.options if (way.storage, way.bits) == (storage, layer.bits))


def _sparsity(network: Network) -> float:
    """Return the share of weights that are 0, each kernel counted once, as NeuroBench's connection sparsity."""
    weights = [synapse.weight for layer in network.layers for synapse in layer.synapses]
    return 1 - sum(int((weight != 0).sum()) for weight in weights) / sum(weight.size for weight in weights)


def _active(layers: list[LayerMapping], network: Network, activity: Activity) -> list[LayerMapping]:
    """Return the layers with what they send and do per inference; a relay sends what its source does."""
    counts = {layer.layer: len(layer.parts) for layer in layers}
    sent, found = dict(activity.spikes), []
    for row, layer in zip(layers, network.layers, strict=True):
        if row.relay:
            sent[layer.name] = sent[layer.synapses[0].source]
        operations = sent[layer.name] if row.relay else activity.operations[layer.name]
        messages = sent[layer.name] * _readers(network, layer.name, counts)
        found.append(replace(row, spikes=sent[layer.name], messages=messages, operations=operations))
    return found


def _readers(network: Network, source: str, cores: dict[str, int]) -> int:
    """Return the number of cores that a source's spikes are sent to."""
    return sum(cores[layer.name] for layer in network.layers if any(s.source == source for s in layer.synapses))


def _row(layer: LayerMapping) -> dict[str, object]:
    named = {f"{way.storage} {way.bits} bit": way for way in layer.options}
    memories = {f"{name}, bytes": way.bytes for name, way in named.items()}
    cores = {f"{name}, cores": way.cores for name, way in named.items()}
    row: dict[str, object] = {
        "layer": layer.layer,
        "neurons": layer.neurons,
        "synapses": layer.synapses,
        "fan-in": layer.fan_in,
    }
    row |= {**memories, **cores, "bits": layer.bits, "cores": len(layer.parts), "depth": layer.depth}
    measured = {"spikes": layer.spikes, "messages": layer.messages, "operations": layer.operations}
    return row | {name: value for name, value in measured.items() if value is not None}
