"""The command line: train, export, simulate, bench, demo. Faults are one line and exit status 2, differences exit 1."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from snnc.cli.bench import bench
from snnc.cli.export import export
from snnc.cli.import_graph import import_graph
from snnc.cli.inspect import inspect
from snnc.cli.options import OneLineErrors, console_for, output_options
from snnc.cli.train import configured, run_training, train, training_options


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="snnc")
def main() -> None:
    """Train ternary spiking networks, export them to neuromorphic chips, and prove bit for bit that they are the same.

    \b
    snnc train                              # twin-network training -> model.pt
    snnc export --target loihi2 model.pt    # -> model.net
    snnc simulate model.net                 # every engine agrees at every layer and step, or exit 1
    """


@main.command()
@click.argument("files", type=click.Path(), nargs=-1, required=True)
@click.option("-d", "--data", help="Dataset whose test split is run.  [default: what was trained on, else digits]")
@click.option("-n", "--samples", type=int, help="Samples that every engine runs.  [default: all, fewer in slow engines]")
@click.option("-e", "--engine", "engines", multiple=True, help="Engine to run, may be repeated.  [default: all that can run]")
@click.option("--time-limit", type=float, help="Seconds that one run of Lava may take.  [default: 1800]")
@click.option("--device", default="cpu", show_default=True, help="Device of the engine tensor: cpu, cuda, cuda:1, mps ...")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of the engine fast.  [default: all cores]")
@click.option("--report", type=click.Path(), help="HTML file to write with all tables.")
@output_options
def simulate(
    files: tuple[str, ...],
    data: str | None,
    samples: int | None,
    engines: tuple[str, ...],
    time_limit: float | None,
    device: str,
    threads: int | None,
    report: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run real test samples through every engine and compare every spike and membrane; exit 1 if anything differs.

    Several FILES of one network, such as model.pt and its exports, are checked against each other first; the engine of each
    format then reads that very file.

    \b
    Engines: reference (numpy), fast (C), tensor (PyTorch on --device; unasked only without the C kernel), torch (the
    trained model; needs a .pt), onnx (onnxruntime), nir (real-number neurons), lava (stock processes), netx (the file
    as lava-dl loads it).
    Example: snnc simulate model.pt model.net model.nir model.onnx
    """
    from snnc.files import load_subject, verify_file_on

    console = console_for(as_json, quiet)
    subject, checkpoint = load_subject(
        *files, device=device, threads=threads, **({} if time_limit is None else {"time_limit": time_limit})
    )
    if verbose:
        console.print(f"{subject.network}\n")
    dataset = data or (checkpoint.config.data if checkpoint else "digits")
    verdict = verify_file_on(subject, dataset, engines, samples, console)
    _finish(verdict, console, report, checkpoint, as_json=as_json)


@main.command()
@click.option("-c", "--config", "config_file", type=click.Path(), help="TOML file of settings; options override it.")
@click.option("-o", "--output", type=click.Path(), default="snnc-demo", show_default=True, help="Folder to write to.")
@training_options
@output_options
def demo(config_file: str | None, output: str, as_json: bool, quiet: bool, verbose: bool, **settings: Any) -> None:
    """Do the whole way once: train on handwritten digits, export to Loihi 2, simulate on every engine, write a report.

    \b
    Example: snnc demo --output snnc-demo
    """
    from snnc.export import TARGETS
    from snnc.export import export as export_network
    from snnc.files import load_subject, verify_file_on
    from snnc.verification.engines import Subject

    console, folder = console_for(as_json, quiet), Path(output)
    config = configured(None, config_file, settings)
    console.rule("1. train -> model.pt", align="left")
    checkpoint = run_training(config, folder / "model.pt", console, verbose=verbose)
    console.rule("2. export --target loihi2 -> model.net", align="left")
    trained, _ = load_subject(folder / "model.pt")
    file = export_network(trained.network, "loihi2", folder / "model.net")
    exported = TARGETS["loihi2"].read(file)
    console.print(str(exported))
    console.rule("3. simulate the exported file on every engine", align="left")
    # The file goes to the simulators, the checkpoint to torch: equal means that the export lost nothing.
    subject = Subject(exported, trained.model, (file,))
    verdict = verify_file_on(subject, config.data, (), None, console)
    _finish(verdict, console, folder / "report.html", checkpoint, as_json=as_json)


def _finish(verdict: Any, console: Console, report: str | Path | None, checkpoint: Any, *, as_json: bool) -> None:
    from snnc.verification.report import write_report
    from snnc.verification.tables import show_verdict, verdict_line

    show_verdict(console, verdict)
    if console.quiet and not as_json and not verdict.equal:
        click.echo(f"snnc: {verdict_line(verdict)}", err=True)
    if report:
        history = [asdict(epoch) for epoch in checkpoint.history] if checkpoint else []
        settings = checkpoint.config.as_dict() if checkpoint else {}
        write_report(verdict, report, history=history, settings=settings)
        console.print(f"report: {report}")
    if as_json:
        click.echo(json.dumps(verdict.as_dict()))
    sys.exit(0 if verdict.equal else 1)


for command in (train, export, import_graph, inspect, bench):
    main.add_command(command)
