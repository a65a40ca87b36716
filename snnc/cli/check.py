"""snnc check: what a chip cannot hold of a network, what can overflow for any input, and what it takes on the chip."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snnc.cli.options import Command, FileName, RowOf, console_for, model_option, output_options, stated_options
from snnc.toolchain.errors import DataError
from snnc.toolchain.output_file import check_output

if TYPE_CHECKING:
    from snnc.toolchain.network.activity import Activity
    from snnc.toolchain.network.network import Network
    from snnc.toolchain.simulate.witness import Witness

SAMPLES = 16  # that activity is measured on unless the user says how many


def chip_names() -> tuple[str, ...]:
    """Return the rows of CHIPS."""
    from snnc.toolchain.network.chips import CHIPS

    return tuple(CHIPS)


@click.command(cls=Command)
@click.argument("file", type=FileName())
@click.option("--chip", type=RowOf("chip", chip_names), default="loihi2", metavar="NAME", help="Chip.  [default: loihi2]")
@click.option("-d", "--data", help="Dataset whose samples are run to count spikes.  [default: what was trained on]")
@click.option("-n", "--samples", type=click.IntRange(1), help=f"How many of them.  [default: {SAMPLES}]")
@click.option(
    "--witness", type=FileName(), help="File (.npz) for inputs that really overflow, searched where a bound is broken."
)
@click.option(
    "--tries", type=click.IntRange(1, 10**6), default=512, show_default=True, help="Inputs tried in each such search."
)
@model_option
@stated_options
@output_options
def check(
    file: str,
    chip: str,
    data: str | None,
    samples: int | None,
    witness: str | None,
    tries: int,
    stated: dict[str, Any],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check what a chip can hold, prove what no input can break, and map the network to cores; exit 1 if anything is violated.

    \b
    Chips:
      loihi2      Intel Loihi 2
      spinnaker2  SpiNNaker2: memory and cores

    Every limit says where it is known from, and whether it is published, derived or assumed.

    \b
    Example: snnc check model.net --chip loihi2
    """
    from snnc.cli.check_tables import counted, show
    from snnc.files import load_subject
    from snnc.toolchain.network.chips import CHIPS, violations
    from snnc.toolchain.network.mapping import mapping
    from snnc.toolchain.network.proofs import proofs

    console = console_for(as_json, quiet)
    if witness:
        check_output(witness, (".npz",), [file])
    network = load_subject(file, stated=stated)[0].network
    proved = proofs(network)
    broken = [*violations(network, CHIPS[chip]), *proved.violations]
    mapped = mapping(network, CHIPS[chip], _activity(network, data, samples))
    show(console, network, CHIPS[chip], broken, proved, mapped, verbose=verbose)
    found = _searched(network, witness, tries) if witness else []
    for each in found:
        console.print(str(each))
    if any(each.frames is not None for each in found):
        console.print(f"witness: {witness}")
    if as_json:
        searched = [asdict(each) | {"frames": each.frames is not None} for each in found]
        said: dict[str, Any] = {"file": file, "digest": network.digest(), "chip": CHIPS[chip].title, "holds": not broken}
        said |= {"violations": [asdict(each) for each in broken], "proofs": asdict(proved)}
        said |= {"mapping": asdict(mapped) if mapped else None, "witnesses": searched}
        click.echo(json.dumps(said))
    if quiet and broken:
        click.echo(f"snnc: {counted(broken)}, the first: {broken[0]}", err=True)
    sys.exit(1 if broken else 0)


def _activity(network: "Network", data: str | None, samples: int | None) -> "Activity | None":
    """Run samples of the network's data; None where nobody named any and the file does not say which."""
    from snnc.files import split_for
    from snnc.toolchain.data.dataset import chip_input
    from snnc.toolchain.simulate.activity import measure
    from snnc.toolchain.simulate.frames import as_frames
    from snnc.verification.engines import ENGINES, Subject

    try:
        split = split_for(network, data, samples)
    except DataError:
        if data or samples:
            raise
        return None
    values = chip_input(split.first(samples or min(SAMPLES, len(split))), network.input)
    subject = Subject(network)
    engine = ENGINES["reference" if ENGINES["fast"].missing(subject) else "fast"]
    return measure(network, values, engine.run(subject, as_frames(network, values)))


def _searched(network: "Network", path: str, tries: int) -> "list[Witness]":
    """Search inputs that overflow, and write those that were found."""
    import io

    import numpy as np

    from snnc.toolchain.atomic_file import write_atomically
    from snnc.toolchain.simulate.witness import file_samples, witnesses

    found = witnesses(network, tries)
    if any(each.frames is not None for each in found):
        content = io.BytesIO()
        np.savez_compressed(content, samples=file_samples(network, found))
        write_atomically(Path(path), content.getvalue())
    return found
