"""The fast simulator: the C kernels over chunks of images on all cores, bit-identical to the reference."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network import lif
from snnc.toolchain.network.grid import as_chw, grid_of
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Shape
from snnc.toolchain.simulate.bitsliced_cycles import CyclicLayers
from snnc.toolchain.simulate.bitsliced_fused import EventsLayer, FusedLayer, Place
from snnc.toolchain.simulate.bitsliced_identity import Identity, identity_of
from snnc.toolchain.simulate.bitsliced_images import ImagesLayer, ImageSynapse
from snnc.toolchain.simulate.bitsliced_layers import INT16_MAX, Fused, Output, Range, Ternary, can_fuse, fused_kind, reach
from snnc.toolchain.simulate.frames import Frames, Samples, as_frames
from snnc.toolchain.simulate.image_words import IMAGES
from snnc.toolchain.simulate.signals import Pixels, Signals, Spikes, count, packed
from snnc.toolchain.simulate.strategy import prices
from snnc.toolchain.simulate.trace import Trace

CHUNK = 4  # images that go through the whole network before the next: no barrier between layers, little memory
CHUNK_BYTES = 2**26  # that a layer's recorded membranes, or its sums, may take in one chunk, padded to whole blocks of channels
PROBED = 2  # images that show how often a network's neurons fire
GAIN = 0.95  # of the time by events alone: for less, few images at once keep more of a wide network in the cache
WORTH = 8  # images at once, for fewer of which 64 lanes are not worth a look

Sum = Callable[[Signals], NDArray[np.int64]]


class GeneralLayer:
    """A layer that the kernels do not cover: sums from C where they can be, else from the synapse, and `lif.run` in numpy."""

    def __init__(self, layer: Layer, sums: Sequence[Sum]):
        """Take the sums of every synapse, `(images, T, H, W, C)`."""
        self.neuron, self.sums = layer.neuron, sums

    def run(self, signals: Signals, *, membranes: bool) -> Output:
        """Run the layer on all images of its sources."""
        a: NDArray[np.int64] = np.asarray(sum(summed(signals) for summed in self.sums))
        neuron = self.neuron
        du, dv, bias = (_in_signal_order(each, neuron.shape) for each in (neuron.du, neuron.dv, neuron.bias))
        spikes, after = np.empty(a.shape, bool), np.empty(a.shape, np.int32)
        steps = lif.run(a.swapaxes(0, 1), a.shape[1], du=du, dv=dv, bias=bias, vth=neuron.vth)
        for t, (v, fired) in enumerate(steps):
            spikes[:, t], after[:, t] = fired, v
        return Output(Spikes(a.shape[-1], packed(spikes)), after if membranes else after[..., :0])


Runner = FusedLayer | GeneralLayer | CyclicLayers


class BitslicedSimulator:
    """A network prepared once for many samples. Raises EngineError if the C kernel was not built."""

    def __init__(
        self, network: Network, *, threads: int | None = None, width: int | None = None, by_images: bool | None = None
    ):
        """Pack all weights; `threads` None takes all cores, `width` forces a vector width in bytes (64, 32, 16).

        `by_images` forces one way of running for all layers that the kernels cover: 64 images at a time, or event by event.
        """
        self.network, self.kernel, self.by_images = network, load_kernel(width), by_images
        self.threads = threads or cores()
        self.shapes = network.shapes
        self.stages = [(stage, self._prepared(stage)) for stage in stages(network.layers)]
        self.rates: dict[str, float] = {}  # the share of every source that is not 0, once it is known

    @property
    def layers(self) -> list[tuple[Layer, Runner]]:
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
            for target, values in ((trace.spikes, output.spikes.values), (trace.membranes, output.membranes)):
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
                values = output.spikes.values if self.network.rule.spiking else output.membranes
                scores = self.network.rule.scores(values.swapaxes(0, 1)).transpose(0, 3, 1, 2)
                result[start : start + len(scores)] = scores.reshape(len(scores), -1)

        self._through(frames, keep, recorded={last.name})
        return result

    def _through(self, frames: Frames, keep: Callable[[int, str, Output], None], recorded: set[str]) -> None:
        together = self._chunk_size(recorded)
        by_images, size = self.plan(frames, recorded)

        def chunk(start: int) -> None:
            for name, output in self._run(frames[:, start : start + size], recorded, by_images, together):
                keep(start, name, output)

        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(chunk, range(0, frames.shape[1], size)):
                pass

    def _run(
        self, frames: Frames, recorded: set[str], by_images: frozenset[str], together: int
    ) -> Iterator[tuple[str, Output]]:
        """Run a few images through the whole network; yield the output of every layer."""
        signals = Signals(self.network.timesteps)
        signals[INPUT, 0] = self.input_signal(frames)
        for stage, runner in self.stages:
            membranes = stage[0].name in recorded
            if isinstance(runner, CyclicLayers):
                outputs = runner.run(signals, count(signals[INPUT, 0]), recorded)
            elif isinstance(runner, FusedLayer):
                way = stage[0].name in by_images
                outputs = [runner.run(signals, membranes=membranes, together=together, by_images=way)]
            else:
                outputs = [runner.run(signals, membranes=membranes)]
            for layer, output in zip(stage, outputs, strict=True):
                signals[layer.name, 0] = output.spikes
                yield layer.name, output

    def plan(self, frames: Frames, recorded: set[str]) -> tuple[frozenset[str], int]:
        """Return the layers that run 64 images at a time, and how many images go through the network at once."""
        total, together = frames.shape[1], self._chunk_size(recorded)
        rounds = self.threads * -(-total // (self.threads * IMAGES))
        size = min(-(-total // rounds) if total else 1, self._fitting(recorded), self._fitting_spikes())
        fused = {stage[0].name: runner for stage, runner in self.stages if isinstance(runner, FusedLayer)}
        if len(fused) < len(self.stages) or self.by_images is False or (size < WORTH and not self.by_images):
            return frozenset(), together
        if self.by_images:
            return frozenset(fused), size
        rates, chosen = self.measured_rates(frames), set[str]()
        mixed = alone = 0.0
        for name, runner in fused.items():
            sources = [source for source, _ in runner.sources]
            loads = runner.loads(len(frames), [rates[source] for source in sources])
            events, images = prices(loads, [source in chosen for source in sources], size)
            if images < events:
                chosen.add(name)
            mixed, alone = mixed + min(images, events), alone + prices(loads, [False] * len(loads), size)[0]
        if not chosen or mixed > GAIN * alone:
            return frozenset(), together
        return frozenset(chosen), size

    def measured_rates(self, frames: Frames) -> dict[str, float]:
        """Return the share of every source that is not 0, over a few images of the first frames that were asked about."""
        if not self.rates:
            self.rates = self._probe(frames[:, :PROBED])
        return self.rates

    def _probe(self, frames: Frames) -> dict[str, float]:
        rates = {INPUT: float(np.count_nonzero(frames)) / max(frames.size, 1)}
        for name, output in self._run(frames, set(), frozenset(), CHUNK):
            spikes = int(np.bitwise_count(output.spikes.bits).sum(dtype=np.int64))
            rates[name] = spikes / (prod(self.shapes[name]) * self.network.timesteps * frames.shape[1])
        return rates

    def _chunk_size(self, recorded: set[str]) -> int:
        return min(CHUNK, self._fitting(recorded))

    def _fitting(self, recorded: set[str]) -> int:
        """Return how many images' membranes of recorded layers, and sums of joins, there is room for."""
        joins = {stage[0].name for stage, runner in self.stages if isinstance(runner, FusedLayer) and runner.events.others}
        shapes = [as_chw(layer.output_shape) for layer in self.network.layers if layer.name in recorded | joins]
        pixels_and_blocks = max((h * w * -(-c // self.kernel.block) for c, h, w in shapes), default=1)
        image = pixels_and_blocks * self.kernel.block * self.network.timesteps * 4
        return max(1, CHUNK_BYTES // image)

    def _fitting_spikes(self) -> int:
        """Return how many images' spikes of all layers there is room for."""
        neurons = sum(layer.neurons for layer in self.network.layers)
        return max(1, min(IMAGES, CHUNK_BYTES * 8 // (neurons * self.network.timesteps)))

    def input_signal(self, frames: Frames) -> Pixels:
        """Turn frames `(F, images, ...)` into a signal."""
        frames = frames.reshape(*frames.shape[:2], *as_chw(self.network.input.shape))
        values = np.ascontiguousarray(frames.transpose(1, 0, 3, 4, 2))
        limit = max(-self.network.input.minimum, self.network.input.maximum)
        exact = values.astype(np.int16) if limit <= INT16_MAX else values.astype(np.int64)
        return Pixels(exact, self.network.input.minimum, self.network.input.maximum)

    def _prepared(self, stage: Sequence[Layer]) -> Runner:
        if is_recurrent(stage):
            return CyclicLayers(stage, self.shapes, self.network.timesteps)
        return self._prepare(stage[0], self.network.ranges)

    def _prepare(self, layer: Layer, ranges: Mapping[str, Range]) -> FusedLayer | GeneralLayer:
        kinds = [self._kind(synapse, ranges) for synapse in layer.synapses]
        if None in kinds or not can_fuse(layer, ranges):
            return GeneralLayer(layer, [self._sums(layer, *pair) for pair in zip(layer.synapses, kinds, strict=True)])
        identities = [identity_of(synapse, self.shapes[synapse.source], *ranges[synapse.source]) for synapse in layer.synapses]
        if all(identities):
            identities[-1] = None  # one kernel has to run the neurons
        triples = list(zip(layer.synapses, kinds, identities, strict=True))
        summed = [(synapse, kind) for synapse, kind, identity in triples if kind and not identity]
        neurons = [*[None] * (len(summed) - 1), layer.neuron]
        fused = [(_place(pair[0]), self._fused(*pair, neuron)) for pair, neuron in zip(summed, neurons, strict=True)]
        events = EventsLayer(fused, [(_place(synapse), identity) for synapse, _, identity in triples if identity])
        kernels = [Identity if identity else kind for _, kind, identity in triples if kind]
        return FusedLayer(events, self._images(layer, ranges), [_place(synapse) for synapse in layer.synapses], kernels)

    def _images(self, layer: Layer, ranges: Mapping[str, Range]) -> ImagesLayer:
        spans = [ranges[synapse.source] for synapse in layer.synapses]
        spiking = [low >= 0 and high <= 1 for low, high in spans]
        synapses = [
            ImageSynapse(grid_of(synapse, self.shapes[synapse.source], pooling=spikes), *span)
            for synapse, span, spikes in zip(layer.synapses, spans, spiking, strict=True)
        ]
        largest = reach(*((synapse.weight, *span) for synapse, span in zip(layer.synapses, spans, strict=True)))
        return ImagesLayer(self.kernel, synapses, layer.neuron, self.network.timesteps, largest)

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


def _place(synapse: Synapse) -> Place:
    return synapse.source, synapse.delay
