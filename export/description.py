"""A network without its arrays as JSON, for the formats that hold arrays their own way (NIR, ONNX)."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import from_plain, to_plain
from snnc.toolchain.network.validation import check_neurons

VERSION = 3

Array = NDArray[Any]


def describe(network: Network) -> str:
    """Return the plain form but for its arrays as JSON, and a checksum over these too."""
    return json.dumps({"version": VERSION, "digest": network.digest(), "network": to_plain(network)[0]})


def layer_names(text: str) -> list[str]:
    """Return the names of the layers of a description."""
    return [str(layer["name"]) for layer in _network_of(text)["network"]["layers"]]


def rebuild(
    text: str,
    weight: Callable[[str, int], Array],
    bias: Callable[[str], Array],
    decay: Callable[[str, str], Array] | None = None,
) -> Network:
    """Return the network of a description; `weight(layer, synapse)` and `bias(layer)` fetch the arrays.

    A bias is in membrane units, one for each neuron or broadcasting to them. `decay(layer, "du" or "dv")` fetches decays of
    each neuron's own, where the format has them. Raises FileFormatError for another version or a wrong checksum, and KeyError,
    TypeError, ValueError or NetworkError for a description of another form.
    """
    values = _network_of(text)
    layers = {layer["name"]: layer["neuron"] for layer in values["network"]["layers"]}
    check_neurons(neuron["shape"] for neuron in layers.values())

    def array(key: str) -> Array:
        _, name, part, *rest = key.split("/")  # layers/NAME/synapses/INDEX/weight or layers/NAME/neuron/bias_mantissa
        if part == "synapses":
            return weight(name, int(rest[0]))
        if rest[0] != "bias_mantissa":
            if decay is None:
                raise FileFormatError(f"layer {name!r} has a {rest[0]} for each neuron, which this format has not")
            return decay(name, rest[0])
        return np.asarray(bias(name), np.int64) >> int(layers[name]["bias_exponent"])

    network = from_plain(Network, values["network"], array)
    if network.digest() != values["digest"]:
        raise FileFormatError("its checksum does not fit its numbers, so it was damaged or edited; export it again")
    return network


def _network_of(text: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(text)
    if values["version"] != VERSION:
        raise FileFormatError(f"version {values['version']}, this snnc reads {VERSION}; export it again or update snnc")
    return values
