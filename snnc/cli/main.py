"""The command line: train, export, simulate, bench, demo. Faults are one line and exit status 2, differences exit 1."""

import json
from pathlib import Path

import click

from snnc.cli.bench import bench
from snnc.cli.demo import demo
from snnc.cli.file_commands import import_graph, inspect
from snnc.cli.options import OneLineErrors, console_for, output_options
from snnc.cli.simulate import simulate
from snnc.cli.train import train


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
@click.argument("file", type=click.Path())
@click.option("-t", "--target", default="loihi2", show_default=True, help="Format to write: loihi2, nir or onnx.")
@click.option("-o", "--output", type=click.Path(), help="File to write.  [default: FILE with the target's suffix]")
@click.option("--dialect", help="For nir, the reader: spec, norse, snntorch or spikingjelly.  [default: spec]")
@click.option("--timed/--constant", default=None, help="For onnx, one frame for each step or one for all.  [default: by data]")
@click.option("--traces", is_flag=True, default=None, help="For onnx, spikes and membranes of every layer as outputs too.")
@output_options
def export(
    file: str,
    target: str,
    output: str | None,
    dialect: str | None,
    timed: bool | None,
    traces: bool | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write the integer network of a checkpoint or another exported file for a target, and read it back to be sure.

    \b
    Example: snnc export --target nir --dialect norse model.pt -o model.nir
    """
    from snnc.export import TARGETS
    from snnc.files import exactness_notice, export_file, load_subject

    console = console_for(as_json, quiet)
    subject, _ = load_subject(file)
    suffix = TARGETS[target].suffix if target in TARGETS else ""
    given = {"dialect": dialect, "timed": timed, "traces": traces}
    options = {name: value for name, value in given.items() if value is not None}
    notice = exactness_notice(subject.network, dialect or "spec") if target == "nir" else None
    if notice:
        console.print(notice, style="" if notice.startswith("truncation-free") else "yellow")
    written = export_file(subject.network, target, output or Path(file).with_suffix(suffix), file, **options)
    console.print(f"{written}: {target}, read back and equal")
    if verbose:
        console.print(str(subject.network))
    if as_json:
        digest, exact = subject.network.digest(), subject.network.truncation_free
        click.echo(json.dumps({"file": str(written), "target": target, "digest": digest, "truncation_free": exact}))


for command in (train, simulate, demo, import_graph, inspect, bench):
    main.add_command(command)
