"""What a chip or a file format cannot hold of a network: collected in lists, so that all of it is said at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from snnc.toolchain.errors import CannotExport


@dataclass(frozen=True)
class Violation:
    """One thing that a chip or a format cannot hold: where, what, and what to do about it.

    For a limit in numbers `value` is what was found and `limit` what is allowed; `source` and `status` (published, derived or
    assumed) say where a chip's limit is known from.
    """

    where: str
    problem: str
    remedy: str
    value: int | None = None
    limit: str = ""
    source: str = ""
    status: str = ""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.where}: {self.problem}; {self.remedy}" if self.where else f"{self.problem}; {self.remedy}"


def refuse(violations: Sequence[Violation], what: str) -> None:
    """Raise CannotExport if there are violations: the first in full and how many more there are; `what` is the target."""
    if violations:
        more = f" (and {len(violations) - 1} more: see `snnc inspect`)" if len(violations) > 1 else ""
        raise CannotExport(f"{what}: {violations[0]}{more}")
