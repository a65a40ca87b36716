"""Names of data that are files or folders, and what a name states: `own.npz:test=0.2,seed=0` is the file and its split.

A checkpoint and every exported file hold the name of their data, so that split and quantization go wherever they go.
"""

import os
import re
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

from snnc.toolchain.errors import DataError

SUFFIXES = (".npz", ".npy", ".h5", ".hdf5")
STATED = re.compile(r"(.+?):((?:[a-z]+=[^,=:]*)(?:,[a-z]+=[^,=:]*)*)", re.ASCII | re.DOTALL)
HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)  # USER/NAME
BINS = ("time", "count")


@dataclass(frozen=True)
class Stated:
    """What a name says behind the place of its data; None where it says nothing.

    `test` is the share of the samples that test, drawn by class with `seed`; floats from `low` to `high` become 0..255; `bins`
    says whether the frames of an event recording have equal shares of its time, or of its events.
    """

    test: float | None = None
    seed: int | None = None
    low: float | None = None
    high: float | None = None
    bins: str | None = None

    def __str__(self) -> str:
        """Return the text that `stated` reads."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return ",".join(f"{name}={_text(value)}" for name, value in given.items())


@dataclass(frozen=True)
class Named:
    """The place of data and what is stated of them."""

    place: str
    stated: Stated = field(default_factory=Stated)

    def __str__(self) -> str:
        """Return the name."""
        stated = str(self.stated)
        return f"{self.place}:{stated}" if stated else self.place

    @property
    def path(self) -> Path:
        """The file or folder."""
        return Path(self.place)

    @property
    def is_file(self) -> bool:
        """Whether the name is one of a data file, be it there or not."""
        return self.path.suffix.lower() in SUFFIXES

    def with_stated(self, **values: float | int | str | None) -> "Named":
        """Return the name with more that is stated."""
        return replace(self, stated=replace(self.stated, **values))  # type: ignore[arg-type]


def _text(value: float | int | str) -> str:
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def named(name: str) -> Named:
    """Take a name apart. Raises DataError for something stated that data do not have, or out of its range."""
    found = STATED.fullmatch(name)
    if not found:
        return Named(name)
    values: dict[str, float | int | str] = {}
    for each in found[2].split(","):
        key, _, text = each.partition("=")
        if key in values or key not in Stated.__dataclass_fields__:
            allowed = ", ".join(Stated.__dataclass_fields__)
            raise DataError(
                f"data {name!r}: {key!r} is {'stated twice' if key in values else f'unknown; allowed are {allowed}'}"
            )
        values[key] = _value(name, key, text)
    return Named(found[1], Stated(**values))  # type: ignore[arg-type]


def _value(name: str, key: str, text: str) -> float | int | str:
    if key == "bins":
        if text not in BINS:
            raise DataError(f"data {name!r}: bins={text} is unknown; allowed are {', '.join(BINS)}")
        return text
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"data {name!r}: {key}={text} is no number; write one, such as test=0.2") from None
    allowed = {
        "test": (0 < value < 1, "between 0 and 1"),
        "seed": (value.is_integer() and 0 <= value < 2**32, "0 to 4294967295"),
    }
    fits, range_text = allowed.get(key, (isfinite(value), "finite numbers"))
    if not fits:
        raise DataError(f"data {name!r}: {key}={text} is not possible; allowed are {range_text}")
    return int(value) if key == "seed" else value


def like(name: str, own: str) -> str:
    """Return a new name of data with what the name `own`, which a network was trained on, states, unless it states its own.

    So data that were moved keep their split and quantization.
    """
    new, before = named(name), named(own)
    stated = new.stated != Stated() or before.stated == Stated()
    alike = (new.is_file and before.is_file) or (not before.is_file and os.path.isdir(name))
    return name if stated or not alike else str(replace(new, stated=before.stated))


def check_there(name: str) -> None:
    """Raise DataError for a name that can only be a file or a folder, and is none."""
    if not HUB.fullmatch(name) and ("/" in name or "\\" in name or name.startswith((".", "~"))):
        raise DataError(f"data {name!r}: there is no such file or folder; name the place where it is now (--data)")
