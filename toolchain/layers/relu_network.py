"""An artificial network of the shape of a spiking one: real-valued activations, one pass instead of T steps, 32-bit weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import Logits, SpikingNetwork
from snnc.toolchain.network.network import INPUT


class ReluNetwork(nn.Module):
    """The layers of an untrained spiking network with ReLU in place of neurons, and batch normalization for each channel.

    Shortcuts carry real values, as in Bi-Real Net, and join behind the normalization with the same gain. It teaches spiking
    networks and is never exported. Frames of a recording are separate passes whose logits are averaged.
    """

    def __init__(self, network: SpikingNetwork):
        """Take the layers of a network, with their fresh weights; the network must not be used any more."""
        super().__init__()
        for layer in network.hidden:
            del layer.normalize  # its parameters would be left without gradients
        self.network = network
        self.normalize = nn.ModuleList(nn.BatchNorm1d(layer.output_shape[0]) for layer in network.hidden)

    def forward(self, x: Tensor) -> Logits:
        """Return the logits of whole numbers, given as to a SpikingNetwork."""
        values = {INPUT: self.network.with_time(x)}
        normalize = iter(self.normalize)
        for layer in self.network.spiking:
            values[layer.name] = layer(values) if isinstance(layer, MaxPool) else self._hidden(layer, next(normalize), values)
        readout = self.network.readout
        logits = readout.current(values, _weights(readout), pool_sums=False) + readout.bias
        return Logits(logits / len(logits), torch.ones_like(readout.scale))

    def _hidden(self, layer: SpikingLayer, normalize: nn.Module, values: dict[str, Tensor]) -> Tensor:
        current = layer.current(values, _weights(layer), pool_sums=False)
        passes = current.flatten(0, 1)
        normalized = normalize(passes.flatten(2) if passes.dim() > 2 else passes).reshape(current.shape)
        joined = layer.joined(values)
        active = F.relu(normalized if joined is None else normalized + joined)
        return F.dropout(active, layer.dropout) if layer.dropout and self.training else active


def _weights(layer: SpikingLayer | ReadOut) -> tuple[Tensor, ...]:
    return tuple(each.weight for each in layer.synapses)
