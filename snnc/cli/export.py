"""snnc export: the options of every target are options of the command."""

import json
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from snnc.cli.options import Command, FileName, RowOf, console_for, model_option, output_options, stated_options
from snnc.export import TARGETS, options_for
from snnc.export import export as export_network
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.output_file import check_output

SAMPLES = 2  # Lava takes 0.2 s for each of their steps


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
@click.option("--data", help="Dataset whose test split expected spikes are of.  [default: the one it was trained on]")
@click.option("-n", "--samples", type=int, help=f"Number of samples that expected spikes are of.  [default: {SAMPLES}]")
@click.option("--members", type=int, help="Draw so many networks from the posterior of bisnn-bayes: files and a manifest.")
@click.option(
    "--committee",
    type=click.Choice(["files", "parallel"]),
    default="files",
    show_default=True,
    help="Members as a file each, or as one network side by side.",
)
@click.option("--draw-seed", type=int, help="Seed of the members.  [default: that of the training]")
@model_option
@output_options
def export(
    file: str,
    target: str,
    output: str | None,
    stated: dict[str, Any],
    data: str | None,
    samples: int | None,
    members: int | None,
    committee: str,
    draw_seed: int | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Write the integer network of a checkpoint or another exported file for a target, and read it back to be sure.

    \b
    Example: snnc export --target nir --dialect norse model.pt -o model.nir
    Example: snnc export --members 10 model.pt    # model.members.json, 10 files
    """
    from snnc.cli.export_members import export_committee
    from snnc.files import load_subject, split_for
    from snnc.toolchain.data.dataset import chip_input

    console, chosen = console_for(as_json, quiet), TARGETS[target]
    given = {name: value for name, value in options.items() if value is not None}
    if members is not None:
        export_committee(file, target, output, members, committee, draw_seed, console, given, as_json=as_json)
        return
    if committee != "files" or draw_seed is not None:
        raise ConfigError("--committee and --draw-seed are for --members; add --members K, or leave them out")
    path = Path(output) if output else Path(file).parent / f"{Path(file).stem or 'network'}{chosen.suffix}"
    check_output(path, (chosen.suffix,), [file])
    settings = options_for(target, given)
    others = [each.path(path) for each in chosen.companions(settings)]
    for other in others:
        check_output(other, inputs=[file])
    if (data or samples is not None) and not chosen.takes_samples(settings):
        raise ConfigError("--data and --samples are for expected spikes, which --script of target 'loihi2' writes")
    network = load_subject(file, stated=stated)[0].network
    run = (
        chip_input(split_for(network, data, SAMPLES if samples is None else samples), network.input)
        if chosen.takes_samples(settings)
        else None
    )
    written = export_network(network, target, path, run, **given)
    if notice := chosen.notice(network, settings):
        console.print(notice, style="yellow")
    same = "equal" if chosen.prepare(network) == network else "equal to the network with its shortcuts folded"
    console.print(f"{written}: {target}, read back and {same}")
    for other in others:
        console.print(f"{other}: beside it")
    if verbose:
        console.print(str(network))
    if as_json:
        shown = {"file": str(written), "beside": [str(other) for other in others], "target": target}
        click.echo(json.dumps({**shown, "digest": network.digest(), "truncation_free": network.truncation_free}))
