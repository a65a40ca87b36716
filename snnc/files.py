"""What the commands share: opening any file of ours, exporting with a read-back, and verifying on a named dataset."""

from pathlib import Path
from typing import Any

from rich.console import Console

from snnc.export import read_network
from snnc.toolchain.data.dataset import Split
from snnc.toolchain.data.table import load_fitting
from snnc.toolchain.errors import ConfigError, DifferentNetworks
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
