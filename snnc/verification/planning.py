"""Decides once, before anything runs, which engines run, on how many samples, and against which baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from snnc.toolchain.errors import EngineError, row
from snnc.verification.engines import ENGINES, Subject

REFERENCE = "reference"


@dataclass(frozen=True)
class Plan:
    """The samples of each engine in running order, the baseline first; why others are left out; whether engines were named."""

    counts: dict[str, int]
    left_out: dict[str, str] = field(default_factory=dict)
    named: bool = False

    @property
    def baseline(self) -> str:
        """The engine with which all others are compared; it runs the most samples."""
        return next(iter(self.counts))

    @property
    def compared(self) -> int:
        """How many samples any engine is compared on; the baseline may run more, alone."""
        return max(count for name, count in self.counts.items() if name != self.baseline)


def plan(subject: Subject, wanted: Sequence[str], samples: int, *, all_samples: bool) -> Plan:
    """Plan a verification on so many samples; `wanted` empty: every engine that can run.

    Unless `all_samples`, slow engines run the first samples only; where the reference is one of them, the fast simulator
    becomes the baseline, if it is among the engines. Raises EngineError for an unknown engine, for a wanted one that cannot
    run, and if nothing would be compared.
    """
    names, left_out = _choose(subject, wanted)
    counts = {}
    for name in (REFERENCE, *names):
        most = None if all_samples else ENGINES[name].samples(subject.network)
        counts[name] = samples if most is None else min(most, samples)
    baseline = "fast" if counts.get("fast", 0) > counts[REFERENCE] else REFERENCE
    others = sorted((name for name in counts if name != baseline), key=lambda name: ENGINES[name].slow)
    ordered = {baseline: counts[baseline]} | {name: min(counts[name], counts[baseline]) for name in others}
    return Plan(ordered, left_out, named=bool(wanted))


def _choose(subject: Subject, wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the engines to compare with the reference, and why others are left out."""
    missing = {name: reason for name, engine in ENGINES.items() if (reason := engine.missing(subject))}
    for name in wanted:
        row(ENGINES, name, "engine", EngineError)
        if name in missing:
            raise EngineError(f"engine {name!r}: {missing[name]}")
    able = [name for name in ENGINES if name != REFERENCE and name not in missing]
    unasked = [name for name in able if ENGINES[name].stands_in is None or ENGINES[name].stands_in in missing]
    chosen = [name for name in able if name in wanted] if wanted else unasked
    if not chosen:
        advice = " or ".join(f"--engine {name}" for name in able)
        raise EngineError(f"only the reference would run, so nothing would be compared; add {advice}")
    instead = {str(ENGINES[name].stands_in): name for name in chosen if ENGINES[name].stands_in}
    said = {
        name: reason + (f"; the slower {instead[name]} stands in" if name in instead else "")
        for name, reason in missing.items()
    }
    return chosen, {} if wanted else said
