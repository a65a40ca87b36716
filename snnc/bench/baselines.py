"""Other ways to run the same integer network on this processor, as fast as they go: what `snnc bench` compares with.

Both fold the T steps into the batch of the convolutions, keep H,W,C layout throughout and sum a constant input once.
"""

from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from snnc.toolchain.errors import EngineError
from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.network.validation import Shape
from snnc.toolchain.simulate.bitsliced_layers import as_chw, grid_of

IDENTITY = (1.0, 0)  # scale and zero point of values that are what they are
FLOAT_SUMS: Any = (torch.float32, "none", [], "")  # output type, and no operation after the convolution


class ChainLayer:
    """One layer of a sequential network with pooling taken out of its weights, and its numbers as torch wants them."""

    def __init__(self, layer: Layer, source: Shape):
        """Undo the folding of pools. Raises EngineError for what the comparisons do not compute."""
        bias = layer.neuron.bias.reshape(as_chw(layer.output_shape)[0], -1)
        several = len(layer.synapses) > 1 or layer.synapses[0].delay or np.ndim(layer.neuron.dv)
        if several or (bias != bias[:, :1]).any() or layer.neuron.has_current_memory:
            raise EngineError(
                f"layer {layer.name!r}: comparisons need one synapse per layer without delay, one bias per channel, one leak "
                "and no current memory"
            )
        self.name, self.vth, self.keep = layer.name, layer.neuron.vth, lif.DECAY_UNITY - int(layer.neuron.dv)
        self.dense = isinstance(layer.synapses[0], Dense)
        self.grid = grid_of(layer.synapses[0], source, pooling=not self.dense)
        self.geometry = ((1, 1), (0, 0), (1, 1), 1) if self.dense else (self.grid.stride, self.grid.padding, (1, 1), 1)
        self.membrane_bias = bias[:, 0].astype(np.int32)
        self.bias = torch.from_numpy(self.membrane_bias) / 2**lif.UNIT_SHIFT
        self.beta = float(layer.neuron.beta)
        weight = torch.from_numpy(self.grid.weight.copy())
        self.weight = weight.permute(0, 2, 3, 1).flatten(1) if self.dense else weight  # a matrix over H,W,C


class Baseline:
    """One way to run a sequential network; a row of BASELINES."""

    chunk = 8  # images that go through the network at once: the fastest of 4, 8 and 16 here

    def __init__(self, network: Network, threads: int):
        """Prepare all weights; the number of threads is torch's, for the whole process. Raises EngineError as ChainLayer."""
        if not network.truncation_free or network.readout != "membrane":
            raise EngineError("comparisons need a truncation-free network with a membrane read-out; use --beta 0.5 and T <= 7")
        torch.set_num_threads(threads)
        shapes = [network.input.shape, *(layer.output_shape for layer in network.layers)]
        self.steps = network.timesteps
        self.chain = [ChainLayer(layer, shape) for layer, shape in zip(network.layers, shapes, strict=False)]

    @torch.inference_mode()
    def outputs(self, samples: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the read-out `(B, outputs)` of images `(B, C, H, W)`: membranes summed over T, in 1/64 weight units."""
        images = torch.from_numpy(samples).permute(0, 2, 3, 1).float().contiguous()
        return torch.cat([self._run(chunk) for chunk in torch.split(images, self.chunk)]).to(torch.int64).numpy()

    def _run(self, images: Tensor) -> Tensor:
        x = images
        for layer in self.chain[:-1]:
            x = self.fire(_over_time(self.sums(x, layer), len(images)), layer).flatten(0, 1)
        return self.readout(_over_time(self.sums(x, self.chain[-1]), len(images)), self.chain[-1])

    def sums(self, x: Tensor, layer: ChainLayer) -> Tensor:
        """Return the synaptic input `(N, H', W', C)` or `(N, out)` of inputs `(N, H, W, C)`."""
        raise NotImplementedError

    def fire(self, a: Tensor, layer: ChainLayer) -> Tensor:
        """Return the spikes `(T, B, ...)` for inputs `(T or 1, B, ...)`."""
        raise NotImplementedError

    def readout(self, a: Tensor, layer: ChainLayer) -> Tensor:
        """Return the membranes of neurons that never spike, summed over T."""
        v = total = torch.zeros(a.shape[1:])
        for t in range(self.steps):
            v = v * layer.beta + a[t % len(a)] + layer.bias
            total = total + v
        return torch.mul(total, 2**lif.UNIT_SHIFT)


def _over_time(sums: Tensor, images: int) -> Tensor:
    return sums.reshape(-1, images, *sums.shape[1:])


class TorchFloat32(Baseline):
    """What a user of PyTorch writes: float32 convolutions in channels_last, neurons as tensor operations in place.

    Exact while sums stay below 2**24 and the network is truncation-free.
    """

    def __init__(self, network: Network, threads: int):
        """Turn all weights into float32. Raises EngineError as ChainLayer."""
        super().__init__(network, threads)
        self.weights = {layer.name: layer.weight.float() for layer in self.chain}
        for layer in self.chain:
            if not layer.dense:
                self.weights[layer.name] = self.weights[layer.name].contiguous(memory_format=torch.channels_last)

    def sums(self, x: Tensor, layer: ChainLayer) -> Tensor:
        """Return the synaptic input in float32."""
        weight = self.weights[layer.name]
        if layer.dense:
            return F.linear(x.flatten(1), weight)
        x = x.permute(0, 3, 1, 2)
        if layer.grid.pool > 1:
            x = F.avg_pool2d(x, layer.grid.pool, divisor_override=1)
        return F.conv2d(x, weight, stride=layer.grid.stride, padding=layer.grid.padding).permute(0, 2, 3, 1)

    def fire(self, a: Tensor, layer: ChainLayer) -> Tensor:
        """Return the spikes as float32 0 and 1."""
        spikes, v = torch.empty(self.steps, *a.shape[1:]), torch.zeros(a.shape[1:])
        for t, spike in enumerate(spikes):
            v.mul_(layer.beta).add_(a[t % len(a)]).add_(layer.bias)
            fired = v > layer.vth
            spike.copy_(fired)
            v.masked_fill_(fired, 0)
        return spikes


class OneDnnInt8(TorchFloat32):
    """The fastest dense way on this processor: oneDNN's u8 x s8 convolutions and fused neurons in C; exact.

    The convolutions are private operators (`torch.ops.onednn`). The first layer stays float32: int8 does not hold its pixels.
    """

    chunk = 4

    def __init__(self, network: Network, threads: int):
        """Pack all weights. Raises EngineError as ChainLayer does, and without the operators or the C kernel."""
        super().__init__(network, threads)
        if not hasattr(torch.ops.onednn, "qconv_pointwise"):
            raise EngineError("this build of torch has no oneDNN int8 operators")
        self.kernel, self.pool = load_kernel(), ThreadPoolExecutor(threads)
        self.packed = {layer.name: self._pack(layer) for layer in self.chain}

    def sums(self, x: Tensor, layer: ChainLayer) -> Tensor:
        """Return the synaptic input as whole numbers in float32."""
        if layer is self.chain[0]:
            return super().sums(x, layer)
        out, pool = len(layer.weight), layer.grid.pool
        x = x.flatten(1)[:, None, None] if layer.dense else x  # its matrix product fails on some processors
        corners = [x[:, row::pool, column::pool] for row in range(pool) for column in range(pool)]
        pooled = sum(corners[1:], corners[0]).permute(0, 3, 1, 2)
        weight = (self.packed[layer.name], torch.ones(out), torch.zeros(out, dtype=torch.int32), None)
        sums: Tensor = torch.ops.onednn.qconv_pointwise(pooled, *IDENTITY, *weight, *layer.geometry, *IDENTITY, *FLOAT_SUMS)
        return sums.flatten(1) if layer.dense else sums.permute(0, 2, 3, 1)

    def fire(self, a: Tensor, layer: ChainLayer) -> Tensor:
        """Return the spikes as uint8 0 and 1."""
        a = a.contiguous()
        frames, images, *population = a.shape
        spikes = torch.empty(self.steps, images, *population, dtype=torch.uint8)
        channels, sizes = population[-1], (self.steps, frames, images)
        bias = layer.membrane_bias

        def one(image: int) -> None:
            membrane = np.empty(channels, np.int32)
            self.kernel.neurons(
                *(*sizes, image, prod(population[:-1]), channels, a.data_ptr(), bias.ctypes.data),
                *(layer.keep, layer.vth, spikes.data_ptr(), membrane.ctypes.data),
            )

        list(self.pool.map(one, range(images)))
        return spikes

    def _pack(self, layer: ChainLayer) -> Tensor:
        weight = layer.weight[:, :, None, None] if layer.dense else layer.weight
        shape = [self.chunk * self.steps, weight.shape[1], *((1, 1) if layer.dense else layer.grid.pooled)]
        packed: Tensor = torch.ops.onednn.qconv_prepack(weight, torch.ones(len(weight)), *IDENTITY, *layer.geometry, shape)
        return packed


BASELINES: dict[str, type[Baseline]] = {"torch_float32": TorchFloat32, "onednn_int8": OneDnnInt8}
