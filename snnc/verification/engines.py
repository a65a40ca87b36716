"""The simulators, by name, and the loop that runs them on the same samples and compares them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.import_fixes import INSTALL
from snnc.export.lava.import_fixes import installed as lava_installed
from snnc.export.lava.runner import TIME_LIMIT, run_lava
from snnc.toolchain.data.dataset import Split, chip_input
from snnc.toolchain.errors import EngineError
from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.bitsliced import prepared, simulate_bitsliced
from snnc.toolchain.simulate.frames import over_time
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:  # torch is loaded only where a model is
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

Samples = NDArray[np.int64]
FEW = 10  # samples of an engine that is slow whatever the network
PATIENCE = 60.0  # seconds that an engine may take over a test split if nobody asks for more
OUTPUTS_ONLY = 1024  # samples at a time where nothing is compared
BATCH_BYTES = 2**28  # of all traces of one batch, roughly
BYTES_PER_STEP = 20  # spikes, membranes and their working copies, per neuron and step


@dataclass(frozen=True)
class Subject:
    """What is verified: a network and, if there is one, the trained model that it was lowered from."""

    network: Network
    model: "SpikingNetwork | None" = None
    files: tuple[Path, ...] = ()  # exported files that hold the network; engines of a format read these very files
    time_limit: float = TIME_LIMIT  # seconds, for each run of Lava
    device: str = "cpu"  # of the engine `tensor`
    threads: int | None = None  # of the engine `fast`; None takes all cores

    def file(self, suffix: str) -> Path | None:
        """Return the file of one format, if there is one."""
        return next((path for path in self.files if path.suffix == suffix), None)


@dataclass(frozen=True)
class Engine:
    """One simulator: `missing` says why it cannot run a subject (None if it can).

    By default an engine runs all samples, or `few` of them, or as many as it can at `pace` (multiply-accumulates per second,
    about) in PATIENCE seconds. `outputs` gives the read-outs alone, faster than a trace. Nobody waits for an engine that runs
    `later` to see the verdict of the others.
    """

    run: Callable[[Subject, Samples], Trace]
    missing: Callable[[Subject], str | None]
    few: int | None = None
    pace: float | None = None
    outputs: Callable[[Subject, Samples], NDArray[np.int64]] | None = None
    later: bool = False

    def samples(self, network: Network) -> int | None:
        """Return how many samples of a network are run if nobody says how many; None means all."""
        return self.few if self.pace is None else max(FEW, int(PATIENCE * self.pace / network.macs))


def _run_model(subject: Subject, samples: Samples) -> Trace:
    if subject.model is None:
        raise EngineError("engine 'torch' replays a trained model; give a .pt file")
    return subject.model.trace(samples)


def _run_tensor(subject: Subject, samples: Samples) -> Trace:
    from snnc.toolchain.simulate.tensor import simulate_tensor

    try:
        return simulate_tensor(subject.network, samples, subject.device)
    except (RuntimeError, TypeError) as error:  # out of memory, or a device without float64
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"engine 'tensor' failed on {subject.device!r}: {reason}; run fewer samples or take --device cpu"
        ) from None


def _needs_model(subject: Subject) -> str | None:
    return "replays a trained model; give a .pt file" if subject.model is None else None


def _needs_kernel(subject: Subject) -> str | None:
    try:
        load_kernel()
    except EngineError as error:
        return str(error)
    return None


def _needs_lava(subject: Subject) -> str | None:
    return None if lava_installed() else f"Lava is not installed; get it with: {INSTALL}"


def _lava(builder: str) -> Callable[[Subject, Samples], Trace]:
    def run(subject: Subject, samples: Samples) -> Trace:
        stream = over_time(subject.network, samples).astype(np.int64)
        return run_lava(subject.network, stream, builder=builder, file=subject.file(".net"), time_limit=subject.time_limit)

    return run


def _needs_libraries(extra: str, *names: str) -> Callable[[Subject], str | None]:
    def missing(subject: Subject) -> str | None:
        absent = [name for name in names if not find_spec(name)]
        return f"{absent[0]} is not installed; get it with: pip install 'snnc[{extra}]'" if absent else None

    return missing


def _run_onnx(subject: Subject, samples: Samples) -> Trace:
    from snnc.export.onnx.runner import run_onnx

    return run_onnx(subject.network, samples, file=subject.file(".onnx"))


def _run_nir(subject: Subject, samples: Samples) -> Trace:
    from snnc.export.nir.runner import run_nir

    return run_nir(subject.network, over_time(subject.network, samples).astype(np.int64), file=subject.file(".nir"))


def _needs_exact_nir(subject: Subject) -> str | None:
    if reason := _needs_libraries("nir", "nir")(subject):
        return reason
    from snnc.export.nir.runner import why_not

    return why_not(subject.network, subject.file(".nir"))


ENGINES: dict[str, Engine] = {
    "reference": Engine(lambda s, x: simulate(s.network, x), lambda _: None, pace=5e9),
    "fast": Engine(
        lambda s, x: simulate_bitsliced(s.network, x, s.threads),
        _needs_kernel,
        outputs=lambda s, x: prepared(s.network, s.threads).outputs(x),
    ),
    "tensor": Engine(_run_tensor, lambda _: None, pace=2e10),
    "torch": Engine(_run_model, _needs_model, pace=2e10),
    "onnx": Engine(_run_onnx, _needs_libraries("onnx", "onnx", "onnxruntime"), pace=1e10, later=True),
    "nir": Engine(_run_nir, _needs_exact_nir, pace=2e9, later=True),
    "lava": Engine(_lava("lava"), _needs_lava, few=FEW, later=True),
    "netx": Engine(_lava("netx"), _needs_lava, few=FEW, later=True),
}

STAND_INS = {"tensor": "fast"}  # run unasked only where the other one cannot


def choose(subject: Subject, wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the engines to compare with the reference, and why others are left out; `wanted` empty: all that can run.

    Raises EngineError for an unknown engine, for a wanted one that cannot run, and if nothing would be compared.
    """
    missing = {name: reason for name, engine in ENGINES.items() if (reason := engine.missing(subject))}
    for name in wanted:
        if name not in ENGINES:
            raise EngineError(f"engine {name!r} is unknown; allowed are {', '.join(ENGINES)}")
        if name in missing:
            raise EngineError(f"engine {name!r}: {missing[name]}")
    others = [name for name in ENGINES if name != "reference"]
    able = [name for name in others if name not in missing]
    unasked = [name for name in able if name not in STAND_INS or STAND_INS[name] in missing]
    chosen = [name for name in able if name in wanted] if wanted else unasked
    if not chosen:
        advice = " or ".join(f"--engine {name}" for name in able)
        raise EngineError(f"only the reference would run, so nothing would be compared; add {advice}")
    return chosen, {} if wanted else missing


def verify(
    subject: Subject,
    split: Split,
    engines: Sequence[str],
    *,
    patient: bool = True,
    watch: Callable[[str, int], None] = lambda engine, samples: None,
) -> Verdict:
    """Run the engines (empty: all that can) on the samples of a split and compare every layer and step with the baseline.

    The baseline is the reference. Unless `patient`, slow engines run the first samples only; where the reference is one of
    them, the fast simulator becomes the baseline, if it is among the engines. `watch` is told each engine's name and how many
    samples it has just run. Raises NetworkError if a sum could overflow or the read-out spike, DataError if the samples do
    not fit, EngineError if an engine is unknown, cannot run, or fails.
    """
    chosen, _ = choose(subject, engines)
    prove(subject.network)
    counts = sample_counts(subject.network, chosen, len(split), patient=patient)
    verdict = Verdict(subject.network, next(iter(counts)))
    values = chip_input(split, subject.network.input)
    size = _batch_size(subject.network)
    compared = sorted(counts.values())[-2]  # what lies beyond is run by the baseline alone
    for start in range(0, compared, size):
        stop = min(start + size, compared)
        _compare(subject, verdict, {name: min(count, stop) for name, count in counts.items()}, start, values, split, watch)
    if compared < counts[verdict.baseline]:
        _check_outputs(subject, verdict, values[: min(compared, size)])
    for start in range(compared, counts[verdict.baseline], OUTPUTS_ONLY):
        stop = min(start + OUTPUTS_ONLY, counts[verdict.baseline])
        started = time.perf_counter()
        outputs = _outputs(verdict.baseline, subject, values[start:stop])
        verdict.count(verdict.baseline, outputs, split.labels[start:stop], time.perf_counter() - started)
        watch(verdict.baseline, stop - start)
    return verdict


def sample_counts(network: Network, engines: Sequence[str], samples: int, *, patient: bool) -> dict[str, int]:
    """Return how many samples each engine runs, the baseline first, which runs the most."""
    counts = {}
    for name in ("reference", *engines):
        most = None if patient else ENGINES[name].samples(network)
        counts[name] = samples if most is None else min(most, samples)
    baseline = "fast" if counts.get("fast", 0) > counts["reference"] else "reference"
    most = counts[baseline]
    return {baseline: most} | {name: min(count, most) for name, count in counts.items() if name != baseline}


def _compare(
    subject: Subject,
    verdict: Verdict,
    until: dict[str, int],
    start: int,
    values: Samples,
    split: Split,
    watch: Callable[[str, int], None],
) -> None:
    """Run one batch, from sample `start` until each engine's own end, and compare all with the baseline."""
    baseline: Trace | None = None
    for name, stop in until.items():
        if stop <= start:
            continue
        started = time.perf_counter()
        trace = ENGINES[name].run(subject, _frames(subject.network, values[start:stop]))
        verdict.count(trace.engine, trace.outputs(subject.network), split.labels[start:stop], time.perf_counter() - started)
        watch(name, stop - start)
        if baseline is None:
            baseline = trace
            verdict.count_spikes(trace)
        elif name == "reference":  # the baseline is fast: if the two differ, that one is wrong
            verdict.compare(trace, baseline.first(stop - start), start)
        else:
            verdict.compare(baseline.first(stop - start), trace, start)


def _check_outputs(subject: Subject, verdict: Verdict, values: Samples) -> None:
    """Raise EngineError unless the baseline's read-outs without a trace, another path, are those of its trace."""
    trace = ENGINES[verdict.baseline].run(subject, _frames(subject.network, values))
    if not np.array_equal(_outputs(verdict.baseline, subject, values), trace.outputs(subject.network)):
        raise EngineError(f"engine {verdict.baseline!r} gives other read-outs with a trace than without; please report this")


def _outputs(name: str, subject: Subject, samples: Samples) -> NDArray[np.int64]:
    frames, outputs = _frames(subject.network, samples), ENGINES[name].outputs
    return outputs(subject, frames) if outputs else ENGINES[name].run(subject, frames).outputs(subject.network)


def _frames(network: Network, values: Samples) -> Samples:
    """Return `(B, ...)`, or `(T, B, ...)` from events `(B, T, ...)`."""
    return values if values.shape[1:] == network.input.shape else values.swapaxes(0, 1)


def _batch_size(network: Network) -> int:
    neurons = sum(layer.neurons for layer in network.layers)
    return max(1, min(256, BATCH_BYTES // (neurons * network.timesteps * BYTES_PER_STEP)))
