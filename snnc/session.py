"""What the commands share: opening any file of ours, exporting with a read-back, and verifying on a named dataset."""

from pathlib import Path

from rich.console import Console

from snnc.engines import STAND_INS, Subject, choose, sample_counts, verify
from snnc.export import TARGETS, read_network
from snnc.export.lava_runner import TIME_LIMIT
from snnc.toolchain.datasets import load_dataset
from snnc.toolchain.errors import ConfigError, FileFormatError
from snnc.toolchain.network import Network
from snnc.toolchain.verify import Verdict
from snnc.verdict_tables import simulation_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snnc.toolchain.checkpoint import Checkpoint


def load_subject(
    path: str | Path, *, time_limit: float = TIME_LIMIT, device: str = "cpu", threads: int | None = None
) -> "tuple[Subject, Checkpoint | None]":
    """Open a checkpoint (lowering its model) or an exported network. Raises FileFormatError, LoweringError, NetworkError."""
    if Path(path).suffix != ".pt":
        return Subject(read_network(path), None, Path(path), time_limit, device, threads), None
    from snnc.models import load_model
    from snnc.toolchain.lower import lower

    model, checkpoint = load_model(path)
    name = f"{checkpoint.config.model} on {checkpoint.config.data}"
    return Subject(lower(model, checkpoint.labels, name), model, None, time_limit, device, threads), checkpoint


def export_file(network: Network, target: str, path: str | Path) -> Path:
    """Write the network for a target, read it back, and return the file.

    Raises ConfigError for an unknown target or another suffix, CannotExport where the target cannot express the network,
    FileFormatError if what was read back is not the same network.
    """
    if target not in TARGETS:
        raise ConfigError(f"target {target!r} is unknown; allowed are {', '.join(TARGETS)}")
    file, suffix = Path(path), TARGETS[target].suffix
    if file.suffix != suffix:
        raise ConfigError(f"output {str(path)!r} must end in {suffix} for target {target!r}; all commands know files by that")
    TARGETS[target].write(network, file)
    if TARGETS[target].read(file) != network:
        raise FileFormatError(f"{file}: reading it back gave another network; the disk may be faulty, export it again")
    return file


def verify_file_on(subject: Subject, dataset: str, engines: tuple[str, ...], samples: int | None, console: Console) -> Verdict:
    """Verify on the test split of a dataset; `samples` None means all, but fewer for slow engines."""
    chosen, left_out = choose(subject, engines)
    for name, reason in left_out.items():
        instead = "".join(f"; the slower {other} stands in" for other, absent in STAND_INS.items() if absent == name)
        console.print(f"engine {name} left out: {reason}{instead}", style="yellow")
    split = load_dataset(dataset).test.first(samples)
    patient = samples is not None
    total = sum(sample_counts(subject.network, chosen, len(split), patient=patient).values())
    with simulation_progress(console, total) as watch:
        return verify(subject, split, chosen, patient=patient, watch=watch)
