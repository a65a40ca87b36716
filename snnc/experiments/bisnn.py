"""The experiments of docs/bisnn.md: `python -m snnc.experiments.bisnn toys docs/results/bisnn_toys.json`, `digits`, `events`.

A call goes on where the one before was stopped.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from snnc.experiments.plan import Plan
from snnc.experiments.runs import run_plan
from snnc.experiments.toys import MEMBERS, REPEATS, TOYS, WAYS, run_toy
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.training.config import TrainConfig

SEEDS = range(5)
TOY = TrainConfig(model="mlp", timesteps=10, epochs_float=10, epochs_quantized=10, epochs_integer=5, batch_size=32, shift=0)

# The default settings of snnc but for a small dense network.
DENSE = TrainConfig(model="mlp", width=0.125)
ROWS = {
    "full precision": {"method": "baseline", "weights": "float"},
    "straight-through": {"method": "bisnn-st"},
    "Bayes": {"method": "bisnn-bayes"},
}
MEASURE = "snnc.experiments.calibration:calibration"
PLANS = {
    "digits": Plan(DENSE, ROWS, SEEDS, measure=MEASURE),
    "events": Plan(DENSE.replaced(data="digits-events"), ROWS, SEEDS, measure=MEASURE),
}


def run_toys(file: str | Path) -> None:
    """Train all toys from all seeds, and write the measures, and the maps of the first seed, after each run."""
    path = Path(file)
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": []}
    known["settings"] = {"members": MEMBERS, "spike trains of a point": REPEATS, **TOY.as_dict()}
    done = {(run["toy"], run["way"], run["seed"]) for run in known["runs"]}
    for seed in SEEDS:
        for toy in TOYS:
            for way in WAYS:
                if (toy, way, seed) in done:
                    continue
                started = time.perf_counter()
                rows = run_toy(toy, way, TOY.replaced(seed=seed))
                for found in rows.values():
                    if seed:
                        del found["map"]
                seconds = round(time.perf_counter() - started, 1)
                known["runs"].append({"toy": toy, "way": way, "seed": seed, "seconds": seconds, "rows": rows})
                write_atomically(path, _text(known).encode())
                print(toy, way, seed, seconds, flush=True)


def _text(known: dict[str, Any]) -> str:
    """Return JSON with a line for each run."""
    runs = ",\n".join(json.dumps(run) for run in known["runs"])
    return f'{{"settings": {json.dumps(known["settings"])},\n"runs": [\n{runs}\n]}}\n'


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, file = sys.argv[1:]
    if what == "toys":
        run_toys(file)
    else:
        run_plan(PLANS[what], file)
