"""Committees of networks drawn from one posterior: their files, and the manifest that says which and how they were drawn."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnc.export import TARGETS, export, read_network
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import ConfigError, DifferentNetworks, FileFormatError, located, one_line, row
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import difference
from snnc.toolchain.output_file import beside, check_output

if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.training.checkpoint import Checkpoint

FORMAT, VERSION = "snnc committee", 1
SUFFIX = ".json"
MOST_MEMBERS = 1000
MOST_BYTES = 2**22  # of a manifest


@dataclass(frozen=True)
class Member:
    """One file of a committee, beside the manifest: its name, the SHA-256 of its bytes, its network's digest, its number."""

    file: str
    sha256: str
    network: str
    number: int


@dataclass(frozen=True)
class Manifest:
    """A committee: its format, the network of the mode, the seed of the draws, what statistics come from, and its files."""

    target: str
    mode: str
    seed: int
    data: str
    samples: int
    members: tuple[Member, ...]


def drawn(
    model: "SpikingNetwork", checkpoint: "Checkpoint", dataset: Dataset, count: int, seed: int
) -> "Iterator[tuple[SpikingNetwork, Network]]":
    """Yield members of a committee, drawn from the posterior of a trained model, and the integer networks that they become.

    Raises ConfigError for a model without a posterior or another number of members than 1 to 1000, LoweringError for a member
    that does not fit the chip.
    """
    from snnc.toolchain.lower import lower
    from snnc.toolchain.training.batches import on_device
    from snnc.toolchain.training.companions import check_data
    from snnc.toolchain.training.members import members_of

    if not 1 <= count <= MOST_MEMBERS:
        raise ConfigError(f"{count} members were asked for; allowed are 1 to {MOST_MEMBERS}")
    check_data(checkpoint, dataset, "the checkpoint")
    name, data = f"{checkpoint.config.model} on {checkpoint.config.data}", checkpoint.config.data
    training = on_device(dataset.train, dataset.input, model.readout.bias.device)
    for number, member in enumerate(members_of(model, training, count, seed)):
        with located(f"member {number}"):
            yield member, replace(lower(member, checkpoint.labels, f"{name}, member {number}"), data=data)


def drawn_networks(model: "SpikingNetwork", checkpoint: "Checkpoint", dataset: Dataset, count: int, seed: int) -> list[Network]:
    """Return the integer networks of the members that `drawn` yields."""
    return [network for _, network in drawn(model, checkpoint, dataset, count, seed)]


def drawn_again(checkpoint: str | Path, manifest: str | Path) -> "list[SpikingNetwork]":
    """Return the models of all members of a manifest, drawn from the checkpoint of its posterior again.

    Raises DifferentNetworks if one becomes another network than its file holds, as it may on another machine, whose sums of
    floats are rounded differently.
    """
    from snnc.models import load_model

    model, known = load_model(checkpoint)
    found, networks = read_members(manifest)
    dataset = load_dataset(known.config.data, known.config.timesteps, known.config.image_size)
    again = list(drawn(model, known, dataset, len(networks), found.seed))
    for (_, network), member, of_file in zip(again, found.members, networks, strict=True):
        if where := difference(of_file, network):
            raise DifferentNetworks(f"{member.file} and what is drawn from {checkpoint} are different networks: {where}")
    return [member for member, _ in again]


def member_file(manifest: str | Path, target: str, number: int) -> Path:
    """Return the file of a member beside its manifest."""
    return beside(manifest, f".member-{number}{TARGETS[target].suffix}")


def export_members(
    networks: list[Network], manifest: str | Path, target: str, *, mode: Network, seed: int, samples: int, **options: Any
) -> Manifest:
    """Write the networks of a committee for a target, each read back, and then the manifest; all files beside it.

    Args:
        networks: the members, as `drawn_networks` returns them.
        manifest: the file of the manifest, which ends in .json.
        target: a row of TARGETS.
        mode: the network of the posterior's mode.
        seed: the seed that the members were drawn with.
        samples: the number of training samples that their statistics come from.
        options: options of the target.

    Raises:
        ConfigError, CannotExport, FileFormatError, SnncError: as `snnc.export`.
    """
    row(TARGETS, target, "target")
    check_output(manifest, (SUFFIX,))
    members = []
    for number, network in enumerate(networks):
        path = export(network, target, member_file(manifest, target, number), **options)
        members.append(Member(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), network.digest(), number))
    committee = Manifest(target, mode.digest(), seed, networks[0].data, samples, tuple(members))
    text = json.dumps({"format": FORMAT, "version": VERSION, **asdict(committee)}, indent=1)
    write_atomically(manifest, (text + "\n").encode())
    return committee


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest. Raises FileFormatError if it is none, or names files that do not lie beside it."""
    try:
        file = Path(path)
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            raise FileFormatError(f"{path}: no file of a manifest, or one of more than {MOST_BYTES:,} bytes")
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not a readable manifest: {one_line(error)}") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise FileFormatError(f"{path}: not a manifest of a committee; write one with `snnc export --members`")
    if (found := values.pop("version", None)) != VERSION:
        raise FileFormatError(f"{path}: version {str(found)[:20]}, this snnc reads {VERSION}; export it again or update snnc")
    with located(str(path)):
        return _checked(values)


def _checked(values: dict[str, Any]) -> Manifest:
    try:
        members = tuple(Member(**each) for each in values.pop("members"))
        manifest = Manifest(members=members, **values)
    except (TypeError, LookupError) as error:
        raise FileFormatError(f"the manifest is incomplete or was edited ({one_line(error)}); export it again") from None
    texts = [manifest.target, manifest.mode, manifest.data, *(text for m in members for text in (m.file, m.sha256, m.network))]
    numbers = [manifest.seed, manifest.samples, *(member.number for member in members)]
    if not all(type(text) is str for text in texts) or not all(type(number) is int for number in numbers) or not members:
        raise FileFormatError("the manifest holds values of other types, or no members; export it again")
    if manifest.target not in TARGETS:
        raise FileFormatError(f"the target {manifest.target!r} is unknown; allowed are {', '.join(TARGETS)}")
    for member in members:
        if not member.file or Path(member.file).name != member.file or "\0" in member.file or "\\" in member.file:
            raise FileFormatError(f"the member {member.file!r} does not lie beside the manifest; name files there only")
    return manifest


def member_files(path: str | Path, manifest: Manifest) -> list[Path]:
    """Return the files of all members. Raises FileFormatError for one that is not there, or not the one that was written."""
    files = []
    for member in manifest.members:
        file = Path(path).with_name(member.file)
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        except OSError as error:
            raise FileFormatError(f"{file}: cannot be read: {error.strerror or error}") from None
        if not found:
            raise FileFormatError(f"{file}: is not there, {path} names it; export the committee again")
        if found != member.sha256:
            raise FileFormatError(f"{file}: is not the file that {path} names: its bytes differ; export the committee again")
        files.append(file)
    return files


def read_members(path: str | Path) -> tuple[Manifest, list[Network]]:
    """Read a manifest and the networks of all its members. Raises FileFormatError for files that are not the ones named."""
    manifest = read_manifest(path)
    networks = [read_network(file) for file in member_files(path, manifest)]
    for member, network in zip(manifest.members, networks, strict=True):
        if network.digest() != member.network:
            raise FileFormatError(f"{member.file}: holds another network than {path} says; export the committee again")
    kinds = {(network.classes, network.timesteps, network.input, network.logit_units) for network in networks}
    if len(kinds) > 1:
        raise FileFormatError(f"{path}: its members differ in classes, time steps, input or logit units; export it again")
    if any(network.members > 1 for network in networks):
        raise FileFormatError(f"{path}: a member of it is a committee itself; export each member as a network of its own")
    return manifest, networks
