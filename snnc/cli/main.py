"""The command line: one command per file. Faults are one line and exit status 2, differences exit 1."""

import click

from snnc.cli.bench import bench
from snnc.cli.check import check
from snnc.cli.demo import demo
from snnc.cli.evaluate import evaluate
from snnc.cli.export import export
from snnc.cli.import_graph import import_graph
from snnc.cli.inspect import inspect
from snnc.cli.options import Command, OneLineErrors
from snnc.cli.simulate import simulate
from snnc.cli.trace import trace
from snnc.cli.train import train


def show_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the version of snnc, and of what it runs on here, and exit."""
    if not wanted or context.resilient_parsing:
        return
    from snnc.cli.versions import versions

    click.echo("\n".join(versions()))
    context.exit()


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show versions and exit."
)
def main() -> None:
    """Train ternary spiking networks, export them to neuromorphic chips, and prove bit for bit that they are the same.

    \b
    snnc train                              # twin-network training -> model.pt
    snnc export --target loihi2 model.pt    # -> model.net
    snnc simulate model.net                 # every engine agrees at every layer and step, or exit 1
    """


main.command_class = Command
for command in (train, export, simulate, trace, check, evaluate, inspect, import_graph, demo, bench):
    main.add_command(command)
