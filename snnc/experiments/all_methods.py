"""Every training method on the same data and budget: `python -m snnc.experiments.all_methods docs/results/all_methods.json`.

Accuracy and calibration of each network on the chip and, from the first seed, the engines that agree with it. A call goes on
where the one before was stopped; `docs/tables.py` makes the table of docs/methods.md.
"""

import sys
from typing import Any

import torch

from snnc.experiments.calibration import calibration
from snnc.experiments.plan import CHIP, Plan
from snnc.experiments.runs import run_plan
from snnc.toolchain.errors import SnncError
from snnc.toolchain.lower import lower
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.train import Training
from snnc.verification.verify import verify

COMPARED = 50  # test samples in every engine
BASE = TrainConfig(data="mnist-5k:500", model="mlp", width=1 / 16, batch_size=64).replaced(
    epochs_float=20, epochs_quantized=15, epochs_integer=8
)
# Weights are those of each method's own paper; alpha was chosen on validation images, see docs/methods.md.
ROWS: dict[str, dict[str, Any]] = {
    "baseline": {"method": "baseline"},
    "tna": {"method": "tna", "alpha": 0.1},
    "tna3": {"method": "tna3", "alpha": 0.1},
    "kd": {"method": "kd"},
    "kd-ce": {"method": "kd-ce", "alpha": 0.1},
    "sei": {"method": "sei", "weights": "binary-centered"},
    "bisnn-st": {"method": "bisnn-st"},
    "bisnn-bayes": {"method": "bisnn-bayes"},
}
PLAN = Plan(BASE, ROWS, range(5), measure="snnc.experiments.all_methods:calibrated_and_verified")


def calibrated_and_verified(training: Training, moment: str) -> dict[str, Any]:
    """Return the measures of `calibration` and, on the chip and from the first seed, which engines are equal.

    Raises:
        SnncError: if an engine differs.
    """
    if moment != CHIP:
        return {}
    found = calibration(training, moment)
    if training.config.seed == 0:
        found["engines"] = _equal_engines(training)
    return found


def _equal_engines(training: Training) -> list[str]:
    network = lower(training.base, training.dataset.labels)
    verdict = verify(network, training.dataset.test.first(COMPARED), model=training.base)
    if not verdict.equal:
        raise SnncError(f"method {training.config.method!r}: {verdict.first_difference}")
    return [name for names in verdict.extents.values() for name in names]


if __name__ == "__main__":
    torch.set_num_threads(1)
    run_plan(PLAN, sys.argv[1])
