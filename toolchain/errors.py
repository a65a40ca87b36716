"""The exceptions that snnc raises: one family, each saying where, what was got, what is allowed, and the remedy."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TypeVar

Row = TypeVar("Row")


class SnncError(Exception):
    """Any fault that the user can mend; the command line prints it in one line and exits with status 2."""


class ConfigError(SnncError):
    """A setting has a wrong name, type or range."""


class DataError(SnncError):
    """A dataset is unknown, missing, or does not fit the network."""


class NetworkError(SnncError):
    """An integer network breaks a limit of the chip, or its shapes do not fit together."""


class LoweringError(SnncError):
    """A trained model cannot be turned into an integer network."""


class FileFormatError(SnncError):
    """A file is damaged, was written by something else, or says something impossible."""


class UnstatedTimesteps(FileFormatError):
    """A file that others wrote holds a network, but not how many time steps a sample has."""


class CannotExport(SnncError):
    """The target cannot express this network exactly, so nothing was written."""


class DifferentNetworks(SnncError):
    """Two files that should hold one network do not; a difference, not a fault."""


class EngineError(SnncError):
    """A simulator is not installed, failed, or ran past its time limit."""


class Inexact(EngineError):
    """An engine found that it cannot compute a network exactly, so it says nothing about it."""


class TrainingError(SnncError):
    """Training cannot continue, for instance because the loss is no longer finite."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put `where: ` in front of every SnncError raised inside, so that it says which layer or file is meant."""
    try:
        yield
    except SnncError as error:
        raise type(error)(f"{where}: {error}") from None


def row(table: Mapping[str, Row], name: str, what: str, kind: type[SnncError] = ConfigError) -> Row:
    """Return a row of a table. Raises `kind`, naming the rows that there are, for an unknown name."""
    if not isinstance(name, str) or name not in table:  # settings of a file may be of any type
        raise kind(f"{what} {name!r} is unknown; allowed are {', '.join(table)}")
    return table[name]


def install_command(extra: str = "", clone: str = "") -> str:
    """Return the command that installs snnc with an extra, and the one for those who work in a clone."""
    bracketed = f"[{extra}]" if extra else ""
    clone = clone or f"pip install -c requirements/constraints.txt -e '.{bracketed}'"
    return f"pip install 'snnc{bracketed}' (from a clone: {clone})"


def one_line(error: BaseException, limit: int = 160) -> str:
    """Return the message of any exception in one printable line of at most `limit` characters, or its type if it has none."""
    return printable(" ".join(str(error).split()))[:limit] or type(error).__name__


def printable(text: str) -> str:
    """Return a text with all that a terminal or a page would not show as itself written out, such as \\x1b for an escape.

    Texts of files may hold control characters, which move the cursor or retitle the window, and characters that turn the
    direction of reading. Line breaks stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def unstorable(texts: Iterable[str]) -> str | None:
    """Return the first text that no file can hold: with half of a surrogate pair, as names of folders in odd bytes have."""
    return next((text for text in texts if any("\ud800" <= c <= "\udfff" for c in str(text))), None)


def escaped(text: str) -> str:
    """Return a text as HTML and SVG may hold it: printable, its markup escaped."""
    return escape(printable(text))
