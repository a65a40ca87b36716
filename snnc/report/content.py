"""All that a report says, as plain values: the object of report.json, which the page and JUnit's file are made of."""

from typing import Any

from snnc.report.accuracy import accuracy_of
from snnc.report.activity import activity
from snnc.report.curves import training
from snnc.report.difference import difference
from snnc.report.provenance import provenance, version_of
from snnc.report.run import Run
from snnc.report.trust import SAMPLES, chips, formats, proofs
from snnc.verification.engines import ENGINES
from snnc.verification.verdict import verdict_line

FORMAT = "snnc report 1"
SECTIONS = ("verdict", "difference", "accuracy", "activity", "layers", "proofs", "chips", "formats", "training", "provenance")


def content(run: Run) -> dict[str, Any]:
    """Return the sections by name, None where there is nothing to say; each has the `command` that gives it again.

    Raises SnncError if an engine that is run again for its recordings fails.
    """
    again = {"command": run.again}
    accuracy = accuracy_of(run.verdict)
    part, trace = run.recorded(SAMPLES)
    return {
        "format": FORMAT,
        "name": run.subject.network.name,
        "verdict": _verdict(run) | again,
        "difference": difference(run),
        "accuracy": accuracy | again if accuracy else None,
        "layers": _layers(run) | again,
        "activity": activity(run.subject.network, part, trace) | again,
        "proofs": proofs(run),
        "chips": chips(run, part, trace),
        "formats": formats(run),
        "training": training(run),
        "provenance": provenance(run),
    }


def _verdict(run: Run) -> dict[str, Any]:
    """Return the verdict, and of each engine what exactly was compared, and with which libraries."""
    found = run.verdict.as_dict()
    layers = len(run.subject.network.layers)
    for name, engine in found["engines"].items():
        compared = name != run.verdict.baseline
        engine["layers"] = layers if compared else 0
        engine["steps"] = run.subject.network.timesteps if compared else 0
        engine["libraries"] = {library: version_of(library) for library in ENGINES[name].libraries}
    del found["layers"], found["first_difference"]  # sections of their own
    return {"line": verdict_line(run.verdict)} | found


def _layers(run: Run) -> dict[str, Any]:
    """Return each layer's neurons, spikes, firing rate (0..1), and what differed in it."""
    verdict = run.verdict
    steps = max(verdict.traced * verdict.network.timesteps, 1)
    rows = [
        {
            "name": row.name,
            "shape": list(layer.output_shape),
            "neurons": row.neurons,
            "weights": sum(synapse.weight.size for synapse in layer.synapses),
            "spikes": row.spikes,
            "rate": row.spikes / (row.neurons * steps),
            "mismatches": row.mismatches,
            "max_abs_dv": row.max_abs_dv,
        }
        for row, layer in zip(verdict.layers, verdict.network.layers, strict=True)
    ]
    return {"samples": verdict.traced, "timesteps": verdict.network.timesteps, "rows": rows}
