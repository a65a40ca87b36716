"""snnc simulate of a manifest: every member on every engine, and then what the committee decides."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from snnc.toolchain.errors import ConfigError

if TYPE_CHECKING:
    from snnc.evaluation.evaluate import Evaluation
    from snnc.toolchain.data.dataset import Split
    from snnc.verification.engines import Subject
    from snnc.verification.verdict import Verdict

Run = Callable[["Subject", "Split", Sequence[str], Console], "Verdict"]


def simulate_committee(
    files: Sequence[str],
    data: str | None,
    samples: int | None,
    engines: Sequence[str],
    run: Run,
    console: Console,
    *,
    as_json: bool,
    **settings: Any,
) -> None:
    """Verify every member of a manifest, report the committee, and exit with 0 if all members are equal, else 1.

    With the checkpoint as a second file, the members are drawn again from its posterior, compared with their files, and the
    engine `torch` runs them too. Raises ConfigError for other files.
    """
    from snnc.evaluation.evaluate import evaluation
    from snnc.evaluation.predictions import of_networks
    from snnc.files import split_for
    from snnc.members import SUFFIX, member_files, read_members
    from snnc.verification.engines import Subject

    manifest = next(name for name in files if Path(name).suffix == SUFFIX)
    others = [name for name in files if name != manifest]
    if len(others) > 1 or any(Path(name).suffix != ".pt" for name in others):
        raise ConfigError(f"{manifest}: a manifest goes alone or with the checkpoint of its posterior; leave out other files")
    committee, networks = read_members(manifest)
    models = _models(others[0], manifest) if others else [None] * len(networks)
    split = split_for(networks[0], data, samples)
    verdicts = []
    for file, network, model in zip(member_files(manifest, committee), networks, models, strict=True):
        console.print(f"{file}", style="bold")
        verdicts.append(run(Subject(network, model, (file,), **settings), split, engines, console))
    alone = [evaluation(of_networks(m.file, [n], split)) for m, n in zip(committee.members, networks, strict=True)]
    together = evaluation(of_networks(manifest, networks, split))
    _show(console, verdicts, alone, together)
    equal = all(verdict.equal for verdict in verdicts)
    if console.quiet and not as_json and not equal:
        click.echo(f"snnc: {_line(verdicts, together)}", err=True)
    if as_json:
        members = [{"file": one.file, **verdict.as_dict()} for one, verdict in zip(alone, verdicts, strict=True)]
        measures = {name: asdict(each) for name, each in together.measures.items()}
        click.echo(json.dumps({"equal": equal, "members": members, "committee": measures}))
    sys.exit(0 if equal else 1)


def _models(checkpoint: str, manifest: str) -> list[Any]:
    """Return the models of all members, drawn again. Raises DifferentNetworks if one is not the network of its file."""
    from snnc.members import drawn_again

    return drawn_again(checkpoint, manifest)


def _show(console: Console, verdicts: "list[Verdict]", alone: "list[Evaluation]", together: "Evaluation") -> None:
    table = Table("member", box=None, pad_edge=False, header_style="bold")
    for heading in ("accuracy", "NLL", "ECE", "equal"):
        table.add_column(heading, justify="right")
    rows = [*zip(alone, (_yes(verdict) for verdict in verdicts), strict=True), (together, "")]
    for found, equal in rows:
        name = f"committee of {together.members}" if found is together else found.file
        values = {key: found.measures[key].value for key in ("accuracy", "nll", "ece")}
        table.add_row(name, f"{values['accuracy']:.2%}", f"{values['nll']:.3f}", f"{values['ece']:.2%}", equal)
    console.print("", table, "")
    console.print(_line(verdicts, together), style="bold green" if all(v.equal for v in verdicts) else "bold red")


def _yes(verdict: "Verdict") -> str:
    return "yes" if verdict.equal else "NO"


def _line(verdicts: "list[Verdict]", together: "Evaluation") -> str:
    from snnc.verification.verdict import verdict_line

    wrong = [(number, verdict) for number, verdict in enumerate(verdicts) if not verdict.equal]
    if wrong:
        return f"member {wrong[0][0]}: {verdict_line(wrong[0][1])}"
    return f"EQUAL: all {len(verdicts)} members; the committee is right on {together.measures['accuracy'].value:.2%}"
