"""snnc simulate --recorded: what a chip or another simulator recorded, compared with the reference."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console

from snnc.toolchain.errors import ConfigError, UnstatedTimesteps

if TYPE_CHECKING:
    from snnc.cli.simulate_inputs import Inputs


def compare_recording(
    files: Sequence[str],
    path: str,
    inputs: "Inputs",
    offset: int | None,
    reset: int | None,
    stated: dict[str, Any],
    console: Console,
    *,
    as_json: bool,
) -> NoReturn:
    """Compare a recording with the reference, print what was compared, and exit with 0 if all is equal, else 1."""
    from snnc.files import load_subject, split_for
    from snnc.toolchain.data.dataset import chip_input
    from snnc.toolchain.data.samples_file import read_samples
    from snnc.verification.recorded import verify_recording
    from snnc.verification.recording import read_recording
    from snnc.verification.tables import show_recorded

    try:
        network = load_subject(*files, stated=stated)[0].network
    except UnstatedTimesteps:  # of a file of lava-dl: the recording shows after how many steps all is at rest again
        network = load_subject(*files, stated={**stated, "timesteps": 1, "remember": False})[0].network
        reset = reset or 0
    recording = read_recording(path, network)
    shown: Any = None
    if inputs.random is not None:
        raise ConfigError("--random is not what was recorded; name the samples that were, with --input or --data")
    if inputs.file is not None:
        shown, _ = read_samples(inputs.file, network, inputs.samples or recording.count)
    elif inputs.data or recording.samples is None:
        shown = chip_input(split_for(network, inputs.data, inputs.samples or recording.count), network.input)
    verdict = verify_recording(network, recording, shown, reset=reset, start=offset)
    show_recorded(console, verdict)
    if console.quiet and not as_json and not verdict.equal:
        click.echo(f"snnc: {verdict}", err=True)
    if as_json:
        click.echo(json.dumps(verdict.as_dict()))
    sys.exit(0 if verdict.equal else 1)
