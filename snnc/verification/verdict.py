"""Compares traces exactly: spike by spike and membrane by membrane, and names the first difference."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.network import Network
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
    """One engine: accuracy (0..1) on the samples it ran, run time, and whether it equalled the baseline everywhere."""

    samples: int = 0
    correct: int = 0
    seconds: float = 0.0
    equal: bool = True

    @property
    def accuracy(self) -> float:
        """The share of samples that were classified rightly."""
        return self.correct / max(self.samples, 1)


@dataclass
class Verdict:
    """The outcome of running several engines on the same samples; all are compared with one of them, the baseline.

    The baseline is the reference, or the fast simulator where the reference takes too long for all samples and is itself
    compared with it on some. `traced` samples had their spikes counted.
    """

    network: Network
    baseline: str = "reference"
    traced: int = 0
    layers: list[LayerResult] = field(default_factory=list)
    engines: dict[str, EngineResult] = field(default_factory=dict)
    first_difference: Difference | None = None
    compared: bool = False

    def __post_init__(self) -> None:
        """Start a row for every layer."""
        self.layers = [LayerResult(layer.name, layer.neurons) for layer in self.network.layers]

    @property
    def equal(self) -> bool:
        """True if at least one engine was compared with the baseline, and none differed in any spike or membrane."""
        return self.compared and self.first_difference is None

    @property
    def samples(self) -> int:
        """The number of samples of the engine that ran the most."""
        return max((engine.samples for engine in self.engines.values()), default=0)

    def count(self, engine: str, outputs: np.ndarray, labels: np.ndarray, seconds: float) -> None:
        """Add the accuracy and the time of one engine on one batch of read-outs `(B, outputs)`."""
        result = self.engines.setdefault(engine, EngineResult())
        result.samples += len(labels)
        result.correct += int((outputs.argmax(axis=1) == labels).sum())
        result.seconds += seconds

    def count_spikes(self, reference: Trace) -> None:
        """Add the baseline's spikes of one batch."""
        for row in self.layers:
            row.spikes += int(reference.spikes[row.name].sum())
        self.traced += reference.samples

    def compare(self, reference: Trace, other: Trace, first_sample: int) -> None:
        """Add the differences of a trace from another on one batch, whose first sample has the index `first_sample`."""
        self.compared = True
        for index, row in enumerate(self.layers):
            _check_complete(row.name, reference, other)
            spikes = (reference.spikes[row.name], other.spikes[row.name])
            membranes = (reference.membranes[row.name], other.membranes[row.name])
            wrong = spikes[0] != spikes[1]
            distance = np.abs(membranes[0].astype(np.int64) - membranes[1])
            row.mismatches += int(wrong.sum())
            row.max_abs_dv = max(row.max_abs_dv, int(distance.max(initial=0)))
            differs = wrong | (distance > 0)
            if differs.any():
                self.engines[other.engine].equal = False
                step, sample, *neuron = (int(i) for i in np.argwhere(differs)[0])
                place = (step, sample, *neuron)
                what, values = ("spike", spikes) if wrong[place] else ("membrane", membranes)
                found = Difference(
                    index,
                    step,
                    first_sample + sample,
                    tuple(neuron),
                    row.name,
                    what,
                    int(values[0][place]),
                    int(values[1][place]),
                    other.engine,
                    reference.engine,
                )
                self.first_difference = min(filter(None, (self.first_difference, found)))

    def absorb(self, other: "Verdict") -> None:
        """Add the outcome of further engines on some of the same samples."""
        self.compared |= other.compared
        for row, more in zip(self.layers, other.layers, strict=True):
            row.mismatches += more.mismatches
            row.max_abs_dv = max(row.max_abs_dv, more.max_abs_dv)
        self.engines |= {name: result for name, result in other.engines.items() if name not in self.engines}
        self.first_difference = min(filter(None, (self.first_difference, other.first_difference)), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, the object that `snnc simulate --json` prints."""
        difference = asdict(self.first_difference) if self.first_difference else None
        if difference:
            del difference["layer_index"]
        return {
            "equal": self.equal,
            "samples": self.samples,
            "baseline": self.baseline,
            "compared_samples": self.traced,
            "timesteps": self.network.timesteps,
            "engines": {
                name: {"accuracy": e.accuracy, "seconds": round(e.seconds, 3), "samples": e.samples, "equal": e.equal}
                for name, e in self.engines.items()
            },
            "layers": [asdict(row) for row in self.layers],
            "first_difference": difference,
        }


def _check_complete(name: str, reference: Trace, other: Trace) -> None:
    expected = reference.membranes[name].shape
    for kind, arrays in (("spikes", other.spikes), ("membranes", other.membranes)):
        if name not in arrays or arrays[name].shape != expected:
            got = arrays[name].shape if name in arrays else "nothing"
            raise EngineError(f"engine {other.engine!r} returned {got} as {kind} of layer {name!r}, expected {expected}")
