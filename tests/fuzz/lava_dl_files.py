"""Random `.net` files as lava-dl's slayer writes them, and what netx computes for them, in code that shares none with snnc."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Entry = dict[str, Any]


@dataclass
class Recorded:
    """Spikes and membranes `(T, *shape)` in netx's W,H,C order of every entry that has neurons, by its number."""

    spikes: dict[int, np.ndarray] = field(default_factory=dict)
    membranes: dict[int, np.ndarray] = field(default_factory=dict)


def write(path: Path, entries: list[Entry]) -> Path:
    """Write entries; keys with a slash are groups."""
    with h5py.File(path, "w") as file:
        for number, entry in enumerate(entries):
            group = file.create_group(f"layer/{number}")
            for key, value in entry.items():
                group[key] = np.array([value.encode()]) if key == "type" else value
        file["simulation/Ts"] = 1
    return path


def random_file(seed: int) -> tuple[list[Entry], tuple[int, ...]]:
    """Draw the entries of a file of any kind, and the shape `(C, H, W)` or `(N,)` of what it is fed."""
    rng = np.random.default_rng(seed)
    entries: list[Entry] = []
    images, with_input = bool(rng.random() < 0.6), bool(rng.random() < 0.5)
    shape: tuple[int, ...] = (int(rng.integers(1, 4)), int(rng.integers(3, 7)), int(rng.integers(3, 7))) if images else (7,)
    if with_input or images:
        stored = rng.choice(["n", "n11", "11n"]) if not images else "chw"
        sizes = {"n": shape, "n11": (*shape, 1, 1), "11n": (1, 1, *shape), "chw": shape}[str(stored)]
        entry: Entry = {"type": "input", "shape": np.array(sizes)}
        if with_input:
            entry |= {"weight": np.array([6.0], np.float32), "bias": np.float32(1)} | neurons(rng, None)
        entries.append(entry)
        shape = sizes
    source = shape
    for _ in range(int(rng.integers(0, 3)) if images else 0):
        entry, source = random_conv(rng, source)
        entries.append(entry)
        if min(source[1:]) < 2:
            break
    if len(source) == 3:
        entries.append({"type": "flatten", "shape": np.array([int(np.prod(source)), 1, 1])})
    fan_in = int(np.prod(source))
    count = int(rng.integers(1, 4))
    for index in range(count):
        entries.append(random_dense(rng, fan_in, last=index == count - 1))
        fan_in = entries[-1]["outFeatures"]
    return entries, shape


def neurons(rng: np.random.Generator, each: tuple[int, ...] | None) -> Entry:
    """Draw a neuron group; decays of each neuron's own have the shape `each`."""
    own = each is not None and rng.random() < 0.4

    def decay(low: int, high: int) -> Any:
        return rng.integers(low, high, each) if own else int(rng.integers(low, high) if rng.random() < 0.5 else high - 1)

    threshold = int(rng.integers(1, 40))
    group = {
        "type": np.bytes_(str(rng.choice(["LOIHI", "CUBA"]))),
        "iDecay": decay(1, 4097),
        "vDecay": decay(0, 4096),
        "vThMant": np.array([threshold]) if rng.random() < 0.3 else threshold,
        "refDelay": int(rng.integers(1, 5)),
        "gradedSpike": False,
    }
    return {f"neuron/{key}": value for key, value in group.items()}


def random_conv(rng: np.random.Generator, source: tuple[int, ...]) -> tuple[Entry, tuple[int, ...]]:
    groups = source[0] if rng.random() < 0.3 else 1
    out = groups * int(rng.integers(1, 4))
    kernel, dilation = rng.integers(1, 3, 2), rng.integers(1, 3, 2)
    stride, padding = rng.integers(1, 3, 2), rng.integers(0, 3, 2)
    if rng.random() < 0.3:
        stride, dilation = np.full(2, stride[0]), np.full(2, dilation[0])
    spans = dilation * (kernel - 1) + 1
    padding = np.maximum(padding, spans // 2)  # so that the kernel fits
    sizes = [(source[1 + i] + 2 * padding[i] - spans[i]) // stride[i] + 1 for i in (0, 1)]
    shape = (out, int(sizes[0]), int(sizes[1]))
    limit = int(rng.choice([2, 20, 700]))
    weight = (2 * rng.integers(-limit, limit, (out, source[0] // groups, *kernel))).astype(np.float32)
    entry: Entry = {
        "type": "conv",
        "shape": np.array(shape),
        "weight": weight[..., None] if rng.random() < 0.5 else weight,
        "stride": stride if rng.random() < 0.5 or stride[0] != stride[1] else int(stride[0]),
        "padding": padding,
        "dilation": dilation if dilation[0] != dilation[1] else int(dilation[0]),
        "groups": groups,
        "kernelSize": np.array([9, 9]),  # which may lie
        **neurons(rng, None if rng.random() < 0.5 else shape[::-1]),
    }
    if rng.random() < 0.6:
        entry["bias"] = rng.integers(-9, 30, out if rng.random() < 0.5 or shape[1:] == (1, 1) else shape[::-1]) * 1.0
    return entry, shape


def random_dense(rng: np.random.Generator, fan_in: int, *, last: bool) -> Entry:
    out = int(rng.integers(1, 7))
    limit = int(rng.choice([3, 60, 127]))
    weight = 2 * rng.integers(-limit, limit + 1, (out, fan_in)) + (rng.random() < 0.2 and limit < 60)
    weight.flat[0] = 2  # netx cannot scale a layer of zeros
    entry: Entry = {
        "type": "dense",
        "shape": np.array([out]) if rng.random() < 0.5 else np.array([out, 1, 1]),
        "weight": weight.ravel().astype(np.float32) if rng.random() < 0.2 else weight.astype(np.float32),
        "outFeatures": out,
        "inFeatures": fan_in,
    }
    if not last or rng.random() < 0.6:
        entry |= neurons(rng, None if rng.random() < 0.5 else (out,))
    if rng.random() < 0.4:
        entry["bias"] = rng.integers(-5, 30, out).astype(np.float64)
    if rng.random() < 0.3:
        entry |= {"type": "dense_rec", "weight_rec": (2 * rng.integers(-9, 9, (out, out))).astype(np.float32)}
    elif rng.random() < 0.5:
        sizes = [(), (1,), (out,), (fan_in,), (out, fan_in)][int(rng.integers(5))]
        entry["delay"] = np.asarray(rng.integers(0, 5 if rng.random() < 0.7 else 70, sizes), np.float32)
    return entry


def as_netx(entries: list[Entry], stream: np.ndarray) -> Recorded:
    """Compute what netx does for one sample `(T, *shape in C,H,W)`, every entry in the same step as its source."""
    recorded, flat = Recorded(), False
    sent = stream.transpose(0, *range(stream.ndim - 1, 0, -1)).astype(np.int64)  # W,H,C
    for number, entry in enumerate(entries):
        kind = entry["type"]
        if kind == "flatten":
            flat = True
        elif kind == "input" and "neuron/type" in entry:
            sent = _record(recorded, number, entry, lambda t, own, sent=sent: (0, sent[t]), sent.shape)
        elif kind == "conv":
            sums = np.stack([_convolved(entry, frame) for frame in sent])
            sent = _record(recorded, number, entry, lambda t, own, sums=sums: (sums[t], 0), sums.shape)
        elif kind.startswith("dense"):
            ordered = sent.transpose(0, *range(sent.ndim - 1, 0, -1)) if flat else sent
            drive = _dense_drive(entry, ordered.reshape(len(sent), -1))
            sent, flat = _record(recorded, number, entry, drive, (len(sent), entry["outFeatures"])), False
    return recorded


def _convolved(entry: Entry, frame: np.ndarray) -> np.ndarray:
    """One W,H,C frame through a convolution, tap by tap."""
    weight = entry["weight"].reshape(entry["weight"].shape[:4]).astype(int)
    (sy, sx), (py, px), (dy, dx) = (np.broadcast_to(entry[key], 2) for key in ("stride", "padding", "dilation"))
    out, inner, height, width = weight.shape
    channels, h, w = (int(size) for size in entry["shape"])
    sums = np.zeros((w, h, channels), np.int64)
    for o in range(out):
        first = o // (out // int(entry["groups"])) * inner
        for y in range(h):
            for x in range(w):
                for ky in range(height):
                    for kx in range(width):
                        row, column = y * sy - py + ky * dy, x * sx - px + kx * dx
                        if 0 <= row < frame.shape[1] and 0 <= column < frame.shape[0]:
                            sums[x, y, o] += weight[o, :, ky, kx] @ frame[column, row, first : first + inner]
    return sums


def _dense_drive(entry: Entry, source: np.ndarray) -> Any:
    out, fan_in = entry["outFeatures"], entry["inFeatures"]
    weight = entry["weight"].astype(int).reshape(out, fan_in)
    delay = np.minimum(np.asarray(entry.get("delay", 0)).astype(int), 62)
    if delay.ndim == 1 and delay.size > 1:
        delay = delay[:, None] if delay.size == out else delay[None]
    delay = np.broadcast_to(delay, weight.shape)

    def drive(t: int, own: np.ndarray) -> tuple[Any, int]:
        total = [sum(weight[o, i] * source[t - delay[o, i], i] for i in range(fan_in) if t >= delay[o, i]) for o in range(out)]
        back = entry["weight_rec"].astype(int) @ own if "weight_rec" in entry else 0
        return np.array(total) + back, 0

    return drive


def _record(recorded: Recorded, number: int, entry: Entry, drive: Any, shape: tuple[int, ...]) -> np.ndarray:
    if "neuron/type" in entry:
        i_decay, v_decay, vth = (np.asarray(entry[f"neuron/{key}"]).astype(int) for key in ("iDecay", "vDecay", "vThMant"))
    else:
        i_decay, v_decay, vth = np.array(0), np.array(4096), np.array(1 << 17)
    bias = np.asarray(entry["bias"] if entry["type"] != "input" and "bias" in entry else 0).astype(int)
    u = v = np.zeros(shape[1:], np.int64)
    spikes, membranes = np.zeros(shape, bool), np.zeros(shape, np.int64)
    for t in range(shape[0]):
        a, driven = drive(t, spikes[t - 1].astype(int) if t else np.zeros(shape[1:], int))
        u = _shrunk(u * (4096 - i_decay)) + np.asarray(a) * 64
        u = np.where(u > 2**23, u - 2**24, np.where(u <= -(2**23), u + 2**24, u))
        v = np.clip(_shrunk(v * (4096 - v_decay)) + u + (bias + driven) * 64, 1 - 2**23, 2**23 - 1)
        spikes[t] = v > vth * 64
        v = np.where(spikes[t], 0, v)
        membranes[t] = v
    recorded.spikes[number], recorded.membranes[number] = spikes, membranes
    return spikes


def _shrunk(product: np.ndarray) -> np.ndarray:
    shrunk: np.ndarray = np.sign(product) * (np.abs(product) >> 12)
    return shrunk
