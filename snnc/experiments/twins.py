"""Twins of a small CIFARNet on 500 images of MNIST: `python -m snnc.experiments.twins docs/results/twins.json`.

Nothing is chosen: both values of alpha train from all seeds and count as a claim each. A call goes on where the one before was
stopped; `docs/tables.py` makes the tables of docs/methods.md.
"""

import sys
from typing import Any

import torch

from snnc.experiments.plan import Plan
from snnc.experiments.runs import run_plan
from snnc.toolchain.training.config import TrainConfig

BASE = TrainConfig(data="mnist-5k:500", model="cifarnet", width=1 / 16, batch_size=64).replaced(
    epochs_float=20, epochs_quantized=15, epochs_integer=8
)
ROWS: dict[str, dict[str, Any]] = {
    "T-SNN": {"method": "baseline"},
    "TNA, alpha 0.1": {"method": "tna", "alpha": 0.1},
    "TNA, alpha 1": {"method": "tna", "alpha": 1.0},
    "T-SNN, twice as long": {"method": "baseline", "epochs_float": 40, "epochs_quantized": 30, "epochs_integer": 16},
}
PLAN = Plan(BASE, ROWS, range(5))
CLAIMS = [(twins, single) for twins in list(ROWS)[1:3] for single in ("T-SNN", "T-SNN, twice as long")]

if __name__ == "__main__":
    torch.set_num_threads(1)
    run_plan(PLAN, sys.argv[1])
