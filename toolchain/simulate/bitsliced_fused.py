"""Layers that run in C alone, neurons included: event by event, or all weights of 64 images at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np

from snnc.toolchain.native.library import ResultsStruct, ShortcutStruct
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.simulate.bitsliced_identity import Identity
from snnc.toolchain.simulate.bitsliced_images import ImagesLayer
from snnc.toolchain.simulate.bitsliced_layers import Fused, Output, Ternary, scratch
from snnc.toolchain.simulate.image_words import in_order
from snnc.toolchain.simulate.signals import Signals, Spikes, count
from snnc.toolchain.simulate.strategy import Load

Place = tuple[str, int]  # a source and the delay with which it is read


class EventsLayer:
    """The sums of all synapses but the last are where the last one starts.

    Identities, of which there may be any number, join in registers behind the last one.
    """

    def __init__(self, fused: Sequence[tuple[Place, Fused]], identities: Sequence[tuple[Place, Identity]] = ()):
        """Take the kernel of every synapse, its source and its delay; the last one has the neurons."""
        *self.others, (self.source, self.last) = fused
        self.identities = identities

    def run(self, signals: Signals, *, membranes: bool) -> Output:
        """Run the layer on all images of its sources."""
        source, last = signals[self.source], self.last
        shape = (count(source), *last.shape)
        bits = np.empty((*shape, last.words), np.uint64)
        after = np.empty((*shape, last.padded if membranes else 0), np.int32)
        # The list keeps the bits alive, of which C gets the address.
        joining = [(identity, identity.bits(signals[name], shape[1])) for name, identity in self.identities]
        shortcuts = (ShortcutStruct * len(joining))(*(identity.struct(own) for identity, own in joining))
        with self._given(signals, shape[0]) as given:
            results = ResultsStruct(bits.ctypes.data, after.ctypes.data if membranes else None, None, given)
            results.shortcuts, results.count = shortcuts, len(joining)
            last.call(source, shape[0], results)
        return Output(Spikes(last.cout, bits), after[..., : last.cout])

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


class FusedLayer:
    """A layer with both ways to run it, which give the same."""

    def __init__(self, events: EventsLayer, images: ImagesLayer, sources: Sequence[Place], kernels: Sequence[type]):
        """Take both ways; `sources` are those of the synapses, in their order, and `kernels` what runs the events of each."""
        self.events, self.images, self.sources, self.kernels = events, images, sources, kernels

    def loads(self, frames: int, rates: Sequence[float]) -> list[Load]:
        """Return what every synapse asks of either way, for the firing rates of the sources."""
        last = [number for number, kernel in enumerate(self.kernels) if kernel is not Identity][-1]  # has the neurons
        loads = []
        for number, (place, synapse, rate) in enumerate(zip(self.sources, self.images.synapses, rates, strict=True)):
            own, kernel = frames if place[0] == INPUT else self.images.steps, self.kernels[number]
            ways = {"ternary": kernel is Ternary, "joins": kernel is Identity, "neurons": number == last}
            loads.append(Load(synapse, self.images.kernel.width, self.images.steps, own, rate, **ways))
        return loads

    def run(self, signals: Signals, *, membranes: bool, together: int, by_images: bool) -> Output:
        """Run the layer on all images of its sources; in the way of events so many of them together."""
        if by_images:
            words, after = self.images.run([signals[place].words for place in self.sources], membranes=membranes)
            return Output(Spikes(words.shape[0], words), in_order(after, words.images) if membranes else after[..., :0])
        images = count(signals[self.sources[0]])
        if images <= together:
            return self.events.run(signals, membranes=membranes)
        parts = []
        for start in range(0, images, together):
            part = Signals(signals.timesteps)
            part.update({place: signals[place].part(start, start + together) for place in self.sources})
            parts.append(self.events.run(part, membranes=membranes))
        bits = np.concatenate([part.spikes.bits for part in parts])
        return Output(Spikes(parts[0].spikes.channels, bits), np.concatenate([part.membranes for part in parts]))
