"""A network without its arrays as plain values, for the formats that hold arrays their own way (NIR, ONNX)."""

import json
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

VERSION = 1
MOST_NEURONS = 2**27

Array = NDArray[Any]


def describe(network: Network) -> str:
    """Return everything but weights and biases as JSON, and a checksum over these too."""
    layers = [
        {
            "name": layer.name,
            "shape": layer.neuron.shape,
            "vth": layer.neuron.vth,
            "du": layer.neuron.du,
            "dv": layer.neuron.dv,
            "bias_exponent": layer.neuron.bias_exponent,
            "synapses": [{"source": s.source, "type": type(s).__name__} | s.geometry for s in layer.synapses],
        }
        for layer in network.layers
    ]
    values = {
        "version": VERSION,
        "digest": network.digest(),
        "name": network.name,
        "timesteps": network.timesteps,
        "readout": network.readout,
        "labels": network.labels,
        "input": vars(network.input),
        "layers": layers,
    }
    return json.dumps(values)


def rebuild(text: str, weight: Callable[[str, int], Array], bias: Callable[[str], Array]) -> Network:
    """Return the network of a description; `weight(layer, synapse)` and `bias(layer)` fetch the arrays.

    A bias is in membrane units, one for each neuron or broadcasting to them. Raises FileFormatError for another version or
    a wrong checksum, and KeyError, TypeError, ValueError or NetworkError for a description that is none.
    """
    values = json.loads(text)
    if values["version"] != VERSION:
        raise FileFormatError(f"version {values['version']}, this snnc reads {VERSION}; export it again or update snnc")
    layers = []
    for entry in values["layers"]:
        name, exponent = entry["name"], int(entry["bias_exponent"])
        if prod(int(size) for size in entry["shape"]) > MOST_NEURONS:
            raise FileFormatError(f"layer {name!r} claims the shape {entry['shape']}; a layer may have {MOST_NEURONS} neurons")
        synapses = tuple(_synapse(synapse, weight(name, i)) for i, synapse in enumerate(entry["synapses"]))
        mantissa = bias(name).astype(np.int64) >> exponent
        neuron = Lif(tuple(entry["shape"]), entry["vth"], entry["dv"], mantissa, exponent, entry["du"])
        layers.append(Layer(name, synapses, neuron))
    pixels, labels = Input(**values["input"]), tuple(values["labels"])
    network = Network(values["name"], values["timesteps"], pixels, tuple(layers), values["readout"], labels)
    if network.digest() != values["digest"]:
        raise FileFormatError("its checksum does not fit its numbers, so it was damaged or edited; export it again")
    return network


def _synapse(entry: dict[str, Any], weight: Array) -> Synapse:
    if entry["type"] == "Conv":
        return Conv(entry["source"], weight, tuple(entry["stride"]), tuple(entry["padding"]))
    return Dense(entry["source"], weight)
