"""The fast simulator: the C kernels over chunks of images on all cores, bit-identical to the reference."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import ResultsStruct, load_kernel
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Shape
from snnc.toolchain.simulate.bitsliced_cycles import CyclicLayers
from snnc.toolchain.simulate.bitsliced_layers import (
    INT16_MAX,
    Fused,
    Output,
    Pixels,
    Range,
    Spikes,
    Ternary,
    as_chw,
    can_fuse,
    count,
    fused_kind,
    grid_of,
    packed,
    scratch,
    unpacked,
)
from snnc.toolchain.simulate.frames import Frames, Samples, as_frames
from snnc.toolchain.simulate.signals import Signals
from snnc.toolchain.simulate.trace import Trace

CHUNK = 4  # images that go through the whole network before the next: no barrier between layers, little memory
CHUNK_BYTES = 2**26  # that a layer's recorded membranes, or its sums, may take in one chunk, padded to whole blocks of channels

Sum = Callable[[Signals], NDArray[np.int64]]


class FusedLayer:
    """A layer that runs in C alone, neurons included: the sums of all synapses but the last are where the last one starts."""

    def __init__(self, fused: Sequence[tuple[tuple[str, int], Fused]]):
        """Take the kernel of every synapse, its source and its delay; the last one has the neurons."""
        *self.others, (self.source, self.last) = fused

    def run(self, signals: Signals, *, membranes: bool) -> Output:
        """Run the layer on all images of its sources."""
        source, last = signals[self.source], self.last
        shape = (count(source), *last.shape)
        bits = np.empty((*shape, last.words), np.uint64)
        after = np.empty((*shape, last.padded if membranes else 0), np.int32)
        with self._given(signals, shape[0]) as given:
            results = ResultsStruct(spikes=bits.ctypes.data, membranes=after.ctypes.data if membranes else None, given=given)
            last.call(source, shape[0], results)
        return Output(bits, after[..., : last.cout])

    @contextmanager
    def _given(self, signals: Signals, images: int) -> Iterator[int | None]:
        """Lend the address of the sums of all synapses but the last."""
        if not self.others:
            yield None
            return
        with scratch(images * prod(self.last.shape) * self.last.padded * np.dtype(np.int32).itemsize) as sums:
            for index, (source, fused) in enumerate(self.others):
                fused.call(signals[source], images, ResultsStruct(sums=sums, given=sums if index else None))
            yield sums


class GeneralLayer:
    """A layer that the kernels do not cover: sums from C where they can be, else from the synapse, and `lif.run` in numpy."""

    def __init__(self, layer: Layer, sums: Sequence[Sum]):
        """Take the sums of every synapse, `(images, T, H, W, C)`."""
        self.neuron, self.sums = layer.neuron, sums

    def run(self, signals: Signals, *, membranes: bool) -> Output:
        """Run the layer on all images of its sources."""
        a = np.asarray(sum(summed(signals) for summed in self.sums))
        neuron = self.neuron
        du, dv, bias = (_in_signal_order(each, neuron.shape) for each in (neuron.du, neuron.dv, neuron.bias))
        spikes, after = np.empty(a.shape, bool), np.empty(a.shape, np.int32)
        steps = lif.run(a.swapaxes(0, 1), a.shape[1], du=du, dv=dv, bias=bias, vth=neuron.vth)
        for t, (v, fired) in enumerate(steps):
            spikes[:, t], after[:, t] = fired, v
        return Output(packed(spikes), after if membranes else after[..., :0])


class BitslicedSimulator:
    """A network prepared once for many samples. Raises EngineError if the C kernel was not built."""

    def __init__(self, network: Network, *, threads: int | None = None, width: int | None = None):
        """Pack all weights; `threads` None takes all cores, `width` forces a vector width in bytes (64, 32, 16)."""
        self.network, self.kernel = network, load_kernel(width)
        self.threads = threads or cores()
        self.shapes = network.shapes
        self.stages = [(stage, self._prepared(stage)) for stage in stages(network.layers)]

    @property
    def layers(self) -> list[tuple[Layer, FusedLayer | GeneralLayer | CyclicLayers]]:
        """Every layer, and what runs it."""
        return [(layer, runner) for stage, runner in self.stages for layer in stage]

    def trace(self, samples: Samples) -> Trace:
        """Return all spikes and membranes; samples as for reference.simulate, with its errors."""
        frames = as_frames(self.network, samples)
        steps, batch = self.network.timesteps, frames.shape[1]
        shapes = {layer.name: (steps, batch, *layer.output_shape) for layer in self.network.layers}
        trace = Trace(
            "fast",
            {name: np.empty(shape, bool) for name, shape in shapes.items()},
            {name: np.empty(shape, np.int32) for name, shape in shapes.items()},
        )

        def keep(start: int, name: str, output: Output) -> None:
            channels = as_chw(self.shapes[name])[0]
            for target, values in ((trace.spikes, unpacked(output.bits, channels)), (trace.membranes, output.membranes)):
                part = target[name][:, start : start + len(values)]
                part[...] = values.transpose(1, 0, 4, 2, 3).reshape(part.shape)

        self._through(frames, keep, recorded=set(self.shapes))
        return trace

    def outputs(self, samples: Samples) -> NDArray[np.int64]:
        """Return the read-out `(B, outputs)` alone; beyond it, only a few samples per thread are in memory."""
        frames, last = as_frames(self.network, samples), self.network.layers[-1]
        result = np.empty((frames.shape[1], last.neurons), np.int64)

        def keep(start: int, name: str, output: Output) -> None:
            if name == last.name:
                values = output.membranes if self.network.readout == "membrane" else unpacked(output.bits, last.output_shape[0])
                summed = values.sum(axis=1, dtype=np.int64).transpose(0, 3, 1, 2)
                result[start : start + len(summed)] = summed.reshape(len(summed), -1)

        self._through(frames, keep, recorded={last.name})
        return result

    def _through(self, frames: Frames, keep: Callable[[int, str, Output], None], recorded: set[str]) -> None:
        def chunk(start: int) -> None:
            signals = Signals(self.network.timesteps)
            signals[INPUT, 0] = self._input_signal(frames[:, start : start + size])
            for stage, runner in self.stages:
                for layer, output in zip(stage, self._outputs(stage, runner, signals, recorded), strict=True):
                    signals[layer.name, 0] = Spikes(as_chw(layer.output_shape)[0], output.bits)
                    keep(start, layer.name, output)

        size = self._chunk_size(recorded)
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(chunk, range(0, frames.shape[1], size)):
                pass

    def _outputs(
        self, stage: Sequence[Layer], runner: FusedLayer | GeneralLayer | CyclicLayers, signals: Signals, recorded: set[str]
    ) -> list[Output]:
        """Run a stage and return the output of each of its layers."""
        if isinstance(runner, CyclicLayers):
            return runner.run(signals, count(signals[INPUT, 0]), recorded)
        return [runner.run(signals, membranes=stage[0].name in recorded)]

    def _chunk_size(self, recorded: set[str]) -> int:
        joins = {stage[0].name for stage, runner in self.stages if isinstance(runner, FusedLayer) and runner.others}
        shapes = [as_chw(layer.output_shape) for layer in self.network.layers if layer.name in recorded | joins]
        pixels_and_blocks = max((h * w * -(-c // self.kernel.block) for c, h, w in shapes), default=1)
        image = pixels_and_blocks * self.kernel.block * self.network.timesteps * 4
        return max(1, min(CHUNK, CHUNK_BYTES // image))

    def _input_signal(self, frames: Frames) -> Pixels:
        """Turn frames `(F, images, ...)` into a signal."""
        frames = frames.reshape(*frames.shape[:2], *as_chw(self.network.input.shape))
        values = np.ascontiguousarray(frames.transpose(1, 0, 3, 4, 2))
        limit = max(-self.network.input.minimum, self.network.input.maximum)
        return Pixels(values.astype(np.int16) if limit <= INT16_MAX else values.astype(np.int64))

    def _prepared(self, stage: Sequence[Layer]) -> FusedLayer | GeneralLayer | CyclicLayers:
        if is_recurrent(stage):
            return CyclicLayers(stage, self.shapes, self.network.timesteps)
        return self._prepare(stage[0], self.network.ranges)

    def _prepare(self, layer: Layer, ranges: Mapping[str, Range]) -> FusedLayer | GeneralLayer:
        kinds = [self._kind(synapse, ranges) for synapse in layer.synapses]
        with_kernel = [(synapse, kind) for synapse, kind in zip(layer.synapses, kinds, strict=True) if kind]
        if len(with_kernel) < len(kinds) or not can_fuse(layer, ranges):
            return GeneralLayer(layer, [self._sums(layer, *pair) for pair in zip(layer.synapses, kinds, strict=True)])
        neurons = [*[None] * (len(kinds) - 1), layer.neuron]
        fused = [self._fused(*pair, neuron) for pair, neuron in zip(with_kernel, neurons, strict=True)]
        return FusedLayer(
            [((synapse.source, synapse.delay), kernel) for synapse, kernel in zip(layer.synapses, fused, strict=True)]
        )

    def _kind(self, synapse: Synapse, ranges: Mapping[str, Range]) -> type[Fused] | None:
        grid = grid_of(synapse, self.shapes[synapse.source], pooling=True)
        return fused_kind(grid, self.kernel, *ranges[synapse.source])

    def _fused(self, synapse: Synapse, kind: type[Fused], neuron: Lif | None) -> Fused:
        grid = grid_of(synapse, self.shapes[synapse.source], pooling=kind is Ternary)
        return kind(self.kernel, grid, neuron, self.network.timesteps)

    def _sums(self, layer: Layer, synapse: Synapse, kind: type[Fused] | None) -> Sum:
        """Return a function that gives a synapse's input `(images, T, H, W, C)` exactly."""
        if kind is not None:
            fused = self._fused(synapse, kind, None)
            return lambda signals: fused.sums(signals[synapse.source, synapse.delay]).astype(np.int64)
        shape, target = self.shapes[synapse.source], as_chw(layer.output_shape)

        def plain(signals: Signals) -> NDArray[np.int64]:
            values = signals[synapse.source, synapse.delay].values.astype(np.int64)
            images, frames = values.shape[:2]
            summed = synapse.sums(values.transpose(0, 1, 4, 2, 3).reshape(images * frames, *shape))
            ordered = summed.reshape(images, frames, *target).transpose(0, 1, 3, 4, 2)
            return np.broadcast_to(ordered, (images, self.network.timesteps, *ordered.shape[2:]))

        return plain


def _in_signal_order(values: int | NDArray[np.integer], shape: Shape) -> int | NDArray[np.integer]:
    """Return one number for each neuron, `(*shape)`, as `(H, W, C)`; one number for all stays as it is."""
    return values if isinstance(values, int) else values.reshape(as_chw(shape)).transpose(1, 2, 0)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate_bitsliced(network: Network, samples: Samples, threads: int | None = None) -> Trace:
    """Run the network as reference.simulate does, with the same results. Raises EngineError if the C kernel was not built."""
    return prepared(network, threads).trace(samples)


@lru_cache(maxsize=2)
def prepared(network: Network, threads: int | None = None) -> BitslicedSimulator:
    """Return the network's simulator: packing the weights of a large one takes seconds, which all batches share."""
    return BitslicedSimulator(network, threads=threads)
