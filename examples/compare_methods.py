"""The methods of Deckers et al. 2024 (arXiv 2409.15849) against each other: 500 training images of MNIST, 2,500 to test.

    python examples/compare_methods.py                                   # what docs/methods.md shows
    python examples/compare_methods.py --model cifarnet --seeds 10 --processes 2 --folder cifarnet

Settings are chosen on a validation part: 500 images train, 2,000 others of the training half validate. Then every method trains
with them on `mnist-5k:500`, and the test half is looked at once. Each file of results holds what has been trained; another call
goes on where the last was stopped. docs/methods.py makes the tables.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from snnc.experiments.plan import Plan
from snnc.experiments.results_file import Results
from snnc.experiments.runs import run_plan
from snnc.toolchain.training.config import TrainConfig

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"model": "mlp", "width": 1 / 16},
    "cifarnet": {"model": "cifarnet", "width": 1 / 16, "image_size": 12},
}
VALIDATION = 2000  # of the 2,500 images of the training half; the rest, 500, trains
ALPHAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
RATES = (5e-4, 2e-3, 8e-3)  # learning rates of the integer phase
Rows = dict[str, dict[str, Any]]


def main() -> None:
    """Choose alpha and the learning rate of the integer phase on validation images, then train all rows."""
    options = arguments()
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    first = base(options.model, options.epochs)

    def trained(name: str, rows: Rows, seeds: int, settings: TrainConfig, held_out: int = 0) -> Results:
        plan = Plan(settings, rows, range(seeds), held_out)
        print(f"{name}: {len(rows)} rows, {seeds} seeds", flush=True)
        return run_plan(plan, folder / f"{name}.json", processes=options.processes, say=say)

    whole = first.replaced(data="mnist-5k")
    rate = chosen(trained("validation_rate", rate_rows(), options.validation_seeds, whole, VALIDATION), rate_rows())
    whole = whole.replaced(lr_integer=rate["lr_integer"])
    last = first.replaced(lr_integer=rate["lr_integer"])
    alpha = chosen(trained("validation_alpha", alpha_rows(), options.validation_seeds, whole, VALIDATION), alpha_rows())[
        "alpha"
    ]
    trained("methods", main_rows(alpha), options.main_seeds, last)
    taught = chosen(trained("validation_kd_ce", kd_rows(), options.validation_seeds, whole, VALIDATION), kd_rows())["alpha"]
    trained("methods", main_rows(alpha) | other_rows(alpha, taught, first), options.seeds, last)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="mlp")
    parser.add_argument("--epochs", type=int, nargs=3, default=(20, 15, 8), help="at full precision, quantized, in integers")
    parser.add_argument("--validation-seeds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--main-seeds", type=int, default=12, help="of FP, T and their twins")
    parser.add_argument("--processes", type=int, default=1, help="each has one thread")
    parser.add_argument("--folder", default="docs/results")
    return parser.parse_args()


def base(model: str, epochs: tuple[int, int, int]) -> TrainConfig:
    """Return what all rows share."""
    floats, quantized, integers = epochs
    return TrainConfig(data="mnist-5k:500", batch_size=64).replaced(
        **MODELS[model], epochs_float=floats, epochs_quantized=quantized, epochs_integer=integers
    )


def rate_rows() -> Rows:
    """Return the rows that the learning rate of the integer phase is chosen among."""
    return {f"integer phase at {rate:g}": {"method": "baseline", "lr_integer": rate} for rate in RATES}


def alpha_rows() -> Rows:
    """Return the rows that the alpha of twins is chosen among."""
    return {f"TNA, alpha {alpha:g}": {"method": "tna", "alpha": alpha} for alpha in ALPHAS}


def kd_rows() -> Rows:
    """Return the rows that the alpha of distillation beside cross-entropy is chosen among."""
    return {f"KD+CE, alpha {alpha:g}": {"method": "kd-ce", "alpha": alpha} for alpha in (1e-3, 1e-1, 10.0)}


def chosen(results: Results, rows: Rows) -> Mapping[str, Any]:
    """Return the settings of the row that is the best one on the chip, on validation images."""
    return max(rows.items(), key=lambda row: mean(run.chip.accuracy for run in results.of(row[0])))[1]


def main_rows(alpha: float) -> Rows:
    """Return the rows that are trained from the most seeds: what the paper claims of twins."""
    return {
        "FP-SNN": {"method": "baseline", "weights": "float"},
        "T-SNN": {"method": "baseline"},
        "TNA FP-SNN": {"method": "tna", "weights": "float", "alpha": alpha},
        "TNA T-SNN": {"method": "tna", "alpha": alpha},
    }


def other_rows(alpha: float, taught: float, settings: TrainConfig) -> Rows:
    """Return the other rows; a single network also trains twice as long, which costs what two together do."""
    floats, quantized, integers = settings.epochs_float, settings.epochs_quantized, settings.epochs_integer
    longer = {"epochs_float": 2 * floats, "epochs_quantized": 2 * quantized, "epochs_integer": 2 * integers}
    return {
        "T-SNN, twice as long": {"method": "baseline", **longer},
        "B-SNN": {"method": "baseline", "weights": "binary"},
        "KD T-SNN": {"method": "kd"},
        "KD+CE T-SNN": {"method": "kd-ce", "alpha": taught},
        "TNA3 T-SNN": {"method": "tna3", "alpha": alpha},
        "T-SNN from the start": {"method": "baseline", "epochs_float": 0, "epochs_quantized": floats + quantized},
    }


def say(line: str) -> None:
    """Print a line at once, also into a file."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
