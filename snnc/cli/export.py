"""snnc export: the options of every target are options of the command."""

import json
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from snnc.cli.options import Command, FileName, RowOf, console_for, output_options, stated_options
from snnc.export import TARGETS
from snnc.export import export as export_network
from snnc.toolchain.output_file import check_output


class ExportCommand(Command):
    """A command with one option for each option of a target; TARGETS is read at each call, so that a new row has its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, and those of the targets in front of --json, --quiet and --verbose."""
        own = super().get_params(ctx)
        place = next((index for index, option in enumerate(own) if option.name == "as_json"), len(own))
        return [*own[:place], *_target_options(), *own[place:]]


def _target_options() -> list[click.Parameter]:
    return [_option(name, each) for name, target in TARGETS.items() for each in fields(target.options)]


def _option(target: str, each: "Field[Any]") -> click.Option:
    """Return the option of one field; None stands for its default."""
    declared, text = f"--{each.name.replace('_', '-')}", each.metadata["help"]
    choices, negative = each.metadata["choices"], each.metadata["negative"]
    if each.default is not None and "[default" not in text and type(each.default) is not bool:
        text += f"  [default: {each.default}]"
    kind = click.Choice(choices) if choices else None if each.default is None else type(each.default)
    flag: dict[str, Any] = {"is_flag": True} if kind in (None, bool) else {"type": kind}
    declared = f"{declared}/--{negative}" if negative else declared
    return click.Option([declared, each.name], default=None, help=f"For {target}: {text}", **flag)


@click.command(cls=ExportCommand)
@click.argument("file", type=FileName())
@click.option(
    "-t", "--target", type=RowOf("target", lambda: TARGETS), default="loihi2", show_default=True, help="Format to write."
)
@click.option("-o", "--output", type=FileName(), help="File to write.  [default: FILE with the target's suffix]")
@stated_options
@output_options
def export(
    file: str,
    target: str,
    output: str | None,
    stated: dict[str, Any],
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Write the integer network of a checkpoint or another exported file for a target, and read it back to be sure.

    \b
    Example: snnc export --target nir --dialect norse model.pt -o model.nir
    """
    from snnc.files import load_subject

    console = console_for(as_json, quiet)
    path = Path(output) if output else Path(file).with_suffix(TARGETS[target].suffix)
    check_output(path, (TARGETS[target].suffix,), [file])
    network = load_subject(file, stated=stated)[0].network
    given = {name: value for name, value in options.items() if value is not None}
    written = export_network(network, target, path, **given)
    notice = TARGETS[target].notice(network, TARGETS[target].options(**given))
    if notice:
        console.print(notice, style="yellow")
    console.print(f"{written}: {target}, read back and equal")
    if verbose:
        console.print(str(network))
    if as_json:
        digest, exact = network.digest(), network.truncation_free
        click.echo(json.dumps({"file": str(written), "target": target, "digest": digest, "truncation_free": exact}))
