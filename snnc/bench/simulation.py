"""Measures the fast simulator side by side with other ways to run the same network; equality first, then ratios.

The network is CIFARNet with random ternary weights, its thresholds calibrated to a firing rate. All but Lava run in one
process, in turns, so that a busy machine slows all of them alike; Lava is timed once for each rate, before the turns.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.bench.baselines import BASELINES, Baseline
from snnc.bench.lava_conv import time_convolutions
from snnc.bench.memory import peak_mib
from snnc.bench.synthetic import check_rate, synthetic_cifarnet, synthetic_images
from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.grid import Grid, grid_of
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_layers import aligned
from snnc.toolchain.simulate.frames import Frames, as_frames
from snnc.toolchain.simulate.trace import Trace

BASELINE_IMAGES = 16  # that the slower ways run in one round
COMPARED = 64  # images whose outputs are compared before anything is timed
LAVA_CHANNELS = 4  # output channels of each layer that Lava computes; its time is scaled to all of them
QUIET = 0.2  # seconds before each measurement: torch's threads spin for a while after their work
LIMIT_ROWS = 100_000_000  # added from registers to find the processor's limit

Samples = NDArray[np.int16]
Watch = Callable[[str], None]


@dataclass(frozen=True)
class SimulationSettings:
    """What to measure: the network's width and steps, images and rounds of each measurement, threads (None: all cores)."""

    width: float = 1.0
    timesteps: int = 5
    images: int = 64
    rounds: int = 5
    threads: int | None = None
    lava: bool = True


@dataclass
class Row:
    """One firing rate. Ratios are images/s of ours over theirs, one for each round; `share` is of the processor's limit.

    `compared` images gave the same outputs in all ways; `notes` say what was left out, or which way differs.
    """

    rate: float
    equal: bool
    images_per_s: list[float] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)
    gmacs_per_s: float = 0.0
    share: float = 0.0
    peak_mib: float = 0.0
    prepared_s: float = 0.0
    compared: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return medians and spreads as plain values, an object of `rows` of `snnc bench --json`.

        Speed and ratios are null where outputs differ.
        """
        return {
            "rate": self.rate,
            "images_per_s": round(median(self.images_per_s), 2) if self.images_per_s else None,
            "equal": self.equal,
            "ratio": {name: round(median(values), 2) if values else None for name, values in self.ratios.items()},
            "peak_mib": round(self.peak_mib, 1),
            "ratio_spread": {
                name: [round(min(values), 2), round(max(values), 2)] for name, values in self.ratios.items() if values
            },
            "effective_gmac_per_s": round(self.gmacs_per_s, 1),
            "share_of_limit": round(self.share, 3),
            "prepared_s": round(self.prepared_s, 2),
            "compared": self.compared,
            "notes": self.notes,
        }


def measure(rates: Sequence[float], settings: SimulationSettings, watch: Watch = lambda text: None) -> Iterator[Row]:
    """Yield one row for each firing rate. Raises EngineError without the C kernel, ConfigError for a rate outside 0..1."""
    for rate in rates:
        check_rate(rate)
    for rate in rates:
        gc.collect()  # the networks of the rate before
        watch(f"firing {rate:.0%}: calibrating")
        network = synthetic_cifarnet(settings.width, settings.timesteps, rate)
        yield measure_row(network, rate, settings, watch)


def measure_row(network: Network, rate: float, settings: SimulationSettings, watch: Watch) -> Row:
    """Measure one network against all baselines; ratios stay empty if any output differs."""
    started = time.perf_counter()
    ours = BitslicedSimulator(network, threads=settings.threads)
    prepared = time.perf_counter() - started
    images = synthetic_images(network.input, settings.images)
    with peak_mib() as peak:
        outputs = ours.outputs(images)
    row = Row(rate, equal=True, peak_mib=peak(), prepared_s=prepared, ratios={name: [] for name in (*BASELINES, "lava")})
    few, several = images[:BASELINE_IMAGES], images[:COMPARED]
    baselines = _baselines(network, ours.threads, row)
    watch(f"firing {rate:.0%}: comparing outputs")
    wrong = [
        name for name, baseline in baselines.items() if not np.array_equal(baseline.outputs(several), outputs[: len(several)])
    ]
    row.notes += [f"{name} gives other outputs than the fast simulator" for name in wrong]
    trace = ours.trace(images[:1])
    lava_seconds = _lava_seconds(network, trace, settings, row, watch)
    row.equal, row.compared = not wrong and row.equal, len(several) if baselines else 0
    for turn in range(settings.rounds if row.equal else 0):
        watch(f"firing {rate:.0%}: round {turn + 1} of {settings.rounds}")
        row.images_per_s.append(len(images) / seconds_of(partial(ours.outputs, images)))
        for name, baseline in baselines.items():
            theirs = len(few) / seconds_of(partial(baseline.outputs, few))
            row.ratios[name].append(row.images_per_s[-1] / theirs)
        if lava_seconds:
            row.ratios["lava"].append(row.images_per_s[-1] * lava_seconds)
    if row.equal:
        best = median(row.images_per_s)
        row.gmacs_per_s = best * macs_of(network) / 1e9
        row.share = best * least_rows(ours, as_frames(network, images)) / limit_of(ours)
    return row


def seconds_of(run: Callable[[], object]) -> float:
    """Return how long a call takes, after a moment of quiet."""
    time.sleep(QUIET)
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _hidden(network: Network) -> Iterator[tuple[Synapse, Grid]]:
    """Yield the synapse and its grid (pooling taken out) of every layer that spikes reach, except the read-out."""
    shapes = {layer.name: layer.output_shape for layer in network.layers}
    for layer in network.layers[1:-1]:
        synapse = layer.synapses[0]
        yield synapse, grid_of(synapse, shapes[synapse.source], pooling=True)


def macs_of(network: Network) -> int:
    """Return the multiply-accumulates of one image that a dense simulator cannot avoid: pooled first, the encoder once."""
    first, last = network.layers[0].synapses[0], network.layers[-1].synapses[0]
    hidden = sum(grid.weight.size * grid.output[0] * grid.output[1] for _, grid in _hidden(network))
    return first.macs(network.input.shape) + network.timesteps * (hidden + last.weight.size)


def least_rows(simulator: BitslicedSimulator, frames: Frames) -> float:
    """Return the rows of one vector that one image needs, in the way of running that needs fewer, layer by layer."""
    rates = simulator.measured_rates(frames)
    fused = [runner for _, runner in simulator.layers if isinstance(runner, FusedLayer)]
    loads = [runner.loads(len(frames), [rates[source] for source, _ in runner.sources]) for runner in fused]
    return sum(load.rows() for each in loads for load in each)


def _pooled(spikes: NDArray[np.bool_], grid: Grid) -> NDArray[np.int64]:
    """Return the spikes `(T, C, H, W)` of a grid's source summed over its patches."""
    channels, pool = grid.source[0], grid.pool
    patches = spikes.reshape(len(spikes), channels, grid.pooled[0], pool, grid.pooled[1], pool)
    summed: NDArray[np.int64] = patches.sum((3, 5), dtype=np.int64)
    return summed


def limit_of(simulator: BitslicedSimulator) -> float:
    """Return the weight rows per second that all threads together could add from registers or the first cache."""
    threads = simulator.threads
    numbers = aligned((16, simulator.kernel.width), np.uint8)
    numbers[:] = np.random.default_rng(0).integers(0, 256, numbers.shape, np.uint8)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: simulator.kernel.add_from_registers(LIMIT_ROWS, numbers.ctypes.data), range(threads)))

    return threads * LIMIT_ROWS / min(seconds_of(run) for _ in range(3))


def _baselines(network: Network, threads: int, row: Row) -> dict[str, Baseline]:
    baselines = {}
    for name, baseline in BASELINES.items():
        try:
            baselines[name] = baseline(network, threads)
        except EngineError as error:
            row.notes.append(f"{name} left out: {error}")
    return baselines


def _lava_seconds(network: Network, trace: Trace, settings: SimulationSettings, row: Row, watch: Watch) -> float | None:
    """Return the seconds that Lava's convolutions of one image would take on one core; None without Lava.

    Dense layers, neurons and messages are left out. The row learns whether the sums are ours.
    """
    if not settings.lava:
        return None
    watch("Lava: a few channels of every convolution")
    jobs, sources, parts = [], [], []
    for synapse, grid in _hidden(network):
        if isinstance(synapse, Dense):
            continue
        jobs.append(Conv(synapse.source, grid.weight[:LAVA_CHANNELS], grid.stride, grid.padding))
        sources.append(_pooled(trace.spikes[synapse.source][-1:, 0], grid)[0])
        parts.append(len(jobs[-1].weight) / len(grid.weight))
    try:
        timings = time_convolutions(jobs, sources)
    except EngineError as error:
        row.notes.append(f"lava left out: {error}")
        return None
    sums = [job.sums(source[None])[0] for job, source in zip(jobs, sources, strict=True)]
    if not all(np.array_equal(timing.sums, ours) for timing, ours in zip(timings, sums, strict=True)):
        row.equal = False
        row.notes.append("Lava's convolutions give other sums")
    return network.timesteps * sum(timing.seconds / part for timing, part in zip(timings, parts, strict=True))
