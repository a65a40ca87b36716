"""C source as a file: written from a network, and read back number for number from the arrays that a compiler would see."""

import json
import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from snnc.export.c.layout import Numbers, channels_first, grid_in_c, ungridded, unpacked, weight_bits
from snnc.export.c.source import BIASES, KEEP_U, KEEP_V, WEIGHTS, array_name, constant_bytes, source_text, state_bytes
from snnc.export.c.violations import COptions
from snnc.export.limits import file_bytes, reading
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import from_plain, to_plain
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import check_neurons

DESCRIPTION = re.compile(rb"^ \* snnc: (\{.*\})$", re.MULTILINE)


def content(network: Network, options: COptions = COptions()) -> bytes:  # noqa: B008 - frozen
    """Return the header of a network without violations: declarations and, behind a macro, the code."""
    shapes = network.shapes
    stored = [[_form(synapse, shapes[synapse.source]) for synapse in layer.synapses] for layer in network.layers]
    values = {"network": to_plain(network)[0], "digest": network.digest(), "prefix": options.prefix, "synapses": stored}
    # The text stands in a comment: nothing in it may open or close one.
    line = json.dumps(values).replace("/", "\\u002f").replace("?", "\\u003f")
    return source_text(network, options, line).encode("ascii")


def read_c(path: str | Path) -> Network:
    """Read a header that snnc wrote. Raises FileFormatError if it is damaged, foreign, or was changed in any place."""
    return checked(path)[0]


def checked(path: str | Path) -> tuple[Network, bytes]:
    """Return the network of a file and its bytes, which are those that snnc writes for it; errors as those of `read_c`."""
    with reading(path, "a readable C header of snnc"):
        found = file_bytes(path)
        line = DESCRIPTION.search(found)
        if not line:
            raise FileFormatError("no description of snnc in it, so it was not written by snnc; only such headers can be read")
        values = json.loads(line[1])
        network = _network(values, found)
        if content(network, COptions(values["prefix"])) != found:
            raise FileFormatError("it differs from what snnc writes, so it was edited; export it again")
        return network, found


def describe(network: Network, path: Path) -> str:
    """Return what the source takes of a chip, for people."""
    ram, flash = state_bytes(network), constant_bytes(network)
    return f"C99, one header without dependencies: {ram:,} bytes of RAM, {flash:,} bytes of numbers in flash beside the code"


def remark(network: Network, options: COptions) -> str:
    """Return the same at export."""
    return describe(network, Path())


def _form(synapse: Synapse, source: tuple[int, ...]) -> dict[str, Any]:
    grid = grid_in_c(synapse, source)
    return {
        "kind": type(synapse).__name__,
        "shape": list(synapse.weight.shape),
        "grid": list(grid.weight.shape),
        "pool": grid.pool,
        "bits": weight_bits(synapse),
    }


def _network(values: dict[str, Any], found: bytes) -> Network:
    plain = values["network"]
    neurons = {layer["name"]: tuple(layer["neuron"]["shape"]) for layer in plain["layers"]}
    places = {name: number for number, name in enumerate(neurons)}
    check_neurons(neurons.values())

    def array(key: str) -> Numbers:
        _, name, part, *rest = key.split("/")  # layers/NAME/synapses/INDEX/weight or layers/NAME/neuron/FIELD
        number = places[name]
        if part == "synapses":
            form = values["synapses"][number][int(rest[0])]
            stored = _array(found, array_name(WEIGHTS, number, int(rest[0])))
            own = unpacked(stored, tuple(form["grid"]), form["bits"])
            return ungridded(own, form["pool"], form["kind"], tuple(form["shape"]))
        if rest[0] == "bias_mantissa":
            return _of_neurons(_array(found, array_name(BIASES, number)), neurons[name])
        unity, part = (lif.DECAY_UNITY - 1, KEEP_U) if rest[0] == "du" else (lif.DECAY_UNITY, KEEP_V)
        return unity - _of_neurons(_array(found, array_name(part, number)), neurons[name])

    return from_plain(Network, plain, array)


def _of_neurons(stored: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Return one number for each neuron, from one for each neuron or each channel."""
    if len(stored) == prod(shape):
        return channels_first(stored, shape)
    return stored.reshape(-1, *[1] * (len(shape) - 1))


def _array(found: bytes, name: str) -> Numbers:
    """Return the numbers of an array of the source."""
    start = re.search(rb"_" + name.encode() + rb"\[\d+\] = \{\n", found)
    if not start:
        raise FileFormatError(f"array {name!r} is missing; export it again")
    text = found[start.end() : found.index(b"}", start.end())]
    return np.array(text.split(b","), np.int64)
