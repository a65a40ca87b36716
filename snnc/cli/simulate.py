"""snnc simulate: real test samples through every engine, every spike and membrane compared."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.cli.again import command_of, given_options
from snnc.cli.options import Command, FileName, RowOf, console_for, engine_names, model_option, output_options, stated_options
from snnc.cli.simulate_inputs import Inputs, Saved, input_options
from snnc.toolchain.errors import ConfigError, EngineError
from snnc.toolchain.output_file import check_output

if TYPE_CHECKING:
    from snnc.report.run import Run
    from snnc.toolchain.data.dataset import Split
    from snnc.toolchain.training.checkpoint import Checkpoint
    from snnc.verification.engines import Subject
    from snnc.verification.verdict import Verdict
    from snnc.verification.verify import InMemory, OnDisk


@click.command(cls=Command)
@click.argument("files", type=FileName(), nargs=-1, required=True)
@input_options
@click.option(
    *("-e", "--engine", "engines"),
    type=RowOf("engine", engine_names, EngineError),
    multiple=True,
    metavar="NAME",
    help="Engine to run, may be repeated.  [default: all that can run]",
)
@click.option("--time-limit", type=float, help="Seconds that one run of Lava may take.  [default: 1800]")
@click.option("--device", default="cpu", show_default=True, help="Device of the engine tensor: cpu, cuda, cuda:1, mps ...")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of the engine fast.  [default: all cores]")
@click.option("--report", type=FileName(), help="Report to write: a page (.html), .json, or JUnit .xml.")
@click.option("--recorded", type=FileName(), help="Recording (.npz, or folder of .npy) to compare, in place of engines.")
@click.option("--offset", type=click.IntRange(0), help="Steps that the first layer is late in it.  [default: found]")
@click.option("--reset", type=click.IntRange(1), help="Steps between two resets in it.  [default: found]")
@model_option
@stated_options
@output_options
def simulate(
    files: tuple[str, ...],
    inputs: Inputs,
    saved: Saved,
    engines: tuple[str, ...],
    time_limit: float | None,
    device: str,
    threads: int | None,
    report: str | None,
    recorded: str | None,
    offset: int | None,
    reset: int | None,
    stated: dict[str, Any],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run test samples, or your own, through every engine and compare every spike and membrane; exit 1 if anything differs.

    Several FILES of one network, such as model.pt and its exports, are checked against each other first; the engine of each
    format then reads that very file.

    \b
    Engines:
      reference  plain numpy, which all others are compared with
      fast       C, bit-sliced, on all cores
      tensor     PyTorch on --device; unasked only without the C kernel
      torch      the trained model; needs a .pt
      onnx       the graph in onnxruntime
      nir        real-number neurons, where those are exact
      c          the C source, compiled by this machine's compiler
      lava       stock Lava processes
      netx       the .net file as lava-dl loads it

    What a chip recorded is one more: --recorded compares spikes, and u and v where they are, of the layers that it has.

    \b
    Example: snnc simulate model.pt model.net model.nir model.onnx
    Example: snnc simulate model.net --input own.npz --save traces.npz

    The manifest of a committee (snnc export --members) verifies every member, and reports what the committee decides:
    snnc simulate model.members.json
    """
    if recorded:
        if engines or report:
            raise ConfigError("--recorded compares with the reference alone; leave --engine and --report out")
        if saved != Saved():
            raise ConfigError("--recorded saves nothing; leave --save and --predictions out")
        from snnc.cli.simulate_recording import compare_recording

        compare_recording(files, recorded, inputs, offset, reset, stated, console_for(as_json, quiet), as_json=as_json)
    if offset is not None or reset is not None:
        raise ConfigError("--offset and --reset say how a recording lies; name it with --recorded")
    from snnc.adopting import check_stated
    from snnc.cli.simulate_members import simulate_committee
    from snnc.files import load_subject
    from snnc.verification.verify import frames_of

    console = console_for(as_json, quiet)
    if report:
        from snnc.report.write import REPORTS

        check_output(report, REPORTS, files)
    settings: dict[str, Any] = {"device": device, "threads": threads}
    settings |= {} if time_limit is None else {"time_limit": time_limit}
    everything = inputs.samples is not None or inputs.random is not None
    if any(Path(file).suffix == ".json" for file in files):
        if report:
            raise ConfigError("--report is about one network; name the file of one member in place of the manifest")
        check_stated(stated, files)
        verifying = partial(run, all_samples=everything)
        simulate_committee(files, inputs, saved, engines, verifying, console, as_json=as_json, verbose=verbose, **settings)
    subject, checkpoint = load_subject(*files, stated=stated, **settings)
    if verbose:
        console.print(f"{subject.network}\n")
    frames = frames_of(subject.network, *inputs.of(subject.network, files, console))
    saved.check_size(subject.network, frames)
    verdict = run(subject, frames, engines, console, all_samples=everything)
    saved.write(verdict.baseline, subject, frames, console)
    done = described_run(verdict, subject, frames, files, data=inputs.name(subject.network, files), checkpoint=checkpoint)
    finish(done, console, report, as_json=as_json)


def run(
    subject: "Subject", inputs: "Split | InMemory | OnDisk", engines: Sequence[str], console: Console, *, all_samples: bool
) -> "Verdict":
    """Verify on a split, or on frames, showing each engine's result when it is there.

    Unless `all_samples`, slow engines run fewer.
    """
    from snnc.toolchain.data.dataset import Split
    from snnc.verification.planning import plan
    from snnc.verification.progress import shown_verdict
    from snnc.verification.verdict import verdict_line
    from snnc.verification.verify import frames_of

    data = frames_of(subject.network, inputs) if isinstance(inputs, Split) else inputs
    planned = plan(subject, engines, data.count, all_samples=all_samples)
    verdict = shown_verdict(console, subject, data, planned)
    if not verdict.compared:
        raise EngineError(verdict_line(verdict))
    return verdict


def described_run(
    verdict: "Verdict",
    subject: "Subject",
    samples: "InMemory | OnDisk",
    files: Sequence[str],
    *,
    data: str,
    checkpoint: "Checkpoint | None",
    options: tuple[tuple[str, ...], ...] | None = None,
) -> "Run":
    """Return what a report is about; `options` of snnc simulate repeat it, None: those that this command was given."""
    from snnc.report.run import Run

    context = click.get_current_context()
    return Run(
        verdict,
        subject,
        samples,
        data,
        tuple(files),
        given_options(context) if options is None else options,
        command_of(context),
        checkpoint,
    )


def finish(done: "Run", console: Console, report: str | Path | None, *, as_json: bool) -> None:
    """Print the verdict, write the report, and exit with 0 if all is equal, else 1."""
    from snnc.report.write import write_report
    from snnc.verification.tables import show_verdict
    from snnc.verification.verdict import verdict_line

    verdict = done.verdict
    console.print()
    show_verdict(console, verdict)
    if console.quiet and not as_json and not verdict.equal:
        click.echo(f"snnc: {verdict_line(verdict)}", err=True)
    if report:
        write_report(done, report)
        console.print(f"report: {report}")
    if as_json:
        click.echo(json.dumps(verdict.as_dict()))
    sys.exit(0 if verdict.equal else 1)
