"""The neuron at which an engine first left its baseline: what both saw of it, around that step."""

from typing import Any

from snnc.report.run import OWN, READING, RUNNING, Run
from snnc.verification.engines import ENGINES
from snnc.verification.neuron import NeuronTrace, layer_named, neuron_trace, parameters_of

AROUND = 12  # steps before and after the first difference


def difference(run: Run) -> dict[str, Any] | None:
    """Return the first difference as plain values, with the neuron in both engines; None if all is equal.

    Both engines run the one sample again; `reproduced` tells whether they differ there again.
    """
    found, network = run.verdict.first_difference, run.subject.network
    if found is None:
        return None
    layer = layer_named(network, found.layer)
    frames = run.samples.part(found.sample, found.sample + 1).frames
    both = []
    for engine in (found.baseline, found.engine):
        trace = ENGINES[engine].run(run.subject, frames)
        seen = neuron_trace(network, frames, trace, layer, found.neuron)
        both.append(NeuronTrace(engine, *seen.numbers))
    first, last = max(found.step - AROUND, 0), min(found.step + AROUND + 1, network.timesteps)
    place = ",".join(map(str, found.neuron))
    words = ("--sample", str(found.sample), "--layer", found.layer, "--neuron", place, "--engine", found.engine)
    baseline = () if found.baseline == "reference" else ("--engine", found.baseline)
    return {
        "line": str(found),
        "step": found.step,
        "steps": list(range(first, last)),
        "parameters": parameters_of(layer, found.neuron),
        "engines": {one.engine: {key: values[first:last] for key, values in one.as_dict().items()} for one in both},
        "reproduced": both[0].numbers != both[1].numbers,
        "command": run.repeated("trace", run.files, *words, *baseline, "--json", names=READING + OWN + RUNNING),
    }
