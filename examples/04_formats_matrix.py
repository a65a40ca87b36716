"""Every format in every engine: three networks on real digits, one Markdown table, exit status 1 if one spike differs.

python examples/04_formats_matrix.py [--lava]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import snnc
from snnc.files import export_file, load_subject
from snnc.toolchain.data.dataset import Split
from snnc.toolchain.data.table import load_dataset
from snnc.verification.engines import ENGINES, choose

SETTINGS = {"timesteps": 3, "epochs_float": 2, "epochs_quantized": 2, "epochs_integer": 1, "batch_size": 128}
SUFFIXES = {"loihi2": ".net", "nir": ".nir", "onnx": ".onnx"}


def trained(folder: Path, model: str, width: float) -> Path:
    """Train a small network on digits for a few seconds."""
    config, data = snnc.TrainConfig(model=model, width=width, **SETTINGS), load_dataset("digits")
    snnc.train(config, folder / "model.pt", dataset=data)
    return folder / "model.pt"


def event_network() -> snnc.Network:
    """Draw a network for events: 0 and 1, another frame at each step."""
    rng = np.random.default_rng(0)
    conv = snnc.Conv("input", rng.integers(-1, 2, (8, 1, 3, 3)), padding=(1, 1))
    hidden = snnc.Layer("conv", (conv,), snnc.Lif((8, 8, 8), vth=2, dv=2048))
    output = snnc.Layer("output", (snnc.Dense("conv", rng.integers(-1, 2, (10, 512))),), snnc.Lif((10,), vth=9, dv=2048))
    return snnc.Network("events", 3, snnc.Input((1, 8, 8), 0, 1), (hidden, output), "spikes")


def digits(count: int, *, events: bool) -> Split:
    """Return test digits; as events, a pixel fires at step t if it is brighter than 4 t."""
    split = load_dataset("digits").test.first(count)
    if not events:
        return split
    bright = np.stack([split.samples > 4 * t for t in range(1, 4)]).astype(np.int16)
    return Split(bright, split.labels)


def row(name: str, files: list[Path], engines: list[str], split: Split) -> list[str]:
    """Verify one file and return its cells: mismatching spikes and membranes of each engine that can run it."""
    subject, _ = load_subject(*files)
    able, _ = choose(subject, [])
    cells = []
    for engine in engines:
        if engine not in able or (engine in ("lava", "netx") and files[0].suffix != ".net"):
            cells.append("")
            continue
        verdict = snnc.verify(subject, split, [engine])
        cells.append(str(sum(layer.mismatches + (layer.max_abs_dv > 0) for layer in verdict.layers)))
    return [name, files[0].suffix, *cells]


def main() -> None:
    """Print the table."""
    engines = [
        name for name in ENGINES if name not in ("reference", "tensor", *([] if "--lava" in sys.argv else ["lava", "netx"]))
    ]
    print("| network | file |", " | ".join(engines), "|")
    print("|---" * (len(engines) + 2) + "|")
    wrong = False
    with tempfile.TemporaryDirectory() as name:
        for title, width in (("cifarnet", 1 / 32), ("mlp", 0.03), ("events", 0)):
            folder = Path(name) / title
            folder.mkdir()
            checkpoint = [trained(folder, title, width)] if width else []
            network = load_subject(*checkpoint)[0].network if checkpoint else event_network()
            files = checkpoint + [
                export_file(network, target, folder / f"model{suffix}") for target, suffix in SUFFIXES.items()
            ]
            for file in files:
                cells = row(title, [file], engines, digits(5, events=not checkpoint))
                wrong |= any(cell not in ("", "0") for cell in cells[2:])
                print("|", " | ".join(cells), "|", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
