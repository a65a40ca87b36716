"""Lowering: a model trained to the integer phase becomes a Network, number for number."""

import numpy as np
import torch
from torch import Tensor

from snnc.toolchain.errors import LoweringError, located
from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer, SpikingReadOut
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Synapses
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import check_neurons

BIAS_EXPONENT = 6  # biases in whole weight units: no rounding on the chip, and what netx assumes


def lower(model: SpikingNetwork, labels: tuple[str, ...] = (), name: str | None = None) -> Network:
    """Return the integer network whose spikes equal the model's own forward pass in the integer phase.

    Pooling is folded into the weights, normalization into thresholds and biases.

    Args:
        model: a model trained through the integer phase, as `snnc.load_model` returns it.
        labels: a name for each output.
        name: a name for people; by default the architecture's.

    Raises:
        LoweringError: if the model has not reached the integer phase.
        NetworkError: if a worst-case sum can overflow, or for more neurons than a network may have.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> model, checkpoint = snnc.load_model("model.pt")  # doctest: +SKIP
        >>> network = snnc.lower(model, checkpoint.labels)  # doctest: +SKIP
    """
    if model.phase is not Phase.INTEGER:
        raise LoweringError(
            f"the model has only been trained to phase {model.phase.name.lower()!r}; "
            "train it through the integer phase (`snnc train --resume` continues where it stopped)"
        )
    check_neurons(trained.output_shape for trained in model.layers)
    layers: list[Layer] = []
    with evaluating(model), torch.no_grad():
        for trained in model.layers:
            with located(f"layer {trained.name!r}"):
                layers.append(trained.lowered() if isinstance(trained, MaxPool) else _lower_layer(trained))
    title = name or model.architecture
    if isinstance(model.readout, SpikingReadOut):
        kind, units = model.readout.kind, model.readout.logit_units
    else:
        kind, units = "membrane", max(round(float(model.readout.scale) * 2**lif.UNIT_SHIFT), 1)  # membranes are in 1/64
    network = Network(title, model.timesteps, model.input, tuple(layers), kind, labels, logit_units=units)
    prove(network)
    return network


def _lower_layer(trained: SpikingLayer | ReadOut) -> Layer:
    chip = trained.integer_parameters()
    weighted = zip(trained.by_source(trained.synapses), trained.by_source(chip.weights), strict=True)
    synapses = tuple(folded(each, whole(weight), source) for (source, each), (_, weight) in weighted)
    synapses += tuple(each.synapse(source, int(each.strength(trained.scale))) for source, each in trained.shortcuts.items())
    bias = whole(trained.synapses[0].per_neuron(chip.bias))
    return Layer(trained.name, synapses, Lif(trained.output_shape, chip.vth, trained.neurons.dv, bias, BIAS_EXPONENT))


def folded(synapses: Synapses, weight: np.ndarray, source: str) -> Synapse:
    """Return the integer synapse of trainable ones, their pooling folded into the taps."""
    geometry, padding = synapses.geometry, synapses.geometry.padding
    if geometry.kernel is None:
        return Dense(source, weight).behind_pool(geometry.pool, synapses.source_shape)
    stride = (geometry.stride, geometry.stride)
    whole = Conv(source, weight, stride, padding=(padding, padding))
    # Taps of weight 0 behind a kernel make it reach less far, so that the last rows and columns are not there.
    given, kept = whole.output_shape(geometry.pooled_shape(synapses.source_shape))[1:], synapses.output_shape[1:]
    missing = [(0, geometry.stride * (given[axis] - kept[axis])) for axis in (0, 1)]
    trimmed = Conv(source, np.pad(weight, [(0, 0), (0, 0), *missing]), stride, padding=(padding, padding))
    return trimmed.behind_pool(geometry.pool, synapses.source_shape)


def whole(values: Tensor) -> np.ndarray:
    """Return floats that hold whole numbers as int64. Raises LoweringError if one does not, or is not finite."""
    array = values.detach().cpu().numpy()
    integers: np.ndarray = np.rint(np.nan_to_num(array, nan=0.5, posinf=0.5, neginf=0.5)).astype(np.int64)
    if not np.array_equal(integers, array):
        raise LoweringError(
            "holds values that are no whole numbers; the model was changed after the integer phase: train again"
        )
    return integers
