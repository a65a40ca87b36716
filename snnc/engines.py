"""The simulators, by name, and the loop that runs them on the same samples and compares them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava_import import INSTALL
from snnc.export.lava_import import installed as lava_installed
from snnc.export.lava_runner import TIME_LIMIT, run_lava
from snnc.toolchain.bounds import prove
from snnc.toolchain.datasets import Split, chip_input
from snnc.toolchain.errors import EngineError
from snnc.toolchain.fast import simulate_fast
from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network import Network
from snnc.toolchain.simulate import over_time, simulate
from snnc.toolchain.trace import Trace
from snnc.toolchain.verify import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:  # torch is loaded only where a model is
    from snnc.toolchain.spiking_network import SpikingNetwork

Samples = NDArray[np.int64]
BATCH_BYTES = 2**28  # of all traces of one batch, roughly
BYTES_PER_STEP = 20  # spikes, membranes and their working copies, per neuron and step


@dataclass(frozen=True)
class Subject:
    """What is verified: a network and, if there is one, the trained model that it was lowered from."""

    network: Network
    model: "SpikingNetwork | None" = None
    file: Path | None = None  # the exported file that holds the network, if it came from one; Lava reads this very file
    time_limit: float = TIME_LIMIT  # seconds, for each run of Lava
    device: str = "cpu"  # of the engine `tensor`


@dataclass(frozen=True)
class Engine:
    """One simulator: `missing` says why it cannot run a subject (None if it can); `slow` ones run few samples by default."""

    run: Callable[[Subject, Samples], Trace]
    missing: Callable[[Subject], str | None]
    slow: bool = False


def _run_model(subject: Subject, samples: Samples) -> Trace:
    if subject.model is None:
        raise EngineError("engine 'torch' replays a trained model; give a .pt file")
    return subject.model.trace(samples)


def _run_tensor(subject: Subject, samples: Samples) -> Trace:
    from snnc.toolchain.tensor_simulator import simulate_tensor

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
        stream = over_time(subject.network, samples)
        return run_lava(subject.network, stream, builder=builder, file=subject.file, time_limit=subject.time_limit)

    return run


ENGINES: dict[str, Engine] = {
    "reference": Engine(lambda s, x: simulate(s.network, x), lambda _: None),
    "fast": Engine(lambda s, x: simulate_fast(s.network, x), _needs_kernel),
    "tensor": Engine(_run_tensor, lambda _: None),
    "torch": Engine(_run_model, _needs_model),
    "lava": Engine(_lava("lava"), _needs_lava, slow=True),
    "netx": Engine(_lava("netx"), _needs_lava, slow=True),
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
    slow_samples: int | None = None,
    watch: Callable[[str, int], None] = lambda engine, samples: None,
) -> Verdict:
    """Run the engines (empty: all that can) on all samples of a split and compare every layer and step with the reference.

    Slow engines run the first `slow_samples` only, if that is given. `watch` is told each engine's name and sample count
    before it runs. Raises NetworkError if a sum could overflow or the read-out spike, DataError if the samples do not fit,
    EngineError if an engine is unknown, cannot run, or fails.
    """
    chosen, _ = choose(subject, engines)
    prove(subject.network)
    values = chip_input(split, subject.network.input)
    verdict = Verdict(subject.network)
    size = _batch_size(subject.network)
    for start in range(0, len(split), size):
        batch, labels = values[start : start + size], split.labels[start : start + size]
        reference = _timed(verdict, "reference", subject, batch, labels, watch)
        verdict.count_spikes(reference)
        for name in chosen:
            most = slow_samples if ENGINES[name].slow and slow_samples is not None else len(split)
            count = min(most - start, len(batch))
            if count > 0:
                trace = _timed(verdict, name, subject, batch[:count], labels[:count], watch)
                verdict.compare(reference.first(count), trace, start)
    return verdict


def _timed(
    verdict: Verdict, name: str, subject: Subject, batch: Samples, labels: NDArray[np.int64], watch: Callable[[str, int], None]
) -> Trace:
    watch(name, len(batch))
    started = time.perf_counter()
    trace = ENGINES[name].run(subject, batch)
    verdict.count(trace, labels, time.perf_counter() - started)
    return trace


def _batch_size(network: Network) -> int:
    neurons = sum(layer.neurons for layer in network.layers)
    return max(1, min(256, BATCH_BYTES // (neurons * network.timesteps * BYTES_PER_STEP)))
