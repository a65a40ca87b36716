"""What the commands share: opening any file of ours, exporting with a read-back, and verifying on a named dataset."""

from pathlib import Path
from typing import Any

from rich.console import Console

from snnc.export import TARGETS, read_network
from snnc.toolchain.data.dataset import Split
from snnc.toolchain.data.table import load_fitting
from snnc.toolchain.errors import ConfigError, DifferentNetworks, FileFormatError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import difference
from snnc.verification.engines import ENGINES, STAND_INS, Subject, choose, sample_counts, verify
from snnc.verification.tables import simulation_progress, verdict_line
from snnc.verification.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.training.checkpoint import Checkpoint

CHECKPOINT = ".pt"


def load_subject(*paths: str | Path, **settings: Any) -> "tuple[Subject, Checkpoint | None]":
    """Open a checkpoint (lowering its model), exported networks, or several files of one network; settings are Subject's.

    Raises FileFormatError, LoweringError, NetworkError, and DifferentNetworks if two files hold different ones.
    """
    subjects = [(str(path), *_load_one(Path(path))) for path in paths]
    name, first, _, _ = subjects[0]
    for other, network, _, _ in subjects[1:]:
        if found := difference(first, network, ignored=("name", "labels")):
            raise DifferentNetworks(f"{name} and {other} hold different networks: {found}")
    model, checkpoint = next(((model, checkpoint) for *_, model, checkpoint in subjects if model), (None, None))
    files = tuple(Path(path) for path in paths if Path(path).suffix != CHECKPOINT)
    if len({path.suffix for path in files}) < len(files):
        raise ConfigError("two files of one format were given; name one of each, the engines read it")
    return Subject(first, model, files, **settings), checkpoint


def _load_one(path: Path) -> "tuple[Network, SpikingNetwork | None, Checkpoint | None]":
    if path.suffix != CHECKPOINT:
        return read_network(path), None, None
    from snnc.models import load_model
    from snnc.toolchain.lower import lower

    model, checkpoint = load_model(path)
    name = f"{checkpoint.config.model} on {checkpoint.config.data}"
    return lower(model, checkpoint.labels, name), model, checkpoint


def export_file(network: Network, target: str, path: str | Path, source: str | Path | None = None, **options: Any) -> Path:
    """Write the network for a target, read it back, and return the file.

    Raises ConfigError for an unknown target, another suffix, or options that the target does not have, CannotExport where it
    cannot express the network, FileFormatError if what was read back is not the same network.
    """
    if target not in TARGETS:
        raise ConfigError(f"target {target!r} is unknown; allowed are {', '.join(TARGETS)}")
    file, suffix = Path(path), TARGETS[target].suffix
    if file.suffix != suffix:
        raise ConfigError(f"output {str(path)!r} must end in {suffix} for target {target!r}; all commands know files by that")
    if source is not None and file.resolve() == Path(source).resolve():
        raise ConfigError(f"output {str(path)!r} is the file that is exported; name another with --output")
    for option in options:
        if option not in TARGETS[target].options:
            owners = [name for name, row in TARGETS.items() if option in row.options]
            raise ConfigError(f"target {target!r} has no --{option}; it belongs to {', '.join(owners) or 'no target'}")
    TARGETS[target].write(network, file, **options)
    if TARGETS[target].read(file) != network:
        raise FileFormatError(f"{file}: reading it back gave another network; the disk may be faulty, export it again")
    return file


def exactness_notice(network: Network, dialect: str) -> str | None:
    """Return whether a NIR reader in float32 can give the very spikes of a network, for people."""
    try:
        from snnc.export.nir.graph import DIALECTS, exactness
    except ModuleNotFoundError:
        return None  # the export itself says what to install
    if dialect not in DIALECTS:
        return None
    said = exactness(network, dialect) or "truncation-free: real-number neurons give the very spikes of the chip"
    if network.readout == "membrane" and not DIALECTS[dialect].has_li:
        said += (
            f"; {dialect} has no leaky integrator, so the last node never spikes: sum its membrane v over the steps for logits"
        )
    return said


def verify_file_on(subject: Subject, dataset: str, engines: tuple[str, ...], samples: int | None, console: Console) -> Verdict:
    """Verify on the test split of a dataset; `samples` None means all, but fewer for slow engines."""
    chosen, left_out = choose(subject, engines)
    for name, reason in left_out.items():
        instead = "".join(f"; the slower {other} stands in" for other, absent in STAND_INS.items() if absent == name)
        console.print(f"engine {name} left out: {reason}{instead}", style="yellow")
    split = load_fitting(dataset, subject.network.input, subject.network.timesteps).test.first(samples)
    patient = samples is not None
    later = [name for name in chosen if ENGINES[name].later]
    first = [name for name in chosen if name not in later]
    if patient or not later or not first:
        return _watched(subject, split, chosen, console, patient=patient)
    verdict = _watched(subject, split, first, console, patient=False)
    console.print(f"{verdict_line(verdict)}; now {', '.join(later)}")
    verdict.absorb(_watched(subject, split, later, console, patient=False))
    return verdict


def _watched(subject: Subject, split: Split, engines: list[str], console: Console, *, patient: bool) -> Verdict:
    total = sum(sample_counts(subject.network, engines, len(split), patient=patient).values())
    with simulation_progress(console, total) as watch:
        return verify(subject, split, engines, patient=patient, watch=watch)
