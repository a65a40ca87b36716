"""Layers that feed each other, for the fast simulator: step by step in the reference's arithmetic, on the kernels' signals."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network.grid import as_chw
from snnc.toolchain.network.network import Layer
from snnc.toolchain.network.validation import Shape
from snnc.toolchain.simulate.bitsliced_layers import Output
from snnc.toolchain.simulate.reference import run_together
from snnc.toolchain.simulate.signals import Signal, Signals, Spikes, packed

Kind = TypeVar("Kind", bound=np.generic)


class CyclicLayers:
    """The layers of one recurrent stage. The kernels run all steps of a layer before the next one, which these cannot do."""

    def __init__(self, layers: Sequence[Layer], shapes: Mapping[str, Shape], timesteps: int):
        """Take the layers of a stage, and the shapes of all sources of the network."""
        self.layers, self.shapes, self.timesteps = layers, shapes, timesteps
        own = {layer.name for layer in layers}
        self.sources = {synapse.source for layer in layers for synapse in layer.synapses} - own

    def run(self, signals: Signals, images: int, recorded: set[str]) -> list[Output]:
        """Run all layers on all images of their sources; membranes only of those that are recorded."""
        outside = {name: _frames(signals[name, 0], self.shapes[name]) for name in self.sources}
        shapes = {layer.name: (self.timesteps, images, *layer.output_shape) for layer in self.layers}
        spikes = {name: np.zeros(shape, np.bool_) for name, shape in shapes.items()}
        membranes = {name: np.zeros(shape, np.int32) for name, shape in shapes.items()}
        run_together(self.layers, outside | spikes, spikes, membranes)
        outputs = []
        for layer in self.layers:
            after = _signal_order(membranes[layer.name], layer.output_shape)
            kept = after if layer.name in recorded else after[..., :0]
            bits = packed(_signal_order(spikes[layer.name], layer.output_shape))
            outputs.append(Output(Spikes(as_chw(layer.output_shape)[0], bits), kept))
        return outputs


def _frames(signal: Signal, shape: Shape) -> NDArray[np.int64]:
    """Return a signal `(images, F, H, W, C)` as frames `(F, images, *shape)`."""
    values = signal.values.transpose(1, 0, 4, 2, 3).astype(np.int64)
    return values.reshape(*values.shape[:2], *shape)


def _signal_order(values: NDArray[Kind], shape: Shape) -> NDArray[Kind]:
    """Return `(T, images, *shape)` as `(images, T, H, W, C)`."""
    return values.reshape(*values.shape[:2], *as_chw(shape)).transpose(1, 0, 3, 4, 2)
