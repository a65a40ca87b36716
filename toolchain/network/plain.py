"""The plain form of a network: fields as JSON values, arrays beside them by name.

Written against dataclasses in general, so that a field added to `Network`, `Layer`, `Lif`, `Conv` or `Dense` is at once part of
the digest, of the difference between two networks, and of every file and job that holds the plain form.
"""

import hashlib
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import FileFormatError

Plain = Any  # what JSON holds: dict, list, str, int, float, bool or None
Array = NDArray[Any]
Arrays = dict[str, Array]
Made = TypeVar("Made")

ARRAY = "array"  # {"array": name} stands for an array
TYPE = "type"  # the class of a value whose field allows several, such as Conv | Dense
OMITTED = "omitted"  # marks a field that the plain form leaves out where it holds its default


def omitted_if(default: object) -> Any:
    """Return a dataclass field that is left out of the plain form where it holds `default`, so that digests stay the same."""
    return field(default=default, metadata={OMITTED: True})


def to_plain(value: object) -> tuple[Plain, Arrays]:
    """Return a dataclass as JSON values, and its arrays by names such as `layers/conv1/synapses/0/weight`."""
    arrays: Arrays = {}
    return _encoded(value, "", arrays), arrays


def from_plain(kind: type[Made], values: Plain, array: Callable[[str], Array] | Mapping[str, Array]) -> Made:
    """Return the dataclass that a plain form describes; `array` is asked for each array by its name.

    Raises FileFormatError for values of another form, KeyError for an array that is not there, and whatever the constructors
    raise (NetworkError for a network).
    """
    fetch = array.__getitem__ if isinstance(array, Mapping) else array
    decoded: Made = _decoded(kind, values, fetch, kind.__name__)
    return decoded


def digest(value: object) -> str:
    """Return a SHA-256 over every number and name of a dataclass, as hexadecimal digits."""
    values, arrays = to_plain(value)
    found = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for name, numbers in arrays.items():
        little = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
        found.update(f"{name} {little.dtype.str} {little.shape}".encode())
        found.update(little.tobytes())
    return found.hexdigest()


def difference(first: object, second: object, ignored: tuple[str, ...] = ()) -> str | None:
    """Return where two dataclasses first differ and what both hold there, or None; `ignored` top-level fields do not count."""
    plain, other = (to_plain(value) for value in (first, second))
    for key in (plain[0], other[0]):
        for name in ignored:
            key.pop(name, None)
    return _difference(plain, other, "")


def _encoded(value: object, path: str, arrays: Arrays) -> Plain:
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {ARRAY: path}
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value) if not _is_omitted(each, value)}
        inner = {name: _encoded(inside, _joined(path, name), arrays) for name, inside in held.items()}
        return {TYPE: type(value).__name__, **inner}
    if isinstance(value, tuple | list):
        return [_encoded(each, _joined(path, getattr(each, "name", index)), arrays) for index, each in enumerate(value)]
    return value


def _is_omitted(each: "Field[Any]", value: object) -> bool:
    return OMITTED in each.metadata and bool(getattr(value, each.name) == each.default)


def _joined(path: str, name: object) -> str:
    return f"{path}/{name}" if path else str(name)


def _decoded(kind: Any, values: Plain, fetch: Callable[[str], Array], where: str) -> Any:
    if isinstance(values, dict) and set(values) == {ARRAY}:
        return fetch(str(values[ARRAY]))
    if isinstance(kind, types.UnionType):
        members = [each for each in get_args(kind) if isinstance(each, type) and is_dataclass(each)]
        classes: dict[str, Any] = {each.__name__: each for each in members}
        named = values.get(TYPE) if isinstance(values, dict) else None
        if named in classes:
            return _decoded(classes[named], values, fetch, where)
        if classes:
            raise FileFormatError(f"{where} is of type {named!r}; allowed are {', '.join(classes)}")
        return tuple(values) if isinstance(values, list) else values
    if is_dataclass(kind):
        return _made(kind, values, fetch, where)
    if get_origin(kind) is tuple:
        if not isinstance(values, list):
            raise FileFormatError(f"{where} is {values!r}; it must be a list")
        inner = get_args(kind)[0]
        return tuple(_decoded(inner, each, fetch, f"{where}[{index}]") for index, each in enumerate(values))
    return values


def _made(kind: Any, values: Plain, fetch: Callable[[str], Array], where: str) -> Any:
    hints = _hints(kind)
    needed = {TYPE, *(each.name for each in fields(kind) if OMITTED not in each.metadata)}
    if not isinstance(values, dict) or not needed <= set(values) <= {TYPE, *hints} or values[TYPE] != kind.__name__:
        raise FileFormatError(f"{where} must hold {', '.join(hints)}; it was written by another version of snnc, or edited")
    return kind(**{name: _decoded(hints[name], values[name], fetch, f"{where}.{name}") for name in hints if name in values})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {each.name: found[each.name] for each in fields(kind)}


def _difference(first: tuple[Plain, Arrays], second: tuple[Plain, Arrays], path: str) -> str | None:
    one, other = first[0], second[0]
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        if set(one) == {ARRAY}:
            return _array_difference(first[1][one[ARRAY]], second[1][other[ARRAY]], path)
        inner = ((key, one[key], other[key], _joined(path, key)) for key in one)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{path}: {len(one)} and {len(other)}"
        inner = ((str(i), a, b, _joined(path, _name(a, i))) for i, (a, b) in enumerate(zip(one, other, strict=True)))
    else:
        return None if one == other else f"{path}: {_shown(one)} and {_shown(other)}"
    return next((found for _, a, b, place in inner if (found := _difference((a, first[1]), (b, second[1]), place))), None)


def _name(value: Plain, index: int) -> object:
    return value.get("name", index) if isinstance(value, dict) else index


def _shown(value: Plain) -> str:
    return f"an array {value[ARRAY]}" if isinstance(value, dict) and set(value) == {ARRAY} else str(value)


def _array_difference(one: Array, other: Array, path: str) -> str | None:
    if one.shape != other.shape:
        return f"{path}: shapes {one.shape} and {other.shape}"
    if np.array_equal(one, other):
        return None
    where = tuple(int(i) for i in np.argwhere(one != other)[0])
    return f"{path} at {where}: {one[where]} and {other[where]}"
