"""Compares a recording with the reference, spike by spike, and says what was compared, what was not, and what differs first."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.simulate.currents import currents
from snnc.toolchain.simulate.frames import Samples
from snnc.toolchain.simulate.reference import simulate
from snnc.verification.alignment import Alignment, found_alignment
from snnc.verification.recording import Recording
from snnc.verification.verdict import Difference

WORDS = {"spikes": "spike", "u": "current u", "v": "membrane"}


@dataclass
class RecordedLayer:
    """What was compared of one layer: steps, the spikes in them, and per kind how many values were compared and differ."""

    name: str
    steps: int = 0
    spikes: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)


@dataclass
class RecordedVerdict:
    """The outcome: how the recording was aligned, each layer, what was left out and why, and the first difference."""

    network: Network
    alignment: Alignment
    samples: int
    layers: list[RecordedLayer]
    left_out: dict[str, str]
    first_difference: Difference | None = None

    @property
    def equal(self) -> bool:
        """True if spikes were compared, the network fired in them, and nothing differs."""
        return self.first_difference is None and any(layer.spikes for layer in self.layers)

    def __str__(self) -> str:
        """Return the verdict in one line: only what was compared."""
        if self.first_difference:
            return f"DIFFERENT: {self.first_difference}"
        kinds = [kind for kind in WORDS if any(layer.compared.get(kind) for layer in self.layers)]
        sums = {kind: sum(layer.compared.get(kind, 0) for layer in self.layers) for kind in kinds}
        counts = " and ".join(f"{count:,} values of {kind}" for kind, count in sums.items())
        layers = f"{sum(bool(layer.compared) for layer in self.layers)} of {len(self.network.layers)} layers"
        if not any(layer.spikes for layer in self.layers):
            return f"NOTHING SEEN: no neuron spikes in what was recorded of {layers}, which says nothing"
        return f"EQUAL: reference = recorded in {counts} of {layers}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "equal": self.equal,
            "verdict": str(self),
            "samples": self.samples,
            "reset": self.alignment.reset,
            "offsets": self.alignment.offsets,
            "layers": [vars(layer) for layer in self.layers],
            "left_out": self.left_out,
        }


def verify_recording(
    network: Network,
    recording: Recording,
    samples: Samples | None = None,
    *,
    reset: int | None = None,
    start: int | None = None,
) -> RecordedVerdict:
    """Compare a recording with the reference.

    Args:
        network: the integer network.
        recording: what `read_recording` returned.
        samples: what was shown, chip values `(B, ...)` or `(T, B, ...)`; None takes those of the recording.
        reset: steps between two resets; None takes what the recording says, or the network's time steps; 0 tries all.
        start: steps that the first layer is late; None takes what the recording says, or tries.

    Raises:
        DataError: if nothing says what was shown, or samples do not fit the network.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> network = snnc.read_network("model.net")  # doctest: +SKIP
        >>> print(snnc.verify_recording(network, snnc.read_recording("recorded.npz", network)))  # doctest: +SKIP
        EQUAL: reference = recorded in 6,160 values of spikes of 3 of 3 layers
    """
    shown = recording.samples if samples is None else samples
    if shown is None:
        raise DataError("the recording does not say what was shown; add `input` to it, or name a dataset with --data")
    interval = reset if reset is not None else recording.timesteps or network.timesteps
    timed = shown.ndim > len(network.input.shape) + 1
    steps = interval or (len(shown) if timed else recording.steps)
    run = network.over(max(steps, 1))
    trace = simulate(run, shown)
    alignment = found_alignment(run, recording, trace, interval, start)
    verdict = RecordedVerdict(run, alignment, trace.samples, [], dict(recording.left_out))
    for index, layer in enumerate(run.layers):
        streams: dict[str, Any] = {"spikes": trace.spikes[layer.name], "v": trace.membranes[layer.name]}
        if recording.of("u", layer.name) is not None:
            streams["u"] = currents(run, layer, shown, trace)
        verdict.layers.append(_compared(index, layer, recording, streams, verdict))
        if not verdict.layers[-1].compared:
            verdict.left_out.setdefault(layer.name, "not recorded")
    return verdict


def _compared(
    index: int, layer: Layer, recording: Recording, streams: dict[str, NDArray[Any]], verdict: RecordedVerdict
) -> RecordedLayer:
    result, alignment = RecordedLayer(layer.name), verdict.alignment
    spikes = alignment.expected(streams["spikes"], layer.name, recording.steps)
    if recording.of("spikes", layer.name) is not None:
        result.steps, result.spikes = len(spikes), int(spikes.sum())
    for kind in WORDS:
        recorded = recording.of(kind, layer.name)
        if recorded is None:
            continue
        offset = alignment.offsets[layer.name]
        expected = alignment.expected(streams[kind], layer.name, len(recorded)).astype(np.int64)
        got = recorded[offset : offset + len(expected)]
        counted = np.ones(got.shape, bool)
        if kind == "v" and not recording.resets_shown:
            counted = ~spikes.astype(bool)
            verdict.left_out["v of neurons that have just spiked"] = "a chip shows its refractory count there"
        wrong = (got != expected) & counted
        result.compared[kind], result.wrong[kind] = int(counted.sum()), int(wrong.sum())
        if wrong.any():
            found = _difference(index, layer, kind, wrong, expected, got, alignment.reset)
            verdict.first_difference = min(filter(None, (verdict.first_difference, found)))
    return result


def _difference(
    index: int, layer: Layer, kind: str, wrong: NDArray[Any], expected: NDArray[Any], got: NDArray[Any], reset: int
) -> Difference:
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    step, neuron = place[0], place[1:]
    return Difference(
        *(index, step % reset, step // reset, neuron, layer.name, WORDS[kind]),
        *(int(expected[place]), int(got[place]), "recorded"),
    )
