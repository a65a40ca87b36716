"""The progress of a verification on a screen: a bar over all samples, and a line for each engine when it has run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from snnc.screen import has_room_for_a_bar
from snnc.verification.engines import Subject
from snnc.verification.planning import Plan
from snnc.verification.verdict import Verdict
from snnc.verification.verify import InMemory, OnDisk, Progress, verifying


def shown_verdict(console: Console, subject: Subject, data: InMemory | OnDisk, planned: Plan) -> Verdict:
    """Run a plan, show how it goes, and return the verdict. Raises as `verify`."""
    verdict, shown = Verdict(subject.network, left_out=planned.left_out), set[str]()
    show_results(console, verdict, shown)
    with simulation_progress(console, sum(planned.counts.values())) as progress:
        for verdict in verifying(subject, data, planned, progress):
            show_results(console, verdict, shown)
    return verdict


@contextmanager
def simulation_progress(console: Console, total: int) -> Iterator[Progress]:
    """Show a bar over `total` samples of all engines while they run; yields what each finished batch is reported to."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not has_room_for_a_bar(console)) as bar:
        task = bar.add_task("simulating", total=total)
        yield lambda engine, samples: bar.update(task, advance=samples, description=f"{engine} done")


def show_left_out(console: Console, left_out: Iterable[tuple[str, str]]) -> None:
    """Print why engines do not run."""
    for name, reason in left_out:
        console.print(f"engine {name} left out: {reason}", style="yellow")


def show_results(console: Console, verdict: Verdict, shown: set[str]) -> None:
    """Print a line for each engine whose result is new, and remember it in `shown`."""
    for name, result in verdict.engines.items():
        if name not in shown and name != verdict.baseline:
            outcome = "equal" if result.equal else "DIFFERENT"
            line = f"{name}: {outcome} on {result.compared:,} samples, {result.seconds:.1f} s"
            console.print(line, style="green" if result.equal else "bold red")
            shown.add(name)
    show_left_out(console, [(name, reason) for name, reason in verdict.left_out.items() if name not in shown])
    shown |= set(verdict.left_out)
