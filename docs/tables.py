"""Writes the tables of pages that come from the code: `python docs/tables.py`. A test fails where a page has another."""

import re
import runpy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snnc.cli.train import PRESETS
from snnc.export import TARGETS
from snnc.toolchain.network.chips import CHIPS
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.settings import settings_of
from snnc.toolchain.training.config import TrainConfig

DOCS = Path(__file__).parent
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings() -> list[str]:
    """Return all settings of a training."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    return rows + [f"| `{each.name}` | `{each.default}` | {each.metadata['help']} |" for each in settings_of(TrainConfig)]


def presets() -> list[str]:
    """Return all presets, each with what sets it apart."""
    rows = ["| preset | data | method | epochs | batch size |", "|---|---|---|---|---|"]
    for path in sorted(PRESETS.glob("*.toml")):
        config = TrainConfig.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        epochs = f"{config.epochs_float} + {config.epochs_quantized} + {config.epochs_integer}"
        rows.append(f"| `{path.stem}` | `{config.data}` | `{config.method}` | {epochs} | {config.batch_size} |")
    return rows


def limits() -> list[str]:
    """Return the limits of all chips."""
    rows = ["| chip | limit | least | most | known from | status |", "|---|---|---|---|---|---|"]
    for chip in CHIPS.values():
        for each in chip.limits:
            rows.append(
                f"| {chip.title} | {each.what.rstrip(',:')} | {each.least:,} | {each.most:,} | {each.source} | {each.status} |"
            )
    return rows


def refusals() -> list[str]:
    """Return which formats can hold networks that use one thing each; of the dialects of NIR, `spec` alone or others too."""
    rows = ["| what | " + " | ".join(f"`{each.suffix}`" for each in TARGETS.values()) + " |", "|---" * (len(TARGETS) + 1) + "|"]
    for what, network in _networks().items():
        cells = []
        for target in TARGETS.values():
            able = [name for name, options in target.listed().items() if not target.violations(network, options)]
            cells.append("no" if not able else "`spec` only" if able == ["spec"] else "yes")
        rows.append(f"| {what} | {' | '.join(cells)} |")
    return rows


def _networks() -> dict[str, Network]:
    """Return a network for each thing that not every format can hold."""

    def dense(weight: int = 1, source: str = "input", delay: int = 0, **neuron: Any) -> Layer:
        lif = Lif((2,), **{"vth": 2, "dv": 2048, **neuron})
        return Layer(f"from {source}", (Dense(source, np.full((2, 2), weight), delay),), lif)

    def network(*layers: Layer, shape: tuple[int, ...] = (2,)) -> Network:
        return Network("", 3, Input(shape, 0, 1), layers, "spikes")

    first = dense()
    joined = Layer(
        "joined", (Dense("input", np.ones((2, 2), int)), Dense(first.name, np.ones((2, 2), int))), Lif((2,), 2, 2048)
    )
    back = Dense("loop", np.ones((2, 2), int), delay=1)
    flat = Layer("flat", (Conv("input", np.ones((1, 1, 1, 2), int)),), Lif((1, 1, 1), 2, 2048))
    return {
        "a chain of layers": network(first, dense(source=first.name)),
        "several sources of one layer (shortcuts)": network(first, joined),
        "dense weights wider than 8 bits": network(dense(200)),
        "dense weights wider than 9 bits": network(dense(300)),
        "delays": network(dense(delay=2)),
        "recurrence": network(first, Layer("loop", (*dense(source=first.name).synapses, back), first.neuron)),
        "thresholds above 131,071": network(dense(vth=2**17)),
        "biases that are no whole weight units": network(dense(bias_mantissa=1, bias_exponent=0)),
        "current memory (`du` below 4095)": network(dense(du=1024)),
        "decays of each neuron's own": network(dense(dv=[2048, 1024])),
        "kernels that are not square": network(flat, shape=(1, 1, 2)),
    }


TABLES: dict[str, Callable[[], list[str]]] = {each.__name__: each for each in (settings, presets, limits, refusals)}
for script in ("bisnn_results.py", "methods_results.py"):
    TABLES |= runpy.run_path(str(DOCS / script))["TABLES"]


def filled(text: str) -> str:
    """Return the text of a page with its tables as the code has them."""
    return MARKED.sub(lambda found: found[1] + "\n" + "\n".join(TABLES[found[2]]()) + "\n\n" + found[3], text)


if __name__ == "__main__":
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        if filled(before) != before:
            page.write_text(filled(before), encoding="utf-8")
            print(page)
