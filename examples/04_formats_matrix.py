"""Every format in every engine: four networks on real digits, one Markdown table, exit status 1 if one spike differs.

python examples/04_formats_matrix.py [--lava]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import snnc
from snnc.files import load_subject
from snnc.verification.engines import Subject

SLOW = ("lava", "netx")  # seconds for each file
BASE = snnc.TrainConfig(timesteps=3, epochs_float=2, epochs_quantized=2, epochs_integer=1, batch_size=128)


def trained(folder: Path, model: str, width: float) -> Path:
    """Train a small network on digits for a few seconds."""
    snnc.train(BASE.replaced(model=model, width=width), folder / "model.pt")
    return folder / "model.pt"


def by_hand(name: str, *, residual: bool) -> snnc.Network:
    """Draw a network for events (0 and 1, another frame at each step), with a shortcut around its second layer or without."""
    rng = np.random.default_rng(0)
    first = snnc.Conv("input", rng.integers(-1, 2, (8, 1, 3, 3)), padding=(1, 1))
    layers = [snnc.Layer("conv1", (first,), snnc.Lif((8, 8, 8), vth=2, dv=2048))]
    if residual:
        around = snnc.Conv("conv1", 4 * np.eye(8, dtype=int)[:, :, None, None])
        second = snnc.Conv("conv1", rng.integers(-1, 2, (8, 8, 3, 3)), padding=(1, 1))
        layers.append(snnc.Layer("conv2", (second, around), snnc.Lif((8, 8, 8), vth=4, dv=2048)))
    last = snnc.Dense(layers[-1].name, rng.integers(-1, 2, (10, 512)))
    layers.append(snnc.Layer("output", (last,), snnc.Lif((10,), vth=9, dv=2048)))
    return snnc.Network(name, 3, snnc.Input((1, 8, 8), 0, 1), tuple(layers), "spikes")


def digits(count: int, *, events: bool) -> snnc.Split:
    """Return test digits; as events, a pixel fires at step t if it is brighter than 4 t."""
    split = snnc.load_dataset("digits").test.first(count)
    if not events:
        return split
    bright = np.stack([split.samples > 4 * t for t in range(1, 4)]).astype(np.int16)
    return snnc.Split(bright, split.labels)


def row(name: str, subject: Subject, suffix: str, engines: list[str], split: snnc.Split) -> list[str]:
    """Verify one file and return its cells: mismatching spikes and membranes of each engine that can run it."""
    cells = []
    for engine in engines:
        if snnc.ENGINES[engine].missing(subject) or (engine in SLOW and suffix != ".net"):
            cells.append("")
            continue
        verdict = snnc.verify(subject.network, split, model=subject.model, engines=[engine], files=subject.files)
        cells.append(str(sum(layer.mismatches + (layer.max_abs_dv > 0) for layer in verdict.layers)))
    return [name, suffix, *cells]


def main() -> None:
    """Print the table."""
    hidden = ("reference", "tensor", *(() if "--lava" in sys.argv else SLOW))
    engines = [name for name in snnc.ENGINES if name not in hidden]
    print("| network | file |", " | ".join(engines), "|")
    print("|---" * (len(engines) + 2) + "|")
    wrong = False
    with tempfile.TemporaryDirectory() as name:
        for title, width in (("cifarnet", 1 / 32), ("mlp", 0.03), ("events", 0), ("residual", 0)):
            folder = Path(name) / title
            folder.mkdir()
            files = [trained(folder, title, width)] if width else []
            network = load_subject(*files)[0].network if files else by_hand(title, residual=title == "residual")
            for target, form in snnc.TARGETS.items():
                if not form.violations(network):
                    files.append(snnc.export(network, target, folder / f"model{form.suffix}"))
            for file in files:
                cells = row(title, load_subject(file)[0], file.suffix, engines, digits(5, events=not width))
                wrong |= any(cell not in ("", "0") for cell in cells[2:])
                print("|", " | ".join(cells), "|", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
