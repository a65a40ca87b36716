"""What a report is about: one verification, what it ran on, and the commands that repeat it."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.errors import printable
from snnc.verification.engines import Subject
from snnc.verification.verdict import Verdict
from snnc.verification.verify import InMemory, OnDisk

if TYPE_CHECKING:
    from snnc.toolchain.training.checkpoint import Checkpoint

READING = ("--data", "--timesteps", "--input-range", "--entries", "--device", "--threads")  # what `snnc trace` takes, too


@dataclass(frozen=True)
class Run:
    """One verification.

    `command` are the words that the user typed, `files` the files of the network, and `options` the options of
    `snnc simulate`, each with its values, that repeat the verification on these files. `data` names the dataset; "" says that
    the inputs were random.
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
    def again(self) -> str:
        """The command that repeats the verification and writes its report as JSON."""
        return line("snnc", "simulate", *self.files, *_flat(self.options), "--report", "again.json")

    def trace(self, *words: str) -> str:
        """Return the command that shows one neuron, which `words` name."""
        kept = [option for option in self.options if option[0] in READING]
        return line("snnc", "trace", *self.files, *_flat(kept), *words, "--json")


def line(*words: str) -> str:
    """Return a command as a shell takes it, and as a page can show it."""
    return printable(shlex.join(words))


def _flat(options: Iterable[Iterable[str]]) -> list[str]:
    return [word for option in options for word in option]
