"""What a report is about: one verification, what it ran on, and the commands that repeat it."""

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.errors import printable
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.planning import REFERENCE
from snnc.verification.verdict import Verdict
from snnc.verification.verify import InMemory, OnDisk, batch_size

if TYPE_CHECKING:
    from snnc.toolchain.training.checkpoint import Checkpoint

READING = (
    "--data",
    "--model",
    "--timesteps",
    "--input-range",
    "--entries",
)  # options that say what is read, of other commands too
OWN = ("--input", "--random", "--seed")  # options that say what is run instead of a dataset
RUNNING = ("--device", "--threads")


@dataclass(frozen=True)
class Run:
    """One verification.

    `command` are the words that the user typed, `files` the files of the network, and `options` the options of
    `snnc simulate`, each with its values, that repeat the verification on these files. `data` names the dataset, or a
    file of samples; "" says that the inputs were random.
    """

    verdict: Verdict
    subject: Subject
    samples: InMemory | OnDisk
    data: str
    files: tuple[str, ...]
    options: tuple[tuple[str, ...], ...] = ()
    command: tuple[str, ...] = ()
    checkpoint: "Checkpoint | None" = None

    @property
    def of_dataset(self) -> bool:
        """Whether a dataset was run, which other commands find by its name."""
        return bool(self.data) and not any(option[0] in OWN for option in self.options)

    @property
    def again(self) -> str:
        """The command that repeats the verification and writes its report as JSON."""
        return line("snnc", "simulate", *self.files, *_flat(self.options), "--report", "again.json")

    def recorded(self, count: int) -> tuple[InMemory, Trace]:
        """Return the first samples, `count` or as many as fit memory, and what was recorded of them.

        The fast simulator records if it was found equal, else the reference.
        """
        fast = self.verdict.engines.get("fast")
        engine = "fast" if fast and fast.equal else REFERENCE
        part = self.samples.part(0, min(count, self.samples.count, batch_size(self.subject.network)))
        return part, ENGINES[engine].run(self.subject, part.frames)

    def repeated(self, command: str, files: Iterable[str], *words: str, names: Collection[str] = READING) -> str:
        """Return another command on files of this verification, with those of its options that have one of the names."""
        kept = (option for option in self.options if option[0] in names)
        return line("snnc", command, *files, *_flat(kept), *words)


def line(*words: str) -> str:
    """Return a command as a shell takes it, and as a page can show it."""
    return printable(shlex.join(words))


def _flat(options: Iterable[Iterable[str]]) -> list[str]:
    return [word for option in options for word in option]
