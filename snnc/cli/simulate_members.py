"""snnc simulate of a manifest: every member on every engine, and then what the committee decides."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from snnc.cli.simulate_inputs import Inputs, Saved
from snnc.toolchain.errors import ConfigError

if TYPE_CHECKING:
    from snnc.evaluation.evaluate import Evaluation
    from snnc.toolchain.network.predictions import Committee
    from snnc.verification.engines import Subject
    from snnc.verification.verdict import Verdict
    from snnc.verification.verify import InMemory, OnDisk

Run = Callable[["Subject", "InMemory | OnDisk", Sequence[str], Console], "Verdict"]
MOST_CLASSES = 10  # that the screen names of those that were decided for


def simulate_committee(
    files: Sequence[str],
    inputs: Inputs,
    saved: Saved,
    engines: Sequence[str],
    run: Run,
    console: Console,
    *,
    as_json: bool,
    verbose: bool,
    **settings: Any,
) -> None:
    """Verify every member of a manifest, report and save what was asked for, exit with 0 if all members are equal, else 1.

    With the checkpoint as a second file, the members are drawn again from its posterior, compared with their files, and the
    engine `torch` runs them too. Raises ConfigError for other files.
    """
    import numpy as np

    from snnc.toolchain.network.predictions import committee
    from snnc.verification.traces import outputs_of

    subjects = _members(files, **settings)
    names = [str(subject.files[0]) for subject in subjects]
    networks = [subject.network for subject in subjects]
    each_saved = saved.of_members(len(names), [*files, *names, *filter(None, [inputs.file, inputs.data])])
    data = _samples(subjects, inputs, files, console)
    saved.check_size(networks[0], data)
    verdicts = []
    for name, subject in zip(names, subjects, strict=True):
        console.print(name, style="bold")
        if verbose:
            console.print(f"{subject.network}\n")
        verdicts.append(run(subject, data, engines, console))
    pairs = list(zip(verdicts, subjects, strict=True))
    outputs = np.concatenate([outputs_of(_decisive(verdict), subject, data) for verdict, subject in pairs], axis=1)
    classes = networks[0].labels or tuple(map(str, range(networks[0].classes)))
    outcome = Outcome([Path(name).name for name in names], verdicts, committee(networks, outputs), classes, data.labels)
    for own, (verdict, subject) in zip(each_saved, pairs, strict=True):
        own.write(verdict.baseline, subject, data, console)
    saved.write_predictions(networks, outputs, data.labels, console)
    measured = outcome.measured()
    _show(console, outcome, measured)
    if console.quiet and not as_json and not outcome.equal:
        click.echo(f"snnc: {_line(outcome, measured)}", err=True)
    if as_json:
        click.echo(json.dumps(outcome.as_dict(measured)))
    sys.exit(0 if outcome.equal else 1)


def _members(files: Sequence[str], **settings: Any) -> "list[Subject]":
    """Return the members of a manifest, with their models where its checkpoint is named too.

    Raises ConfigError for other files, DifferentNetworks if a model is not the network of its file.
    """
    from snnc.members import SUFFIX, drawn_again, member_files, read_members
    from snnc.verification.engines import Subject

    manifest = next(name for name in files if Path(name).suffix == SUFFIX)
    others = [name for name in files if name != manifest]
    if len(others) > 1 or any(Path(name).suffix != ".pt" for name in others):
        raise ConfigError(f"{manifest}: a manifest goes alone or with the checkpoint of its posterior; leave out other files")
    found, networks = read_members(manifest)
    models = drawn_again(others[0], manifest) if others else [None] * len(networks)
    each = zip(networks, models, member_files(manifest, found), strict=True)
    return [Subject(network, model, (file,), **settings) for network, model, file in each]


def _decisive(verdict: "Verdict") -> str:
    """Return the engine whose read-outs count: the fast simulator if it ran and was found equal, else the baseline."""
    return "fast" if "fast" in verdict.engines and not verdict.differs("fast") else verdict.baseline


def _samples(subjects: "list[Subject]", inputs: Inputs, files: Sequence[str], console: Console) -> "InMemory | OnDisk":
    """Return the samples that all members run, as frames; they have one input. Raises DataError, NetworkError."""
    from snnc.toolchain.data.dataset import Split
    from snnc.verification.verify import frames_of

    first, *others = (subject.network for subject in subjects)
    samples, labels = inputs.of(first, files, console)
    if not isinstance(samples, Split):
        for network in others:
            inputs.check_overflow(network, samples)
    return frames_of(first, samples, labels)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The members' files and verdicts, what they say together, the names of classes, and labels `(B,)` if there are any."""

    names: list[str]
    verdicts: "list[Verdict]"
    together: "Committee"
    classes: Sequence[str]
    labels: NDArray[Any] | None

    @property
    def equal(self) -> bool:
        """Whether every member is equal on all engines."""
        return all(verdict.equal for verdict in self.verdicts)

    @property
    def decided(self) -> Counter[str]:
        """For how many samples the committee decides for each class."""
        return Counter(self.classes[number] for number in self.together.decisions.tolist())

    @property
    def unanimous(self) -> int:
        """The number of samples for which every member alone decides as the committee does."""
        return int((self.together.votes == len(self.names)).sum())

    def measured(self) -> "list[Evaluation]":
        """Return the measures of every member and then of the committee; none without labels."""
        from snnc.evaluation.evaluate import evaluation
        from snnc.evaluation.predictions import Predicted

        if self.labels is None:
            return []
        logits = self.together.logits
        parts = [*((name, logits[number : number + 1]) for number, name in enumerate(self.names)), ("committee", logits)]
        return [evaluation(Predicted(name, part, self.labels)) for name, part in parts]

    def as_dict(self, measured: "list[Evaluation]") -> dict[str, Any]:
        """Return plain values, the object that `--json` prints."""
        members = [{"file": name, **verdict.as_dict()} for name, verdict in zip(self.names, self.verdicts, strict=True)]
        measures = {name: asdict(each) for name, each in measured[-1].measures.items()} if measured else {}
        decided = {"samples": len(self.together.votes), "decided": dict(self.decided), "unanimous": self.unanimous}
        return {"equal": self.equal, "members": members, "committee": decided | measures}


def _show(console: Console, outcome: Outcome, measured: "list[Evaluation]") -> None:
    headings = ("accuracy", "NLL", "ECE") if measured else ("decides alike",)
    table = Table("member", box=None, pad_edge=False, header_style="bold")
    for heading in (*headings, "equal"):
        table.add_column(heading, justify="right")
    alike = (outcome.together.of_members == outcome.together.decisions).mean(axis=1).tolist()
    for number, (name, verdict) in enumerate(zip(outcome.names, outcome.verdicts, strict=True)):
        cells = _measures(measured[number]) if measured else (f"{alike[number]:.2%}",)
        table.add_row(name, *cells, "yes" if verdict.equal else "NO")
    if measured:
        table.add_row(f"committee of {len(outcome.names)}", *_measures(measured[-1]), "")
    console.print("", table, "")
    most = outcome.decided.most_common(MOST_CLASSES)
    more = len(outcome.decided) - len(most)
    rest = f" and {more} classes more" if more else ""
    console.print(f"decided (samples): {', '.join(f'{name} ({count:,})' for name, count in most)}{rest}")
    console.print(_line(outcome, measured), style="bold green" if outcome.equal else "bold red")


def _measures(found: "Evaluation") -> tuple[str, ...]:
    values = {key: found.measures[key].value for key in ("accuracy", "nll", "ece")}
    return f"{values['accuracy']:.2%}", f"{values['nll']:.3f}", f"{values['ece']:.2%}"


def _line(outcome: Outcome, measured: "list[Evaluation]") -> str:
    from snnc.verification.verdict import verdict_line

    for number, verdict in enumerate(outcome.verdicts):
        if not verdict.equal:
            return f"member {number}: {verdict_line(verdict)}"
    agreed = f"unanimously on {outcome.unanimous:,} of {len(outcome.together.votes):,} samples"
    right = f"is right on {measured[-1].measures['accuracy'].value:.2%}, and decides" if measured else "decides"
    return f"EQUAL: all {len(outcome.verdicts)} members; the committee {right} {agreed}"
