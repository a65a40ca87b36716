"""What twins are worth to a small CIFARNet: `python -m snnc.experiments.twins mnist docs/results/twins.json`.

On 500 images of MNIST nothing is chosen: both values of alpha train from all seeds and count as a claim each. On held-out
training images, `digits` compares values of alpha, for the default, `integer` lengths of the integer phase, and `settings`
thresholds of ternary weights and dropout. A call goes on where the one before was stopped; `docs/tables.py` makes the tables
of docs/methods.md.
"""

import sys
from typing import Any

import torch

from snnc.experiments.plan import Plan
from snnc.experiments.runs import run_plan
from snnc.toolchain.training.config import TrainConfig

MNIST = TrainConfig(data="mnist-5k:500", model="cifarnet", width=1 / 16, batch_size=64).replaced(
    epochs_float=20, epochs_quantized=15, epochs_integer=8
)
ROWS: dict[str, dict[str, Any]] = {
    "T-SNN": {"method": "baseline"},
    "TNA, alpha 0.1": {"method": "tna", "alpha": 0.1},
    "TNA, alpha 1": {"method": "tna", "alpha": 1.0},
    "T-SNN, twice as long": {"method": "baseline", "epochs_float": 40, "epochs_quantized": 30, "epochs_integer": 16},
}
CLAIMS = [(twins, single) for twins in list(ROWS)[1:3] for single in ("T-SNN", "T-SNN, twice as long")]
ALPHAS = (1e-3, 0.1, 1.0)
EPOCHS = (1, 2, 4, 8, 16)  # of the integer phase
PLANS = {
    "mnist": Plan(MNIST, ROWS, range(5)),
    # 252 of 1,257 training images, and 2,000 of 2,500
    "digits": Plan(TrainConfig(), {f"TNA, alpha {alpha:g}": {"alpha": alpha} for alpha in ALPHAS}, range(4), 252),
    "integer": Plan(
        MNIST.replaced(data="mnist-5k", model="mlp", method="baseline"),
        {f"{count} epochs in integers" if count > 1 else "1 epoch in integers": {"epochs_integer": count} for count in EPOCHS},
        range(10),
        2000,
    ),
    "settings": Plan(
        MNIST.replaced(data="mnist-5k", model="mlp", alpha=0.1),
        {f"delta {delta:g}": {"delta": delta} for delta in (0.05, 0.1, 0.2, 0.4)}
        | {f"dropout {dropout:g}": {"dropout": dropout} for dropout in (0.0, 0.1, 0.4)},
        range(10),
        2000,
    ),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    what, file = sys.argv[1:]
    run_plan(PLANS[what], file)
