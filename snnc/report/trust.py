"""What holds for every input, and what chips and formats cannot hold of the network."""

from typing import Any

from snnc.export import TARGETS
from snnc.report.run import Run, line
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.chips import CHIPS, violations


def proofs(run: Run) -> dict[str, Any]:
    """Return as plain values whether no sum can overflow, no membrane saturate and no read-out spike, for any input."""
    found = [str(overflow) for overflow in overflows(run.subject.network)]
    return {"holds": not found, "found": found, "command": line("snnc", "inspect", run.files[0], "--json")}


def limits(run: Run) -> dict[str, Any]:
    """Return as plain values all that each chip and each format, in each variant, cannot hold."""
    network = run.subject.network
    chips = {
        chip.title: [
            {"where": each.where, "problem": each.problem, "remedy": each.remedy, "source": each.source, "status": each.status}
            for each in violations(network, chip)
        ]
        for chip in CHIPS.values()
    }
    formats = {
        f"{name} {variant}".strip(): [str(each) for each in row.violations(network, options)]
        for name, row in TARGETS.items()
        for variant, options in row.listed().items()
    }
    return {"chips": chips, "formats": formats, "command": line("snnc", "inspect", run.files[0], "--json")}
