"""The one loop of a verification: every engine runs the same samples, and every spike and membrane is compared."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.dataset import Split, check_samples, chip_input
from snnc.toolchain.data.streamed import OnDisk as SamplesOnDisk
from snnc.toolchain.errors import DataError, EngineError, Inexact, SnncError
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.frames import Frames, Samples, as_frames
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.planning import REFERENCE, Plan, plan
from snnc.verification.verdict import Verdict

if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

OUTPUTS_ONLY = 1024  # samples at a time where nothing is compared
BATCH_BYTES = 2**28  # of all traces of one batch, roughly
KEPT_BYTES = 2**30  # of the baseline's traces; what does not fit is run again for each engine
BYTES_PER_STEP = 20  # spikes, membranes and their working copies, per neuron and step

Progress = Callable[[str, int], None]


def verify(
    network: Network,
    samples: Samples | Split,
    *,
    model: "SpikingNetwork | None" = None,
    engines: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    labels: NDArray[np.integer[Any]] | None = None,
    progress: bool = False,
) -> Verdict:
    """Run engines on the same samples and compare every spike and membrane of every layer and time step with the reference.

    Args:
        network: the integer network.
        samples: chip values `(B, *input.shape)` or, time first, `(T, B, *input.shape)`; or a split of a dataset, whose labels
            give accuracies.
        model: the trained model that the network was lowered from, for the engine `torch`.
        engines: names out of ENGINES; empty for all that can run. All run all samples.
        files: exported files of this network, which the engines of their formats read.
        labels: the classes `(B,)` of samples that are no split, if accuracies are wanted.
        progress: print what `snnc simulate` prints meanwhile: a bar in terminals and in notebooks (these need ipywidgets), and
            a line for each engine when it has run.

    Returns:
        The verdict: `verdict.equal`, `verdict.first_difference`, and per engine and layer what was compared.

    Raises:
        NetworkError: if a sum could overflow or the read-out spike.
        DataError: if the samples do not fit the network.
        EngineError: if an engine is unknown, cannot run, or fails. One that finds that it cannot compute this network exactly
            is left out instead; if that was the last one, the verdict is not equal, and its `left_out` says why.

    Example:
        >>> import numpy as np, snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.verify(network, np.array([[1, 1], [1, 0]]), engines=["tensor"]).equal
        True
    """
    subject = Subject(network, model, tuple(map(Path, files)))
    data = frames_of(network, samples, labels)
    planned = plan(subject, engines, data.count, all_samples=True)
    if progress:
        from snnc.screen import screen
        from snnc.verification.progress import shown_verdict

        return shown_verdict(screen(), subject, data, planned)
    *_, verdict = verifying(subject, data, planned)
    return verdict


@dataclass(frozen=True)
class InMemory:
    """Frames `(F, B, ...)` of chip values, and their labels `(B,)` if there are any."""

    frames: Frames
    labels: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """The number of samples."""
        return int(self.frames.shape[1])

    def part(self, start: int, stop: int) -> "InMemory":
        """Return some of the samples."""
        return InMemory(self.frames[:, start:stop], None if self.labels is None else self.labels[start:stop])


@dataclass(frozen=True)
class OnDisk:
    """A split that stays on disk; each part of it is read when it is asked for."""

    network: Network
    split: Split

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self.split)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The labels `(B,)` of all samples."""
        return self.split.labels

    def part(self, start: int, stop: int) -> InMemory:
        """Return some of the samples."""
        part = self.split.subset(slice(start, stop))
        return InMemory(as_frames(self.network, chip_input(part, self.network.input)), part.labels)


def frames_of(network: Network, samples: Samples | Split, labels: NDArray[np.integer[Any]] | None = None) -> InMemory | OnDisk:
    """Return samples and their labels, or a split of a dataset, as frames. Raises DataError if they do not fit the network."""
    if not isinstance(samples, Split):
        frames = as_frames(network, samples)
        return InMemory(frames, None if labels is None else checked_labels(network, np.asarray(labels), frames.shape[1]))
    outputs = network.classes
    if len(samples) and int(samples.labels.max()) >= outputs:
        raise DataError(
            f"the data have {int(samples.labels.max()) + 1} classes or more, the network has {outputs} outputs; "
            "choose the data it was trained on"
        )
    if isinstance(samples.samples, SamplesOnDisk):
        check_samples(samples, network.input)
        return OnDisk(network, samples)
    return InMemory(as_frames(network, chip_input(samples, network.input)), samples.labels)


def checked_labels(network: Network, labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return labels as they are counted. Raises DataError unless they are a class of the network for each of the samples."""
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise DataError(f"labels of shape {labels.shape}, {labels.dtype}, for {count} samples; give an integer for each")
    outside = labels[(labels < 0) | (labels >= network.classes)]
    if outside.size:
        raise DataError(f"label {outside[0]} is outside 0..{network.classes - 1}, the outputs of {network.name!r}")
    return labels.astype(np.int64)


def verifying(
    subject: Subject, data: InMemory | OnDisk, planned: Plan, progress: Progress = lambda engine, samples: None
) -> Iterator[Verdict]:
    """Run a plan and yield the verdict so far whenever an engine has run; `progress` hears of every batch.

    An engine that nobody named and that fails is left out with its reason; one that was named ends the verification. One that
    finds itself inexact is left out in any case, and what it computed before counts for nothing. Raises as `verify`.
    """
    prove(subject.network)
    verdict = Verdict(subject.network, planned.baseline, left_out=dict(planned.left_out))
    baseline = _Baseline(subject, data, planned, verdict, progress)
    for name, count in planned.counts.items():
        if name == planned.baseline:
            continue
        before = verdict.found()
        try:
            _run_engine(name, count, baseline)
        except SnncError as error:
            if name == REFERENCE or (planned.named and not isinstance(error, Inexact)):
                raise
            if isinstance(error, Inexact) or not verdict.differs(name):  # a difference stays one if its engine fails later
                verdict.leave_out(name, str(error), before)
        if verdict.engines:
            yield verdict
    if verdict.compared:
        baseline.run_rest()
    yield verdict


def bytes_of_sample(network: Network) -> int:
    """Return the memory that the trace of one sample takes, roughly, with working copies."""
    return sum(layer.neurons for layer in network.layers) * network.timesteps * BYTES_PER_STEP


def batch_size(network: Network) -> int:
    """Return of how many samples the traces may be in memory at once, at most 256."""
    return max(1, min(256, BATCH_BYTES // bytes_of_sample(network)))


def batches(network: Network, count: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each batch of `count` samples."""
    size = batch_size(network)
    return ((start, min(start + size, count)) for start in range(0, count, size))


class _Baseline:
    """The baseline's traces, batch by batch: run when first asked for, and kept as far as memory is meant to be used."""

    def __init__(self, subject: Subject, data: InMemory | OnDisk, planned: Plan, verdict: Verdict, progress: Progress):
        """Run nothing yet."""
        self.subject, self.data, self.planned, self.verdict, self.progress = subject, data, planned, verdict, progress
        self.kept: dict[int, Trace] = {}

    def batches(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield start and stop of each batch of the first `count` samples."""
        return batches(self.subject.network, count)

    def trace(self, start: int, stop: int) -> Trace:
        """Return the baseline's trace of some samples of one batch."""
        kept = self.kept.get(start)
        if kept is None:
            until = min(start + batch_size(self.subject.network), self.planned.compared)
            kept = self._run(start, until)
            if (len(self.kept) + 1) * (until - start) * bytes_of_sample(self.subject.network) <= KEPT_BYTES or not self.kept:
                self.kept[start] = kept
        return kept.first(stop - start)

    def _run(self, start: int, stop: int) -> Trace:
        part, first_time = self.data.part(start, stop), start >= self.verdict.traced
        trace, seconds = timed(self.planned.baseline, self.subject, part)
        if first_time:
            self.verdict.count(trace.engine, trace.outputs(self.subject.network), part.labels, seconds)
            self.verdict.count_spikes(trace)
            self.progress(trace.engine, stop - start)
        return trace

    def run_rest(self) -> None:
        """Run the samples that no other engine runs, for their read-outs alone."""
        name, network = self.planned.baseline, self.subject.network
        first, last = self.verdict.traced, self.planned.counts[name]  # an engine that was left out may have stopped early
        outputs = ENGINES[name].outputs
        if first < last and outputs is not None and 0 in self.kept:
            part = self.data.part(0, self.kept[0].samples)
            if not np.array_equal(outputs(self.subject, part.frames), self.kept[0].outputs(network)):
                raise EngineError(f"engine {name!r} gives other read-outs with a trace than without; please report this")
        for start in range(first, last, OUTPUTS_ONLY):
            part = self.data.part(start, min(start + OUTPUTS_ONLY, last))
            started = time.perf_counter()
            if outputs is None:
                values = ENGINES[name].run(self.subject, part.frames).outputs(network)
            else:
                values = outputs(self.subject, part.frames)
            self.verdict.count(name, values, part.labels, time.perf_counter() - started)
            self.progress(name, part.count)


def _run_engine(name: str, count: int, baseline: _Baseline) -> None:
    verdict, network = baseline.verdict, baseline.subject.network
    for start, stop in baseline.batches(count):
        expected = baseline.trace(start, stop)
        part = baseline.data.part(start, stop)
        trace, seconds = timed(name, baseline.subject, part)
        if name == REFERENCE:  # the baseline is fast: if the two differ, that one is wrong
            verdict.compare(trace, expected, start)
        else:
            verdict.compare(expected, trace, start)
        verdict.count(name, trace.outputs(network), part.labels, seconds, compared=stop - start)
        baseline.progress(name, stop - start)


def timed(name: str, subject: Subject, part: InMemory) -> tuple[Trace, float]:
    """Return an engine's trace, under the engine's own name, and the seconds that it took."""
    started = time.perf_counter()
    trace = ENGINES[name].run(subject, part.frames)
    return Trace(name, trace.spikes, trace.membranes), time.perf_counter() - started
