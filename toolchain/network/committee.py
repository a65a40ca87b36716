"""A pass: several networks of one input become one network, side by side, that answers for all of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.plain import difference
from snnc.toolchain.network.synapse import Dense, Synapse

SAME = ("timesteps", "input", "readout", "labels", "logit_units", "classes")  # what members must have in common


def side_by_side(networks: Sequence[Network], name: str) -> Network:
    """Return one network of several members, whose outputs are those of one member after the other.

    Layers that two members have in common, with all that is in front of them, are kept once; the others of member k get the
    name `LAYER-mk`. The read-outs become one population, in which each member has rows of its own. Every spike, and every
    membrane of a read-out, is that of the member alone.

    Raises NetworkError for members that do not fit together.
    """
    _check(networks)
    layers: dict[str, Layer] = {}
    last: list[tuple[Synapse, ...]] = []
    for number, network in enumerate(networks):
        names = {INPUT: INPUT}
        for layer in network.layers[:-1]:
            names[layer.name] = _placed(layer, names, layers, number)
        last.append(_from(network.layers[-1].synapses, names))
    readout = _readout([network.layers[-1] for network in networks], last, spiking=networks[0].rule.spiking)
    if readout.name in layers:
        raise NetworkError(f"a hidden layer of a member is called {readout.name!r}, as the read-out of another; rename it")
    return replace(networks[0], name=name, layers=(*layers.values(), readout), members=len(networks))


def _check(networks: Sequence[Network]) -> None:
    if not networks:
        raise NetworkError("a committee has no members; give at least one network")
    for network in networks:
        if network.members != 1:
            raise NetworkError(f"{network.name!r} is a committee of {network.members} itself; give its members")
        if not network.logit_units:
            raise NetworkError(f"{network.name!r} does not say how many units a logit has; export it again from its checkpoint")
        for what in SAME:
            one, other = getattr(networks[0], what), getattr(network, what)
            if one != other:
                raise NetworkError(f"members differ in {what}: {one} and {other}; a committee needs members of one kind")


def _from(synapses: Sequence[Synapse], names: dict[str, str]) -> tuple[Synapse, ...]:
    return tuple(replace(synapse, source=names[synapse.source]) for synapse in synapses)


def _placed(layer: Layer, names: dict[str, str], layers: dict[str, Layer], number: int) -> str:
    """Return the name under which a layer of a member stands among `layers`, where it is added unless it is there."""
    moved = replace(layer, synapses=_from(layer.synapses, names))
    for name, other in layers.items():
        if difference(replace(moved, name=name), other) is None:
            return name
    name = layer.name
    if name in layers:
        name = f"{layer.name}-m{number}"
        while name in layers:
            name += "-"
    layers[name] = replace(moved, name=name)
    return name


def _readout(layers: Sequence[Layer], synapses: Sequence[tuple[Synapse, ...]], *, spiking: bool) -> Layer:
    """Return one population of all read-outs, in the rows of whose weights every member has its own place.

    A threshold that no membrane reaches may be any; one of spiking read-outs must be the same.
    """
    first, outputs = layers[0].neuron, [layer.neurons for layer in layers]
    for neuron in (layer.neuron for layer in layers):
        if (neuron.dv, neuron.du, neuron.bias_exponent) != (first.dv, first.du, first.bias_exponent):
            raise NetworkError("the read-outs of members differ in their decays; a committee needs members of one kind")
        if spiking and neuron.vth != first.vth:
            raise NetworkError(f"spiking read-outs have the thresholds {first.vth} and {neuron.vth}; rescale one of them")
    placed: list[Synapse] = []
    for number, own in enumerate(synapses):
        for synapse in own:
            if not isinstance(synapse, Dense):
                raise NetworkError(f"a read-out is a convolution from {synapse.source!r}; a committee needs dense read-outs")
            weight = np.zeros((sum(outputs), synapse.weight.shape[1]), synapse.weight.dtype)
            start = sum(outputs[:number])
            weight[start : start + outputs[number]] = synapse.weight
            placed.append(replace(synapse, weight=weight))
    bias = np.concatenate([layer.neuron.bias_mantissa.ravel() for layer in layers])
    vth = max(layer.neuron.vth for layer in layers)
    neuron = Lif((sum(outputs),), vth, first.dv, bias, first.bias_exponent, first.du)
    return Layer(layers[0].name, tuple(placed), neuron)
