"""Compares traces exactly: spike by spike and membrane by membrane, and names the first difference."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import EngineError, escaped
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.network.text import html_table
from snnc.toolchain.simulate.trace import Trace


@dataclass(frozen=True, order=True)
class Difference:
    """The place where an engine first left the one it was compared with: by layer, then step, then sample, then neuron."""

    layer_index: int
    step: int
    sample: int
    neuron: tuple[int, ...]
    layer: str
    what: str
    reference: int
    got: int
    engine: str
    baseline: str = "reference"

    def __str__(self) -> str:
        """Return one line for people."""
        return (
            f"layer {self.layer!r}, step {self.step}, sample {self.sample}, neuron {self.neuron}: "
            f"{self.what} is {self.reference} in {self.baseline} and {self.got} in {self.engine}"
        )


@dataclass
class LayerResult:
    """One layer over all compared engines; `spikes` counts the baseline's, `max_abs_dv` is in 1/64 weight units."""

    name: str
    neurons: int
    spikes: int = 0
    mismatches: int = 0
    max_abs_dv: int = 0


@dataclass
class EngineResult:
    """One engine: on how many samples it ran, how many of these were compared, and whether all of those were equal.

    `correct` counts the samples that were classified correctly; None where they have no labels.
    """

    samples: int = 0
    compared: int = 0
    correct: int | None = None
    seconds: float = 0.0
    equal: bool = True

    @property
    def accuracy(self) -> float | None:
        """The share (0..1) of samples that were classified correctly; None without labels."""
        return None if self.correct is None else self.correct / max(self.samples, 1)


@dataclass(frozen=True)
class Found:
    """What comparisons have found so far: the first difference, and per layer its mismatches and largest distance."""

    first_difference: Difference | None
    layers: tuple[tuple[int, int], ...]


@dataclass
class Verdict:
    """The outcome of running several engines on the same samples; all are compared with one of them, the baseline.

    The baseline is the reference. Where that takes too long for all samples, it is the fast simulator, which is then compared
    with the reference on some. `traced` is the number of samples whose spikes were counted; `left_out` says why engines did
    not run. `confusion` counts the baseline's samples, `(classes, classes)`: by label, then by what it decided for; None
    without labels.
    """

    network: Network
    baseline: str = "reference"
    traced: int = 0
    layers: list[LayerResult] = field(default_factory=list)
    engines: dict[str, EngineResult] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    first_difference: Difference | None = None
    confusion: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Start a row for every layer."""
        self.layers = [LayerResult(layer.name, layer.neurons) for layer in self.network.layers]

    @property
    def compared(self) -> bool:
        """Whether any engine was compared with the baseline."""
        return any(result.compared for result in self.engines.values())

    @property
    def equal(self) -> bool:
        """True if at least one engine was compared with the baseline, and none differed in any spike or membrane."""
        return self.compared and self.first_difference is None

    @property
    def silent(self) -> list[str]:
        """The layers that should spike, and of which no neuron did on any sample."""
        hidden = zip(self.network.layers, self.layers, strict=True)
        return [row.name for layer, row in hidden if self.traced and not row.spikes and not self.network.is_readout(layer)]

    @property
    def samples(self) -> int:
        """The number of samples of the engine that ran the most."""
        return max((engine.samples for engine in self.engines.values()), default=0)

    @property
    def extents(self) -> dict[int, list[str]]:
        """The engines by the number of samples, counted from the first, on which they were compared; the most first."""
        found: dict[int, list[str]] = {}
        for name, result in self.engines.items():
            if name != self.baseline and result.compared:
                found.setdefault(result.compared, []).append(name)
        return dict(sorted(found.items(), reverse=True))

    def count(
        self, engine: str, outputs: NDArray[np.int64], labels: NDArray[np.int64] | None, seconds: float, compared: int = 0
    ) -> None:
        """Add one engine's read-outs `(B, outputs)` of one batch, `compared` samples of which were compared."""
        result = self.engines.setdefault(engine, EngineResult())
        result.samples += len(outputs)
        result.compared += compared
        result.seconds += seconds
        if labels is not None:
            decided = decisions(self.network, outputs)
            result.correct = (result.correct or 0) + int((decided == labels).sum())
            if engine == self.baseline:
                self._confuse(labels, decided)

    def differs(self, engine: str) -> bool:
        """Tell whether an engine was found to differ in any spike or membrane."""
        return engine in self.engines and not self.engines[engine].equal

    def found(self) -> Found:
        """Return what comparisons have found so far, for `leave_out` of the engine that runs next."""
        return Found(self.first_difference, tuple((row.mismatches, row.max_abs_dv) for row in self.layers))

    def leave_out(self, engine: str, reason: str, before: Found) -> None:
        """Take back all that one engine gave since `before`, and keep the reason; what the baseline counted stays."""
        self.engines.pop(engine, None)
        self.left_out[engine], self.first_difference = reason, before.first_difference
        for row, (mismatches, distance) in zip(self.layers, before.layers, strict=True):
            row.mismatches, row.max_abs_dv = mismatches, distance

    def count_spikes(self, trace: Trace) -> None:
        """Add the baseline's spikes of one batch."""
        for row in self.layers:
            row.spikes += int(trace.spikes[row.name].sum())
        self.traced += trace.samples

    def compare(self, reference: Trace, other: Trace, first_sample: int) -> None:
        """Compare a trace with another on one batch, whose first sample has the index `first_sample`."""
        for index, row in enumerate(self.layers):
            _check_complete(row.name, reference, other)
            found = self._difference(index, reference, other)
            if found is not None:
                # A baseline that the reference finds wrong is equal to nothing, and the reference is not equal to it.
                for engine in (other.engine, reference.engine) if other.engine == self.baseline else (other.engine,):
                    self.engines.setdefault(engine, EngineResult()).equal = False
                shifted = {**vars(found), "sample": first_sample + found.sample}
                self.first_difference = min(filter(None, (self.first_difference, Difference(**shifted))))

    def _confuse(self, labels: NDArray[np.int64], decided: NDArray[np.int64]) -> None:
        if self.confusion is None:
            self.confusion = np.zeros((self.network.classes, self.network.classes), np.int64)
        np.add.at(self.confusion, (labels, decided), 1)

    def _difference(self, index: int, reference: Trace, other: Trace) -> Difference | None:
        """Count what differs in one layer, and return the first place, its sample counted within the batch."""
        row = self.layers[index]
        spikes = (reference.spikes[row.name], other.spikes[row.name])
        membranes = (reference.membranes[row.name], other.membranes[row.name])
        wrong = spikes[0] != spikes[1]
        distance = np.abs(membranes[0].astype(np.int64) - membranes[1])
        row.mismatches += int(wrong.sum())
        row.max_abs_dv = max(row.max_abs_dv, int(distance.max(initial=0)))
        differs = wrong | (distance > 0)
        if not differs.any():
            return None
        step, sample, *neuron = (int(i) for i in np.argwhere(differs)[0])
        place = (step, sample, *neuron)
        what, values = ("spike", spikes) if wrong[place] else ("membrane", membranes)
        got = (int(values[0][place]), int(values[1][place]))
        return Difference(index, step, sample, tuple(neuron), row.name, what, *got, other.engine, reference.engine)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, the object that `snnc simulate --json` prints."""
        difference = asdict(self.first_difference) if self.first_difference else None
        if difference:
            del difference["layer_index"]
        return {
            "equal": self.equal,
            "samples": self.samples,
            "baseline": self.baseline,
            "compared": [{"engines": [self.baseline, *names], "samples": samples} for samples, names in self.extents.items()],
            "compared_samples": max(self.extents, default=0),
            "timesteps": self.network.timesteps,
            "engines": {name: _plain(result) for name, result in self.engines.items()},
            "left_out": self.left_out,
            "layers": [asdict(row) for row in self.layers],
            "silent": self.silent,
            "first_difference": difference,
        }

    def _repr_html_(self) -> str:
        """Return the outcome, the layers and the engines for notebooks."""
        layers = [
            (row.name, f"{row.neurons:,}", f"{row.spikes:,}", f"{row.mismatches:,}", f"{row.max_abs_dv:,}")
            for row in self.layers
        ]
        engines = [
            (
                name,
                f"{each.compared:,}",
                "-" if each.accuracy is None else f"{each.accuracy:.2%}",
                "yes" if each.equal else "NO",
            )
            for name, each in self.engines.items()
        ]
        return (
            f"<b style='color:{'#0a7d32' if self.equal else '#b3261e'}'>{escaped(verdict_line(self))}</b>"
            + html_table(("layer", "neurons", "spikes", "mismatches", "max |dv|"), layers)
            + html_table(("engine", "compared", "accuracy", "equal"), engines)
        )


def verdict_line(verdict: Verdict) -> str:
    """Return the outcome in one line: per group of engines, on how many samples they were compared."""
    if verdict.first_difference:
        return f"DIFFERENT: {verdict.first_difference}"
    if not verdict.compared:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in verdict.left_out.items())
        return f"NOTHING was compared{f', every engine was left out ({reasons})' if reasons else ''}"
    (most, names), *fewer = verdict.extents.items()
    groups = [f"{' = '.join([verdict.baseline, *names])} on {_samples(most)}"]
    groups += [f"{' = '.join(names)} on the first {_samples(count)}" for count, names in fewer]
    alone = verdict.engines[verdict.baseline].samples - most
    rest = f"; {_samples(alone)} more ran in {verdict.baseline} alone" if alone > 0 else ""
    return f"EQUAL: {'; '.join(groups)}, in every spike and membrane{rest}"


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"


def _plain(result: EngineResult) -> Mapping[str, Any]:
    return {
        "accuracy": result.accuracy,
        "seconds": round(result.seconds, 3),
        "samples": result.samples,
        "compared": result.compared,
        "equal": result.equal,
    }


def _check_complete(name: str, reference: Trace, other: Trace) -> None:
    expected = reference.membranes[name].shape
    for kind, arrays in (("spikes", other.spikes), ("membranes", other.membranes)):
        if name not in arrays or arrays[name].shape != expected:
            got = arrays[name].shape if name in arrays else "nothing"
            raise EngineError(f"engine {other.engine!r} returned {got} as {kind} of layer {name!r}, expected {expected}")
