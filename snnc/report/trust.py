"""What holds for every input, what chips and formats cannot hold of the network, and what it takes on a chip."""

from dataclasses import asdict
from typing import Any

from snnc.export import TARGETS
from snnc.report.run import Run, line
from snnc.toolchain.network.chips import CHIPS, violations
from snnc.toolchain.network.mapping import mapping
from snnc.toolchain.network.proofs import proofs as proofs_of
from snnc.toolchain.simulate.activity import measure
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import samples_of
from snnc.verification.verify import InMemory

SAMPLES = 16  # that activity is measured on, as snnc check does


def proofs(run: Run) -> dict[str, Any]:
    """Return as plain values what each layer can reach for any input, and whether every limit is kept."""
    return asdict(proofs_of(run.subject.network)) | {"command": _check(run, next(iter(CHIPS)))}


def chips(run: Run, part: InMemory, trace: Trace) -> list[dict[str, Any]]:
    """Return of each chip, as plain values, all that it cannot hold, and the mapping to its cores.

    What samples cost is measured on some of them, and their trace; not where no dataset was named.
    """
    network = run.subject.network
    activity = measure(network, samples_of(network, part.frames), trace) if run.of_dataset else None
    fewer = ("--samples", str(part.count)) if activity and part.count < SAMPLES else ()
    found = []
    for name, chip in CHIPS.items():
        mapped = mapping(network, chip, activity)
        broken = [asdict(each) for each in violations(network, chip)]
        found.append(
            {
                "name": name,
                "title": chip.title,
                "violations": broken,
                "mapping": asdict(mapped) if mapped else None,
                "command": _check(run, name, *fewer),
            }
        )
    return found


def formats(run: Run) -> dict[str, Any]:
    """Return as plain values all that each format, in each variant, cannot hold."""
    lost = {
        f"{name} {variant}".strip(): [str(each) for each in row.violations(run.subject.network, options)]
        for name, row in TARGETS.items()
        for variant, options in row.listed().items()
    }
    return {"lost": lost, "command": line("snnc", "inspect", run.files[0], "--json")}


def _check(run: Run, chip: str, *words: str) -> str:
    return run.repeated("check", run.files[:1], "--chip", chip, *words, "--json")
