"""snnc export --members: networks drawn from a posterior, as files with a manifest, or as one network side by side."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from snnc.export import TARGETS
from snnc.export import export as export_network
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.committee import side_by_side
from snnc.toolchain.output_file import beside, check_output


def export_committee(
    file: str,
    target: str,
    output: str | None,
    count: int,
    committee: str,
    seed: int | None,
    console: Console,
    options: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Draw the members of a checkpoint's posterior and write them; print what was written."""
    from snnc.files import CHECKPOINT, load_subject
    from snnc.members import SUFFIX, drawn_networks, export_members
    from snnc.toolchain.data.table import load_dataset
    from snnc.toolchain.training.members import STATISTICS_SAMPLES

    if Path(file).suffix != CHECKPOINT:
        raise ConfigError(f"{file}: members are drawn from a checkpoint, which holds the posterior; name a .pt file")
    parallel = committee == "parallel"
    suffix = TARGETS[target].suffix if parallel else SUFFIX
    path = Path(output) if output else beside(file, f".members{suffix}")
    check_output(path, (suffix,), [file])
    subject, checkpoint = load_subject(file)
    if subject.model is None or checkpoint is None:  # never: the file is a checkpoint
        raise ConfigError(f"{file}: holds no model; name a checkpoint")
    config = checkpoint.config
    dataset = load_dataset(config.data, config.timesteps, config.image_size)
    seed = config.seed if seed is None else seed
    networks = drawn_networks(subject.model, checkpoint, dataset, count, seed)
    if parallel:
        together = side_by_side(networks, f"{subject.network.name}, {count} members")
        export_network(together, target, path, **options)
        written, digest = [str(path)], together.digest()
        console.print(f"{path}: {target}, {count} members side by side in {len(together.layers)} layers, read back and equal")
    else:
        samples = min(len(dataset.train), STATISTICS_SAMPLES)
        manifest = export_members(networks, path, target, mode=subject.network, seed=seed, samples=samples, **options)
        written, digest = [str(path.with_name(member.file)) for member in manifest.members], manifest.mode
        console.print(f"{path}: manifest of {count} members, each of which was written as {target}, read back and equal")
    if as_json:
        found = {"file": str(path), "target": target, "committee": committee, "members": count, "seed": seed}
        click.echo(json.dumps({**found, "files": written, "digest": digest}))
