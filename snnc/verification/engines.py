"""The simulators, by name: add a row to ENGINES to add one. verify.py runs and compares them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnc.export import TARGETS
from snnc.export.c.compiler import MISSING, compiler
from snnc.export.lava.import_fixes import INSTALL
from snnc.export.lava.import_fixes import installed as lava_installed
from snnc.export.lava.limits import violations as lava_violations
from snnc.export.lava.runner import TIME_LIMIT, run_lava
from snnc.toolchain.errors import EngineError, install_command, one_line
from snnc.toolchain.native.library import load_kernel
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.violation import Violation
from snnc.toolchain.simulate.bitsliced import prepared, simulate_bitsliced
from snnc.toolchain.simulate.frames import Frames
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace

if TYPE_CHECKING:  # torch is loaded only where a model is
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

SECONDS = 60.0  # that a slow engine may take over the samples if nobody asks for more
FEW = 10  # samples that every engine runs at least, however slow


@dataclass(frozen=True)
class Subject:
    """What engines run: a network and, if there is one, the trained model that it was lowered from."""

    network: Network
    model: "SpikingNetwork | None" = None
    files: tuple[Path, ...] = ()  # exported files that hold the network; engines of a format read these very files
    time_limit: float = TIME_LIMIT  # seconds, for each run of Lava
    device: str = "cpu"  # of the engine `tensor`
    threads: int | None = None  # of the engine `fast`; None takes all cores

    def file(self, target: str) -> Path | None:
        """Return the file of one target, if there is one."""
        return next((path for path in self.files if path.suffix == TARGETS[target].suffix), None)


@dataclass(frozen=True)
class Engine:
    """One simulator.

    `run` returns the trace of a subject on frames `(F, B, ...)`, F being T, or 1 where all steps have the same input. `missing`
    returns why the engine cannot run a subject, or None if it can. `outputs` returns the read-outs alone, faster than a trace.

    Unless the caller says how many samples to run, an engine runs all of them, or the first `max_samples`, or as many as fit
    into a minute at its `throughput` (multiply-accumulates per second, roughly). `slow` engines run after the others. An engine
    that `stands_in` for another runs only where that one cannot, unless it is asked for. `libraries` are the packages whose
    versions decide what it computes.
    """

    run: Callable[[Subject, Frames], Trace]
    missing: Callable[[Subject], str | None] = lambda subject: None
    max_samples: int | None = None
    throughput: float | None = None
    outputs: Callable[[Subject, Frames], NDArray[np.int64]] | None = None
    slow: bool = False
    stands_in: str | None = None
    libraries: tuple[str, ...] = ("numpy",)

    def samples(self, network: Network) -> int | None:
        """Return how many samples of a network to run unless the caller says how many; None means all."""
        if self.throughput is None:
            return self.max_samples
        return max(FEW, int(SECONDS * self.throughput / network.macs))


def samples_of(network: Network, frames: Frames) -> Frames:
    """Return frames in the form that takes the least: `(B, ...)` where all steps have the same input, else `(T, B, ...)`."""
    return frames[0] if len(frames) == 1 != network.timesteps else frames


def _run_model(subject: Subject, frames: Frames) -> Trace:
    if subject.model is None:
        raise EngineError("engine 'torch' replays a trained model; give a .pt file")
    return subject.model.trace(samples_of(subject.network, frames).astype(np.int64))


def _run_tensor(subject: Subject, frames: Frames) -> Trace:
    from snnc.toolchain.simulate.tensor import simulate_tensor

    try:
        return simulate_tensor(subject.network, samples_of(subject.network, frames), subject.device)
    except (RuntimeError, TypeError) as error:  # out of memory, or a device without float64
        raise EngineError(
            f"engine 'tensor' failed on {subject.device!r}: {one_line(error)}; run fewer samples or take --device cpu"
        ) from None


def _run_onnx(subject: Subject, frames: Frames) -> Trace:
    from snnc.export.onnx.runner import run_onnx

    return run_onnx(subject.network, samples_of(subject.network, frames), file=subject.file("onnx"))


def _run_c(subject: Subject, frames: Frames) -> Trace:
    from snnc.export.c.runner import run_c

    return run_c(subject.network, frames, file=subject.file("c"))


def _run_nir(subject: Subject, frames: Frames) -> Trace:
    from snnc.export.nir.runner import run_nir

    return run_nir(subject.network, frames, file=subject.file("nir"))


def _run_lava(builder: str) -> Callable[[Subject, Frames], Trace]:
    def run(subject: Subject, frames: Frames) -> Trace:
        file = subject.file("loihi2")
        return run_lava(subject.network, frames, builder=builder, file=file, time_limit=subject.time_limit)

    return run


def _needs_model(subject: Subject) -> str | None:
    return "replays a trained model; give a .pt file" if subject.model is None else None


def _needs_kernel(subject: Subject) -> str | None:
    try:
        load_kernel()
    except EngineError as error:
        return str(error)
    return None


def _needs_lava(subject: Subject) -> str | None:
    if not lava_installed():
        return f"Lava is not installed; get it with: {INSTALL}"
    return _first(lava_violations(subject.network))


def _needs_netx(subject: Subject) -> str | None:
    if not lava_installed():
        return f"Lava is not installed; get it with: {INSTALL}"
    return _cannot_hold("loihi2", subject)


def _needs_onnx(subject: Subject) -> str | None:
    return _absent("onnx", "onnx", "onnxruntime") or _cannot_hold("onnx", subject)


def _needs_exact_nir(subject: Subject) -> str | None:
    if reason := _absent("nir", "nir") or _cannot_hold("nir", subject):
        return reason
    from snnc.export.nir.runner import why_not

    return why_not(subject.network, subject.file("nir"))


def _needs_compiler(subject: Subject) -> str | None:
    return MISSING if compiler() is None else _cannot_hold("c", subject)


def _absent(extra: str, *libraries: str) -> str | None:
    absent = [name for name in libraries if not find_spec(name)]
    return f"{absent[0]} is not installed; get it with: {install_command(extra)}" if absent else None


def _cannot_hold(target: str, subject: Subject) -> str | None:
    """Return the first thing that a target's format cannot say of the network; nothing where a file of it was given."""
    row = TARGETS[target]
    return None if subject.file(target) else _first(row.violations(subject.network))


def _first(violations: list[Violation]) -> str | None:
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return f"{violations[0]}{more}" if violations else None


def _fast_outputs(subject: Subject, frames: Frames) -> NDArray[Any]:
    return prepared(subject.network, subject.threads).outputs(samples_of(subject.network, frames))


ENGINES: dict[str, Engine] = {
    "reference": Engine(lambda s, x: simulate(s.network, samples_of(s.network, x)), throughput=5e9),
    "fast": Engine(
        lambda s, x: simulate_bitsliced(s.network, samples_of(s.network, x), s.threads),
        _needs_kernel,
        outputs=_fast_outputs,
        libraries=("snnc",),
    ),
    "tensor": Engine(_run_tensor, throughput=2e10, stands_in="fast", libraries=("torch",)),
    "torch": Engine(_run_model, _needs_model, throughput=2e10, libraries=("torch",)),
    "onnx": Engine(_run_onnx, _needs_onnx, throughput=1e10, slow=True, libraries=("onnx", "onnxruntime")),
    "nir": Engine(_run_nir, _needs_exact_nir, throughput=2e9, slow=True, libraries=("nir", "numpy")),
    "c": Engine(_run_c, _needs_compiler, throughput=2e8, slow=True, libraries=("snnc",)),
    "lava": Engine(_run_lava("lava"), _needs_lava, max_samples=FEW, slow=True, libraries=("lava-nc",)),
    "netx": Engine(_run_lava("netx"), _needs_netx, max_samples=FEW, slow=True, libraries=("lava-nc", "lava-dl")),
}
