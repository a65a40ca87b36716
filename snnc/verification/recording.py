"""What a chip, or another simulator, recorded of a network, and the files that hold it.

An `.npz` has the arrays `spikes/LAYER`, and where there are some `u/LAYER` and `v/LAYER`, `(steps, *layer shape)`; `timesteps`,
`samples`, `offset/LAYER` say how samples lie in it. A folder has a file `LAYER.npy` (or `LAYER-s.npy`), `LAYER-u.npy`,
`LAYER-v.npy`, with those axes or in Lava's order, W,H,C and steps last, as lava-dl's own recordings.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.samples_file import DAMAGE
from snnc.toolchain.errors import DataError, one_line
from snnc.toolchain.network.network import Network

KINDS = {"": "spikes", "-s": "spikes", "-u": "u", "-v": "v"}
IMAGE, INPUT = "image", "input"  # files of a folder that hold the same input for every step, or one for each
MOST_BYTES = 2**31
Array = NDArray[Any]


@dataclass(frozen=True)
class Recording:
    """Arrays `(steps, *layer shape)` by `kind/LAYER`, kind being spikes, u or v; and what the file says of their alignment.

    `samples` are what the network was shown, `(B, ...)` or `(T, B, ...)`, None if the recording does not say. `left_out` says
    why arrays are not compared. `resets_shown`: membranes of neurons that have just spiked are 0 (else they may show anything).
    """

    arrays: dict[str, Array]
    samples: Array | None = None
    timesteps: int | None = None
    count: int | None = None
    offsets: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    resets_shown: bool = True

    @property
    def steps(self) -> int:
        """The number of recorded steps."""
        return max(len(array) for array in self.arrays.values())

    def of(self, kind: str, layer: str) -> Array | None:
        """Return the array of a layer, or None if it was not recorded."""
        return self.arrays.get(f"{kind}/{layer}")


def read_recording(path: str | Path, network: Network) -> Recording:
    """Read what was recorded of a network.

    Args:
        path: an `.npz`, or a folder of `.npy` files.
        network: the integer network whose layers were recorded.

    Raises:
        DataError: if it cannot be read, or holds spikes of none of the network's layers.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> recording = snnc.read_recording("recorded.npz", snnc.read_network("model.net"))  # doctest: +SKIP
        >>> sorted(recording.arrays)  # doctest: +SKIP
        ['spikes/conv1', 'spikes/readout']
    """
    try:
        recording = _of_folder(Path(path), network) if Path(path).is_dir() else _of_npz(Path(path), network)
    except (*DAMAGE, TypeError, MemoryError) as error:
        raise DataError(
            f"{path}: not a readable recording: {one_line(error)}; give an .npz or a folder of .npy files"
        ) from None
    if not any(name.startswith("spikes/") for name in recording.arrays):
        names = ", ".join(layer.name for layer in network.layers)
        raise DataError(f"{path}: it has spikes of none of the layers {names}; see `snnc simulate --help` for the names")
    return recording


def _of_npz(path: Path, network: Network) -> Recording:
    with ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
    shapes = {layer.name: layer.output_shape for layer in network.layers}
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    arrays, left_out, offsets = dict[str, Array](), dict[str, str](), dict[str, int]()
    for name, array in found.items():
        kind, _, layer = name.partition("/")
        if kind == "offset":
            offsets[layer] = _number(name, array, 0)
        elif kind in ("spikes", "u", "v") and layer not in shapes:
            left_out[name] = "the network has no layer of that name"
        elif kind in ("spikes", "u", "v") and array.shape[1:] != shapes[layer]:
            raise ValueError(f"{name} has shape {array.shape}; allowed is (steps, {', '.join(map(str, shapes[layer]))})")
        elif kind in ("spikes", "u", "v"):
            arrays[name] = _whole(name, array)
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) > 1:
        raise ValueError(f"its arrays have {', '.join(map(str, sorted(lengths)))} steps; all must have the same number")
    numbers = {name: _number(name, found[name], 1) if name in found else None for name in ("timesteps", "samples")}
    samples = _whole("input", found["input"]) if "input" in found else None
    return Recording(arrays, samples, numbers["timesteps"], numbers["samples"], offsets, left_out)


def _of_folder(folder: Path, network: Network) -> Recording:
    files = sorted(folder.glob("*.npy"))
    if sum(file.stat().st_size for file in files) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    found = {file.stem: np.load(file, allow_pickle=False) for file in files}
    samples, left_out = _input(found, network), dict[str, str]()
    bases = dict[str, dict[str, Array]]()
    for stem in sorted(found, key=lambda stem: (len(stem), stem)):  # NAME before NAME-s
        suffix = next((each for each in ("-s", "-u", "-v") if stem.endswith(each)), "")
        kinds = bases.setdefault(stem.removesuffix(suffix), {})
        if KINDS[suffix] in kinds:
            left_out[stem] = f"{stem.removesuffix(suffix)}.npy holds these spikes as well"
        kinds.setdefault(KINDS[suffix], found[stem])
    layers = _layers_of(bases, network)
    steps = Counter(_steps(array, layers[base]) for base, kinds in bases.items() if base in layers for array in kinds.values())
    usual = steps.most_common(1)[0][0] if steps else 0
    arrays = dict[str, Array]()
    for base, kinds in bases.items():
        if base not in layers:
            left_out[base] = "no layer of the network has that name or shape"
            continue
        for kind, array in kinds.items():
            name, shape = f"{kind}/{layers[base][0]}", layers[base]
            if _steps(array, shape) != usual:
                left_out[shape[0]] = f"{base} has {_steps(array, shape)} steps, the others have {usual}: it is of another run"
            else:
                arrays[name] = _whole(base, _ours(array, shape[1]))
    return Recording(arrays, samples, left_out=left_out, resets_shown=False)


Place = tuple[str, tuple[int, ...]]  # name and shape of a layer


def _layers_of(bases: dict[str, dict[str, Array]], network: Network) -> dict[str, Place]:
    """Return the layer that each recorded name stands for: the one of that name, else the next free one of that shape."""
    free = {layer.name: layer.output_shape for layer in network.layers}
    found = {base: (base, free.pop(base)) for base in bases if base in free}
    for base, kinds in bases.items():
        array = next(iter(kinds.values()))
        fitting = next((name for name, shape in free.items() if base not in found and _fits(array, shape)), None)
        if fitting is not None:
            found[base] = (fitting, free.pop(fitting))
    return found


def _fits(array: Array, shape: tuple[int, ...]) -> bool:
    return array.shape[1:] == shape or _plain(array.shape[:-1]) == _plain(shape[::-1])


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _steps(array: Array, place: Place) -> int:
    return len(array) if array.shape[1:] == place[1] else array.shape[-1]


def _ours(array: Array, shape: tuple[int, ...]) -> Array:
    """Return an array with steps first and C,H,W behind them, from Lava's W,H,C and steps last."""
    if array.shape[1:] == shape:
        return array
    return array.transpose(array.ndim - 1, *range(array.ndim - 2, -1, -1)).reshape(array.shape[-1], *shape)


def _input(found: dict[str, Array], network: Network) -> Array | None:
    """Take the input out of a folder's arrays and return it as samples."""
    shape = network.input.shape
    if IMAGE in found:
        image = found.pop(IMAGE)
        return _whole(IMAGE, image.transpose().reshape(1, *shape))
    if INPUT in found and _fits(found[INPUT], shape):
        frames = _ours(found.pop(INPUT), shape)
        return _whole(INPUT, frames[:, None])
    return None


def _number(name: str, array: Array, least: int) -> int:
    """Return a single whole number. Raises ValueError for another value, or one below `least`."""
    if array.size != 1:
        raise ValueError(f"{name} has shape {array.shape}; allowed is one number")
    number = int(_whole(name, array).item())
    if number < least:
        raise ValueError(f"{name} is {number}; allowed is {least} and more")
    return number


def _whole(name: str, array: Array) -> Array:
    """Return an array as integers. Raises ValueError if a number is none."""
    with np.errstate(invalid="ignore"):  # of NaN, which differs from any integer
        whole = np.asarray(array, np.int64) if array.dtype.kind in "biuf" else None
    if whole is None or not np.array_equal(array, whole):
        raise ValueError(f"{name} holds values that are no whole numbers")
    return whole
