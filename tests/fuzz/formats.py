"""What is damaged, and how it is opened: a row for each format, and one for settings and for options."""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import event_recordings
import h5py
import nir
import numpy as np
import torch
from click.testing import CliRunner
from lava_dl_files import random_file, write
from mutations import (
    Random,
    damaged,
    damaged_bytes,
    edited_checkpoint,
    edited_hdf5,
    edited_onnx,
    edited_toml,
    edited_unsealed,
    in_file,
)

import snnc
from snnc.cli.main import main
from snnc.export import read_network
from snnc.export.target import Stated
from snnc.files import load_subject
from snnc.importing import import_file
from snnc.models import load_model
from snnc.toolchain.data.data_file import load_file
from snnc.toolchain.data.event_files import extent, read_recordings
from snnc.toolchain.data.events import binned
from snnc.toolchain.data.named import Named
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.lower import lower
from snnc.toolchain.network.plain import difference
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch
from snnc.training import train

TINY = TrainConfig(
    model="mlp", width=0.01, epochs_float=1, epochs_quantized=1, epochs_integer=1, timesteps=3, schedule="exponential"
)
SMALL = TINY.replaced(model="cifarnet", width=0.01)
Change = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Format:
    """One row: `make(folder)` writes the sound files, `changes` damage them, `open_` opens a damaged one beside a sound one.

    `open_(damaged, sound)` returns `equal`, `accepted` or `different`, or raises SnncError.
    """

    suffix: str
    make: Callable[[Path], list[Path]]
    changes: tuple[Change, ...]
    open_: Callable[[Path, Path], str]


def _trained(folder: Path, *, interrupted: bool = False) -> list[Path]:
    found = []
    for name, config in {"mlp": TINY, "conv": SMALL}.items():
        train(config, folder / f"{name}.pt")
        found.append(folder / f"{name}.pt")
    if interrupted:
        with contextlib.suppress(KeyboardInterrupt):
            train(TINY, folder / "part.pt", callbacks=[_Stop()])
        found.append(folder / "part.pt")
    return found


class _Stop(Callback):
    def epoch(self, metrics: Epoch) -> None:
        raise KeyboardInterrupt


def _exported(target: str, **options: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        suffix = snnc.TARGETS[target].suffix
        networks = {path.stem: load_subject(path)[0].network for path in _trained(folder)}
        networks["named"] = replace(networks["mlp"], name="größe", labels=tuple(f"Klasse {i}" for i in range(10)))
        return [snnc.export(network, target, folder / f"{name}{suffix}", **options) for name, network in networks.items()]

    return make


def _foreign_graphs(folder: Path) -> list[Path]:
    """Write graphs as other frameworks do: no metadata, float weights, pools, nested graphs."""
    rng = np.random.default_rng(0)

    def lif(*shape: int) -> nir.LIF:
        ones = np.ones(shape, np.float32)
        return nir.LIF(tau=ones * 2e-4, r=ones * 2, v_leak=ones * 0, v_threshold=ones, v_reset=ones * 0)

    conv = nir.Conv2d((6, 6), rng.normal(0, 0.3, (3, 2, 3, 3)).astype(np.float32), 1, 1, 1, 1, np.zeros(3, np.float32))
    pool = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    flat = nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1)
    dense = nir.Affine(rng.normal(0, 0.3, (4, 27)).astype(np.float32), rng.normal(0, 0.1, 4).astype(np.float32))
    nodes = {"input": nir.Input(np.array([2, 6, 6])), "c": conv, "l": lif(3, 6, 6), "p": pool, "f": flat, "d": dense}
    nodes |= {"m": lif(4), "output": nir.Output(np.array([4]))}
    names = list(nodes)
    nir.write(folder / "conv.nir", nir.NIRGraph(nodes, list(pairwise(names))))
    small = {"input": nir.Input(np.array([5])), "w": nir.Linear(rng.integers(-1, 2, (3, 5)).astype(np.float32)), "l": lif(3)}
    small |= {"output": nir.Output(np.array([3]))}
    names = list(small)
    nir.write(folder / "dense.nir", nir.NIRGraph(small, list(pairwise(names))))
    return [folder / "conv.nir", folder / "dense.nir"]


FOREIGN_FILES = 16  # of them some of every kind: images, missing input, delays, recurrence, running sums


def _lava_dl_files(folder: Path) -> list[Path]:
    return [write(folder / f"file{seed}.net", random_file(seed)[0]) for seed in range(FOREIGN_FILES)]


@cache
def _network(sound: Path) -> snnc.Network:
    return load_subject(sound)[0].network


def _opened(damaged: Path, sound: Path) -> str:
    return "different" if difference(load_subject(damaged)[0].network, _network(sound)) else "equal"


@cache
def _checkpoint(sound: Path) -> str:
    return _digest(sound)


def _digest(path: Path) -> str:
    """Return a digest over all that a checkpoint holds, its resume state included; its model can be built."""
    model, checkpoint = load_model(path)
    digest = hashlib.sha256(repr(replace(checkpoint, weights={}, resume=None)).encode())
    buffer = BytesIO()
    torch.save([model.state_dict(), checkpoint.resume], buffer)
    digest.update(buffer.getvalue())
    return digest.hexdigest()


def _opened_checkpoint(damaged: Path, sound: Path) -> str:
    return "equal" if _digest(damaged) == _checkpoint(sound) else "different"


def _opened_anything(damaged: Path, sound: Path) -> str:
    model, checkpoint = load_model(damaged)
    if model.phase is Phase.INTEGER:
        lower(model, checkpoint.labels)
    return "accepted"


def _imported(damaged: Path, sound: Path) -> str:
    import_file(damaged, damaged.with_suffix(".onnx"), timesteps=3, input_range=(0, 1))
    return "accepted"


def _adopted(damaged: Path, sound: Path) -> str:
    read_network(damaged, stated=Stated(5))
    return "accepted"


def _configured(damaged: Path, sound: Path) -> str:
    TrainConfig.from_toml(damaged)
    return "accepted"


def _recordings(folder: Path) -> list[Path]:
    """Write events as DSEC, Prophesee and others lay them out in HDF5."""
    for name, layout in event_recordings.LAYOUTS.items():
        layout(folder / f"{name}.h5", event_recordings.drawn(20))
    return sorted(folder.glob("*.h5"))


def _aedat4(folder: Path) -> list[Path]:
    """Write events in packets, and a file without any."""
    for name, count, cut in (("one", 5, 5), ("several", 20, 7), ("empty", 0, 1)):
        event_recordings.write_aedat4(folder / f"{name}.aedat4", event_recordings.drawn(count), cut=cut)
    return sorted(folder.glob("*.aedat4"))


def _arrays(folder: Path) -> list[Path]:
    """Write samples of every kind with labels: numbers and texts, with test samples and without."""
    rng, labels = np.random.default_rng(0), np.arange(12) % 3
    arrays: dict[str, dict[str, Any]] = {
        "images": {"samples": rng.integers(0, 256, (12, 1, 4, 4)).astype(np.uint8), "labels": labels},
        "floats": {"samples": rng.normal(size=(12, 5)), "labels": labels, "classes": ["a", "b", "c"]},
        "timed": {"samples": rng.integers(0, 2, (12, 3, 5)).astype(np.int8), "labels": np.array(["b", "a"] * 6, "S1")},
    }
    arrays["timed"] |= {f"test_{name}": values for name, values in arrays["timed"].items()}
    for name, values in arrays.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.update(values)
    return [folder / f"{name}.h5" for name in arrays]


def _binned(damaged: Path, sound: Path) -> str:
    for path, events in read_recordings([damaged]):
        binned(events, extent(path, events), (1024, 2, 2, 2))
    return "accepted"


def _loaded(damaged: Path, sound: Path) -> str:
    load_file(Named(str(damaged)), 3)
    return "accepted"


def _presets(folder: Path) -> list[Path]:
    presets = Path(snnc.__file__).parent / "presets"
    made = []
    for path in sorted(presets.glob("*.toml")):
        made.append(folder / path.name)
        made[-1].write_bytes(path.read_bytes())
    return made


def _files(folder: Path) -> list[Path]:
    pt = _trained(folder)[0]
    for target in ("loihi2", "nir", "onnx", "c"):
        snnc.export(load_subject(pt)[0].network, target, folder / f"model{snnc.TARGETS[target].suffix}")
    return [pt]


VALUES = ["0", "-1", "1", "5", "0.5", "nan", "inf", "1e400", "9" * 30, "", "x", "a\x1b[31mb", "\udcff", "model.nir", "."]
VALUES += ["/dev/null", "/nowhere/x.net", "x" * 300, "a\0b", "mlp.pt", "out.net", "out.html", "out.svg", "é.net", "fast", "nir"]


def _line(content: bytes, rng: Random) -> bytes:
    """Return a command line as random options, one word a line; nothing of the file is used."""
    command = rng.choice(["simulate", "export", "inspect", "check", "import", "train"])
    context = click.Context(main)
    parameters = main.commands[command].get_params(context)
    words = [command, *(["--dry-run"] if command == "train" else ["mlp.pt"] if rng.random() < 0.8 else [rng.choice(VALUES)])]
    for _ in range(rng.randint(0, 4)):
        option = rng.choice(parameters)
        if option.param_type_name == "option" and option.name not in ("help", "resume"):
            words.append(rng.choice(option.opts))
            words += [] if getattr(option, "is_flag", False) else [rng.choice(VALUES)]
    fast = {"simulate": ["-e", "fast", "-n", "2"], "import": ["-T", "3", "-o", "out.net"]}.get(command, [])
    return "\n".join([*words, *fast]).encode(errors="surrogatepass")


def _called(damaged: Path, sound: Path) -> str:
    words = damaged.read_bytes().decode(errors="surrogatepass").split("\n")
    with contextlib.chdir(sound.parent):
        result = CliRunner().invoke(main, words)
    text = result.output
    if result.exit_code not in (0, 1, 2) or "Traceback" in text or "not foreseen" in text or "\x1b" in text:
        return f"exit {result.exit_code}: {words}: {text[-500:]}"
    if result.exit_code == 1 and "DIFFERENT" not in text and "different networks" not in text:
        return f"exit 1: {words}: {text[-500:]}"
    return "accepted"


FORMATS: dict[str, Format] = {
    "pt": Format(".pt", lambda folder: _trained(folder, interrupted=True), (damaged,), _opened_checkpoint),
    "pt, edited": Format(".pt", lambda folder: _trained(folder, interrupted=True), (edited_checkpoint,), _opened_anything),
    "net": Format(".net", _exported("loihi2"), (damaged, damaged, edited_hdf5), _opened),
    "nir": Format(".nir", _exported("nir"), (damaged, damaged, edited_hdf5), _opened),
    "nir of others": Format(".nir", _foreign_graphs, (damaged_bytes, damaged_bytes, edited_hdf5), _imported),
    "net of others": Format(".net", _lava_dl_files, (damaged_bytes, edited_unsealed, edited_unsealed), _adopted),
    "onnx": Format(".onnx", _exported("onnx"), (damaged_bytes, edited_onnx), _opened),
    "c": Format(".h", _exported("c"), (damaged_bytes,), _opened),
    "h5 of events": Format(".h5", _recordings, (damaged_bytes, edited_unsealed), _binned),
    **({"aedat4": Format(".aedat4", _aedat4, (damaged_bytes,), _binned)} if find_spec("aedat") else {}),
    "h5 of samples": Format(".h5", _arrays, (damaged_bytes, edited_unsealed), _loaded),
    "toml": Format(".toml", _presets, (edited_toml, damaged_bytes), _configured),
    "options": Format(".line", _files, (_line,), _called),
}


def one_case(row: Format, sound: list[Path], number: int, folder: Path) -> str:
    """Make and open case `number` of a format."""
    rng = Random(number)
    seed, target = rng.choice(sound), folder / f"case{row.suffix}"
    try:
        in_file(rng.choice(row.changes), seed, rng, target)
    except Exception:  # noqa: BLE001 - a change that h5py or torch would not write is no case
        return "accepted"
    return row.open_(target, seed)
