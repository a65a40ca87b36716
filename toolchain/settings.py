"""Typed settings: fields of a frozen dataclass, each with a default, a help text, and a range or a table of choices."""

from collections.abc import Collection
from dataclasses import Field, dataclass, field, fields
from math import isfinite
from typing import Any

from snnc.toolchain.errors import ConfigError

MOST_SHOWN = 80  # characters of a value in a message
LARGEST = {int: 10**9, float: 1e30}  # so that no sum of settings leaves what libraries count with


def setting(
    default: Any, text: str, least: float | None = None, most: float | None = None, choices: Collection[str] = ()
) -> Any:
    """Return a dataclass field for a setting of the type of `default`.

    `text` is the help of its command line option, `least` and `most` bound a number, `choices` (names, or a table whose keys
    are the names; read when it is needed) are the allowed values of a name.
    """
    limit = LARGEST.get(type(default), 0)
    bounds = {"least": -limit if least is None else least, "most": limit if most is None else most}
    return field(default=default, metadata={"help": text, "choices": choices, **bounds})


@dataclass(frozen=True)
class Settings:
    """Base of frozen dataclasses whose fields are made by `setting`; by itself it has none."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value of another type, outside its range, or not among its choices."""
        for each in settings_of(type(self)):
            object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))

    def as_dict(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return {each.name: getattr(self, each.name) for each in settings_of(type(self))}


def settings_of(kind: type[Settings]) -> "list[Field[Any]]":
    """Return the fields that `setting` made, in order."""
    return [each for each in fields(kind) if "help" in each.metadata]


def names_of(kind: type[Settings]) -> list[str]:
    """Return the names of all settings, in order."""
    return [each.name for each in settings_of(kind)]


def _checked(each: "Field[Any]", value: Any) -> Any:
    kind: Any = type(each.default)
    if kind is float and type(value) is int and abs(value) <= LARGEST[int]:
        value = float(value)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ConfigError(f"setting {each.name!r} is {shown(value)}; it must be of type {kind.__name__}")
    if kind is str and (odd := next((c for c in value if c == "\0" or "\ud800" <= c <= "\udfff"), None)):
        raise ConfigError(f"setting {each.name!r} is {shown(value)}; no file can hold {odd!r} in it, rename what it names")
    choices, least, most = each.metadata["choices"], each.metadata["least"], each.metadata["most"]
    if choices and value not in choices:
        raise ConfigError(f"{each.name} {shown(value)} is unknown; allowed are {', '.join(choices)}")
    if isinstance(value, float) and not isfinite(value):
        raise ConfigError(f"setting {each.name!r} is {value}; it must be finite")
    if kind in (int, float) and not least <= value <= most:
        raise ConfigError(f"setting {each.name!r} is {shown(value)}; allowed are {least} to {most}")
    return value


def shown(value: object) -> str:
    """Return a value for people, however large it is."""
    try:
        text = repr(value)
    except ValueError:  # a whole number with more digits than Python turns into text
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
