"""Where the fast simulator spends its time: every layer both ways, what each way needs, and what of that the time went into."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.simulate.bitsliced import CHUNK, BitslicedSimulator
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.frames import Frames, as_frames
from snnc.toolchain.simulate.image_words import IMAGES
from snnc.toolchain.simulate.signals import Signals
from snnc.toolchain.simulate.strategy import COSTS, priced

SECONDS = 0.2  # that one layer is timed in one way, at the least
PARTS = {  # what the estimate of either way is made of
    "rows": ("event", "product", "row"),
    "neurons": ("block", "neurons"),
    "lists": ("gather", "check", "lists"),
    "layout": ("decode", "window"),
    "calls": ("event_call", "image_call"),
}


@dataclass(frozen=True)
class LayerProfile:
    """One layer on one core, in microseconds per image.

    `rate` is the share of its source that spikes; `rows` are the vectors that the way with fewer of them adds for one image;
    `share` is the time that these need from registers, of the time taken; `parts` is how the estimate of the chosen way splits.
    """

    name: str
    shape: tuple[int, ...]
    rate: float
    events: float
    images: float
    by_images: bool
    estimated: tuple[float, float]
    rows: float
    share: float
    parts: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, an object of `layers` of `snnc bench --profile --json`."""
        return {
            "layer": self.name,
            "shape": list(self.shape),
            "source_rate": round(self.rate, 4),
            "microseconds": {"events": round(self.events, 2), "images": round(self.images, 2)},
            "estimated_microseconds": dict(zip(("events", "images"), (round(each, 2) for each in self.estimated), strict=True)),
            "way": "images" if self.by_images else "events",
            "rows": round(self.rows),
            "share_of_limit": round(self.share, 3),
            "estimated_parts": {name: round(part, 3) for name, part in self.parts.items()},
        }


def profile(
    network: Network, samples: NDArray[np.integer[Any]], limit: float, watch: Callable[[str], None]
) -> Iterator[LayerProfile]:
    """Yield every layer of a network, timed alone on 64 samples `(B, ...)` or `(T, B, ...)`.

    One core adds `limit` rows a second from registers.

    Raises EngineError for a network with layers that the kernels do not cover, and without the kernels.
    """
    simulator = BitslicedSimulator(network, threads=1)
    others = [stage[0].name for stage, runner in simulator.stages if not isinstance(runner, FusedLayer)]
    if others:
        raise EngineError(f"layers {', '.join(others)} run in numpy, not in the kernels; only kernels are profiled")
    frames = as_frames(network, samples)[:, :IMAGES]
    if frames.shape[1] < IMAGES:
        raise EngineError(f"a profile needs {IMAGES} samples, {frames.shape[1]} were given; give more")
    rates, (chosen, _) = simulator.measured_rates(frames), simulator.plan(frames, set())
    signals = _first(simulator, frames)
    for stage, runner in simulator.stages:
        watch(stage[0].name)
        if isinstance(runner, FusedLayer):
            own = [rates[source] for source, _ in runner.sources]
            yield _timed(stage[0].name, runner, signals, own, stage[0].name in chosen, limit)
            signals[stage[0].name, 0] = runner.run(signals, membranes=False, together=CHUNK, by_images=True).spikes


def _first(simulator: BitslicedSimulator, frames: Frames) -> Signals:
    signals = Signals(simulator.network.timesteps)
    signals[INPUT, 0] = simulator.input_signal(frames)
    return signals


def _timed(
    name: str, runner: FusedLayer, signals: Signals, rates: Sequence[float], by_images: bool, limit: float
) -> LayerProfile:
    few = Signals(signals.timesteps)
    few.update({place: signals[place].part(0, CHUNK) for place in runner.sources})
    events = _least(partial(runner.run, few, membranes=False, together=CHUNK, by_images=False)) / CHUNK
    images = _least(partial(runner.run, signals, membranes=False, together=CHUNK, by_images=True)) / IMAGES
    loads = runner.loads(signals[runner.sources[0]].words.frames, rates)
    costs, rows = COSTS[loads[0].width], sum(load.rows() for load in loads)
    by_events = _added(load.by_events() for load in loads)
    at_once = _added(load.by_images() for load in loads)
    estimated = priced(by_events, costs) / 1e3, priced(at_once, costs) / 1e3 / IMAGES
    taken = at_once if by_images else by_events
    parts = {part: priced({k: v for k, v in taken.items() if k in names}, costs) for part, names in PARTS.items()}
    shares = {part: price / sum(parts.values()) for part, price in parts.items()}
    shape = (runner.images.cout, *runner.images.output)
    share = rows / limit / (images if by_images else events)
    return LayerProfile(name, shape, rates[0], events * 1e6, images * 1e6, by_images, estimated, rows, share, shares)


def _added(counts: Iterable[dict[str, float]]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _least(run: Callable[[], object]) -> float:
    """Return the shortest of several calls, after one that prepares what is kept."""
    run()
    least, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        started = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - started)
    return least
