"""The fast simulator: the C kernels over chunks of images on all cores, bit-identical to the reference."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.simulate.bitsliced_layers import (
    INT16_MAX,
    Fused,
    Output,
    Signal,
    Ternary,
    as_chw,
    can_fuse,
    fused_kind,
    grid_of,
    packed,
    unpacked,
)
from snnc.toolchain.simulate.frames import as_frames
from snnc.toolchain.simulate.trace import Trace

CHUNK = 4  # images that go through the whole network before the next: no barrier between layers, little memory
CHUNK_BYTES = 2**26  # that the recorded membranes of one chunk may take, padded to whole blocks of channels

Run = Callable[[dict[str, Signal], bool], Output]
Sum = Callable[[dict[str, Signal]], NDArray[np.int64]]


class BitslicedSimulator:
    """A network prepared once for many samples. Raises EngineError if the C kernel was not built."""

    def __init__(self, network: Network, *, threads: int | None = None, width: int | None = None):
        """Pack all weights; `threads` None takes all cores, `width` forces a vector width in bytes (64, 32, 16)."""
        self.network, self.kernel = network, load_kernel(width)
        self.threads = threads or cores()
        self.shapes = {INPUT: network.input.shape} | {layer.name: layer.output_shape for layer in network.layers}
        ranges = dict.fromkeys(self.shapes, (0, 1)) | {INPUT: (network.input.minimum, network.input.maximum)}
        self.binary_input = network.input.binary
        self.layers = [(layer, self._prepare(layer, ranges)) for layer in network.layers]

    def trace(self, samples: NDArray[np.integer]) -> Trace:
        """Return all spikes and membranes; samples as for simulate.simulate, with its errors."""
        steps, batch = self.network.timesteps, self._count(samples)
        shapes = {layer.name: (steps, batch, *layer.output_shape) for layer in self.network.layers}
        trace = Trace(
            "fast",
            {name: np.empty(shape, bool) for name, shape in shapes.items()},
            {name: np.empty(shape, np.int32) for name, shape in shapes.items()},
        )

        def keep(start: int, name: str, output: Output) -> None:
            channels = as_chw(self.shapes[name])[0]
            assert output.membranes is not None
            for target, values in ((trace.spikes, unpacked(output.bits, channels)), (trace.membranes, output.membranes)):
                part = target[name][:, start : start + len(values)]
                part[...] = values.transpose(1, 0, 4, 2, 3).reshape(part.shape)

        self._through(samples, keep, recorded=set(self.shapes))
        return trace

    def outputs(self, samples: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the read-out `(B, outputs)` alone; beyond it, only a few samples per thread are in memory."""
        last = self.network.layers[-1]
        result = np.empty((self._count(samples), last.neurons), np.int64)

        def keep(start: int, name: str, output: Output) -> None:
            if name == last.name:
                values = output.membranes if self.network.readout == "membrane" else unpacked(output.bits, last.output_shape[0])
                assert values is not None
                summed = values.sum(axis=1, dtype=np.int64).transpose(0, 3, 1, 2)
                result[start : start + len(summed)] = summed.reshape(len(summed), -1)

        self._through(samples, keep, recorded={last.name})
        return result

    def _is_timed(self, samples: NDArray[np.integer]) -> bool:
        return samples.ndim > len(self.network.input.shape) + 1

    def _count(self, samples: NDArray[np.integer]) -> int:
        return int(as_frames(self.network, samples).shape[1])

    def _through(self, samples: NDArray[np.integer], keep: Callable[[int, str, Output], None], recorded: set[str]) -> None:
        timed = self._is_timed(samples)

        def chunk(start: int) -> None:
            part = samples[:, start : start + size] if timed else samples[start : start + size]
            signals = {INPUT: self._input_signal(as_frames(self.network, part))}
            for layer, run in self.layers:
                output = run(signals, layer.name in recorded)
                signals[layer.name] = Signal(as_chw(layer.output_shape), output.bits)
                keep(start, layer.name, output)

        size = self._chunk_size(recorded)
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(chunk, range(0, self._count(samples), size)):
                pass

    def _chunk_size(self, recorded: set[str]) -> int:
        shapes = [as_chw(layer.output_shape) for layer in self.network.layers if layer.name in recorded]
        pixels_and_blocks = max((h * w * -(-c // self.kernel.block) for c, h, w in shapes), default=1)
        image = pixels_and_blocks * self.kernel.block * self.network.timesteps * 4
        return max(1, min(CHUNK, CHUNK_BYTES // image))

    def _input_signal(self, frames: NDArray[np.integer]) -> Signal:
        """Turn frames `(T or 1, images, ...)` into a signal."""
        frames = frames.reshape(*frames.shape[:2], *as_chw(self.network.input.shape))
        values = np.ascontiguousarray(frames.transpose(1, 0, 3, 4, 2))
        bits = packed(values.astype(bool)) if self.binary_input else None
        limit = max(-self.network.input.minimum, self.network.input.maximum)
        return Signal(as_chw(self.network.input.shape), bits, values.astype(np.int16 if limit <= INT16_MAX else np.int64))

    def _prepare(self, layer: Layer, ranges: dict[str, tuple[int, int]]) -> Run:
        first = layer.synapses[0]
        kind = self._kind(first, ranges)
        if kind is not None and can_fuse(layer, *ranges[first.source]):
            fused = self._fused(kind, layer, first, with_neuron=True)
            return lambda signals, recorded: fused.run(signals[first.source], membranes=recorded)
        sums = [self._sums(layer, synapse, self._kind(synapse, ranges)) for synapse in layer.synapses]
        return lambda signals, recorded: self._general(layer, sums, signals)

    def _kind(self, synapse: Synapse, ranges: dict[str, tuple[int, int]]) -> type[Fused] | None:
        spikes = synapse.source != INPUT or self.binary_input
        low, high = ranges[synapse.source]
        grid = grid_of(synapse, self.shapes[synapse.source], pooling=True)
        return fused_kind(grid, self.kernel, from_spikes=spikes, low=low, high=high)

    def _fused(self, kind: type[Fused], layer: Layer, synapse: Synapse, *, with_neuron: bool) -> Fused:
        grid = grid_of(synapse, self.shapes[synapse.source], pooling=kind is Ternary)
        return kind(self.kernel, grid, layer.neuron if with_neuron else None, self.network.timesteps)

    def _sums(self, layer: Layer, synapse: Synapse, kind: type[Fused] | None) -> Sum:
        """Return a function that gives a synapse's input `(images, T, H, W, C)` exactly."""
        if kind is not None:
            fused = self._fused(kind, layer, synapse, with_neuron=False)
            return lambda signals: fused.sums(signals[synapse.source]).astype(np.int64)
        shape, target = self.shapes[synapse.source], as_chw(layer.output_shape)

        def plain(signals: dict[str, Signal]) -> NDArray[np.int64]:
            values = signals[synapse.source].values().astype(np.int64)
            images, frames = values.shape[:2]
            summed = synapse.sums(values.transpose(0, 1, 4, 2, 3).reshape(images * frames, *shape))
            ordered = summed.reshape(images, frames, *target).transpose(0, 1, 3, 4, 2)
            return np.broadcast_to(ordered, (images, self.network.timesteps, *ordered.shape[2:]))

        return plain

    def _general(self, layer: Layer, sums: list[Sum], signals: dict[str, Signal]) -> Output:
        a: NDArray[np.int64] = np.asarray(sum(summed(signals) for summed in sums))
        neuron = layer.neuron
        bias = neuron.bias.reshape(as_chw(neuron.shape)).transpose(1, 2, 0)
        u = v = np.zeros(a[:, 0].shape, np.int64)
        spikes, membranes = np.empty(a.shape, bool), np.empty(a.shape, np.int32)
        for t in range(self.network.timesteps):
            u, v, spikes[:, t] = lif.step(u, v, a[:, t], du=neuron.du, dv=neuron.dv, bias=bias, vth=neuron.vth)
            membranes[:, t] = v
        return Output(packed(spikes), membranes)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate_bitsliced(network: Network, samples: NDArray[np.integer], threads: int | None = None) -> Trace:
    """Run the network as simulate.simulate does, with the same results. Raises EngineError if the C kernel was not built."""
    return prepared(network, threads).trace(samples)


@lru_cache(maxsize=2)
def prepared(network: Network, threads: int | None = None) -> BitslicedSimulator:
    """Return the network's simulator: packing the weights of a large one takes seconds, which all batches share."""
    return BitslicedSimulator(network, threads=threads)
