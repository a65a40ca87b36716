"""Damages files at random: their bytes, or what they say. All is drawn from one seed, so that every finding can be repeated."""

import json
import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from onnx import ModelProto, numpy_helper

from snnc.toolchain.seal import LENGTH, Seal, seal_of, sealed, sealed_zip
from snnc.toolchain.training.checkpoint import digest_of

Random = random.Random
NUMBERS = [0, 1, -1, 2, 127, 128, -129, 255, 4096, 2**15, 2**16 + 1, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63)]
TEXTS = ["", "x", "input", "../x", "\x1b[31m", "\udc80", "a" * 5000, "NaN", "\u202e", "None", "0", "[]"]
REALS = [0.0, -0.0, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -1.0, 1.0000001]


def flipped(content: bytes, rng: Random) -> bytes:
    """Change one to four bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    return bytes(changed)


def wide(content: bytes, rng: Random) -> bytes:
    """Put a number of 2, 4 or 8 bytes somewhere, as lengths and addresses are stored."""
    size = rng.choice([2, 4, 8])
    value: bytes = (rng.choice(NUMBERS) % 256**size).to_bytes(size, rng.choice(["little", "big"]))
    place = rng.randrange(max(1, len(content) - size))
    return content[:place] + value + content[place + size :]


def cut(content: bytes, rng: Random) -> bytes:
    """Cut the file, or cut a part out of it."""
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice([1, 8, 512, len(content)]) :]


def grown(content: bytes, rng: Random) -> bytes:
    """Repeat a part, or put zeros in."""
    start, size = rng.randrange(len(content)), rng.choice([1, 8, 64, 4096])
    added = rng.choice([bytes(size), content[start : start + size], rng.randbytes(size)])
    place = rng.randrange(len(content))
    return content[:place] + added + content[place:]


def swapped(content: bytes, rng: Random) -> bytes:
    """Copy one part of the file over another."""
    size = min(rng.choice([4, 16, 256]), len(content) // 2)
    source, target = rng.randrange(len(content) - size), rng.randrange(len(content) - size)
    return content[:target] + content[source : source + size] + content[target + size :]


BYTES: list[Callable[[bytes, Random], bytes]] = [flipped, flipped, wide, wide, cut, grown, swapped]


def body(content: bytes) -> bytes:
    """Return a file without its seal."""
    return content if seal_of(content) is Seal.ABSENT else content[:-LENGTH]


def damaged(content: bytes, rng: Random) -> bytes:
    """Damage bytes and, in two of three cases, seal the file again."""
    changed = rng.choice(BYTES)(body(content) if rng.random() < 0.7 else content, rng)
    return sealed(body(changed)) if rng.random() < 0.7 else changed


def damaged_bytes(content: bytes, rng: Random) -> bytes:
    """Damage bytes of a file that has no seal."""
    return rng.choice(BYTES)(content, rng)


def edited_unsealed(content: bytes, rng: Random) -> bytes:
    """Change what an HDF5 file of others says, who seal nothing."""
    return body(edited_hdf5(content, rng))


def edited_hdf5(content: bytes, rng: Random) -> bytes:
    """Change what an HDF5 file says, in one to three places, and seal it again."""
    buffer = BytesIO(body(content))
    with h5py.File(buffer, "r+") as file:
        for _ in range(rng.randint(1, 3)):
            _edit_hdf5(file, rng)
    return sealed(buffer.getvalue())


def _edit_hdf5(file: h5py.File, rng: Random) -> None:
    groups: list[h5py.Group] = [file]
    arrays: list[h5py.Dataset] = []
    file.visititems(lambda _, item: (groups if isinstance(item, h5py.Group) else arrays).append(item))
    what = rng.randrange(6)
    if what == 0 and arrays:
        _edit_array(rng.choice(arrays), rng)
    elif what == 1:
        group = rng.choice(groups)
        names = list(group)
        if names:
            del group[rng.choice(names)]
    elif what == 2:
        group = rng.choice(groups)
        group.attrs[rng.choice([*group.attrs, "new"])] = any_value(rng)
    elif what == 3:
        link = rng.choice([h5py.SoftLink("/"), h5py.ExternalLink("/dev/zero", "/"), rng.choice(groups)])
        rng.choice(groups)[f"link{rng.randrange(9)}"] = link
    elif arrays:
        old = rng.choice(arrays)
        parent, name = old.parent, old.name
        del file[name]
        _put(parent, name.rpartition("/")[2], rng)


def _edit_array(array: h5py.Dataset, rng: Random) -> None:
    value = array[()]
    if isinstance(value, bytes):
        parent, name = array.parent, array.name.rpartition("/")[2]
        del parent[name]
        parent[name] = edited_text(value.decode(), rng)
    elif np.ndim(value) and np.size(value):
        value.flat[rng.randrange(value.size)] = _like(value.dtype, rng)
        array[...] = value
    elif array.dtype.kind in "iuf":
        array[()] = _like(array.dtype, rng)


def _like(kind: np.dtype[Any], rng: Random) -> Any:
    if kind.names:
        return tuple(_like(kind[name], rng) for name in kind.names)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return rng.choice([min(max(number, int(info.min)), int(info.max)) for number in NUMBERS])
    return rng.choice(REALS) if kind.kind == "f" else rng.choice(TEXTS).encode(errors="replace")


def _put(group: h5py.Group, name: str, rng: Random) -> None:
    shape = tuple(rng.choice([0, 1, 2, 3, 10]) for _ in range(rng.randrange(5)))
    what = rng.randrange(5)
    if what == 0:
        group[name] = np.full(shape, rng.choice(NUMBERS[:-1]))
    elif what == 1:
        group[name] = np.full(shape, rng.choice(REALS), rng.choice([np.float32, np.float64]))
    elif what == 2:
        group[name] = rng.choice(TEXTS).encode(errors="replace")
    elif what == 3:  # more than it seems: zeros that are packed
        group.create_dataset(name, data=np.zeros(2 ** rng.randint(10, 24), np.int8), compression="gzip")
    else:
        group.create_dataset(name, shape=(2 ** rng.randint(1, 40),) * rng.randint(1, 3), dtype="f4", chunks=True)


def any_value(rng: Random) -> Any:
    """Return a value that a setting or an attribute may have been given."""
    return rng.choice([rng.choice(NUMBERS[:-2]), rng.choice(REALS), rng.choice(TEXTS[:3]), True])


def edited_text(text: str, rng: Random) -> str:
    """Change one value of a JSON text, or characters of any other."""
    try:
        values = json.loads(text)
    except ValueError:
        return rng.choice(TEXTS[:4]) if rng.random() < 0.5 else text[: rng.randrange(len(text) + 1)]
    return json.dumps(edited(values, rng))


def edited(value: Any, rng: Random) -> Any:
    """Return plain values with one of them changed, taken away or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: each for name, each in value.items() if name != key}
        return value | {key: edited(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        if rng.random() < 0.2:
            return value[:place] + value[place:] * 2
        return [*value[:place], edited(value[place], rng), *value[place + 1 :]]
    pool: list[Any] = [*NUMBERS, *REALS, *TEXTS, None, True, [], {}, [[]], {"array": "x"}, [value] * 3]
    return rng.choice(pool)


def edited_checkpoint(content: bytes, rng: Random) -> bytes:
    """Change what a checkpoint says; with half of them the digest inside fits again, so that all of it is looked at."""
    values = torch.load(BytesIO(content), weights_only=True)
    values.pop("digest")
    weights, rest = values["weights"], {key: each for key, each in values.items() if key not in ("weights", "resume")}
    for _ in range(rng.randint(1, 2)):
        if rng.random() < 0.5:
            name = rng.choice(list(weights))
            weights = weights | {name: _tensor(weights[name], rng)}
        elif rng.random() < 0.2:
            values["resume"] = _tensor(torch.empty(0, dtype=torch.uint8), rng)
        else:
            rest = edited(rest, rng)
    changed = {**values, **rest, "weights": weights} if isinstance(rest, dict) else {"weights": weights}
    try:
        digest = digest_of(changed) if rng.random() < 0.7 else "0"
    except Exception:  # noqa: BLE001 - what it cannot digest has none
        digest = "0"
    buffer = BytesIO()
    torch.save(changed | {"digest": digest}, buffer)
    return sealed_zip(buffer.getvalue())


def _tensor(weight: Any, rng: Random) -> Any:
    if not isinstance(weight, torch.Tensor):  # changed before
        return weight
    changed = weight.clone()
    if changed.numel() and changed.is_floating_point():
        changed.view(-1)[rng.randrange(changed.numel())] = rng.choice(REALS)
    made = [changed, weight.to(torch.float64), weight[:0], weight.new_zeros(()), weight.new_zeros(1).expand(2**40), None, 3]
    return rng.choice([changed, changed, *made, torch.randint(0, 255, (200,), dtype=torch.uint8)])


def edited_onnx(content: bytes, rng: Random) -> bytes:
    """Change what an ONNX model says."""
    model = ModelProto.FromString(content)
    what = rng.randrange(5)
    if what == 0:
        entry = rng.choice(model.metadata_props)
        entry.value = edited_text(entry.value, rng).encode(errors="replace").decode()
    elif what == 1:
        tensor = rng.choice(model.graph.initializer)
        array = numpy_helper.to_array(tensor).copy()
        if array.size:
            array.flat[rng.randrange(array.size)] = _like(array.dtype, rng)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    elif what == 2:
        rng.choice(model.graph.initializer).dims[:] = [rng.choice(NUMBERS[:-1]) for _ in range(rng.randrange(4))]
    elif what == 3:
        node = rng.choice(model.graph.node)
        node.op_type = rng.choice(["Add", "Loop", "If", "Quantum", ""])
    else:
        del model.graph.node[rng.randrange(len(model.graph.node))]
    return bytes(model.SerializeToString(deterministic=True))


def edited_toml(content: bytes, rng: Random) -> bytes:
    """Change lines of a TOML file of settings."""
    lines = content.decode().splitlines()
    values = [*map(repr, NUMBERS), *map(str, REALS), *map(json.dumps, TEXTS), "9" * 5000, "[" * 3000, "2020-01-01", "'''", "{}"]
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        key = lines[place].partition("=")[0].strip() or "seed"
        lines[place] = rng.choice([f"{key} = {rng.choice(values)}", f"self = {rng.choice(values)}", f"[{key}]", ""])
    return "\n".join(lines).encode(errors="surrogatepass")


def in_file(change: Callable[[bytes, Random], bytes], seed: Path, rng: Random, target: Path) -> None:
    """Write a changed copy of a file."""
    target.write_bytes(change(seed.read_bytes(), rng))
