"""Table 2 of Deckers et al. 2024 (arXiv 2409.15849) at a size that two cores train in under an hour, with what is significant.

    python examples/reproduce_table2.py                   # digits, 5 seeds
    python examples/reproduce_table2.py --data fashion-mnist --width 0.125 --seeds 5

Every row is trained from the same seeds. The table has the mean over the seeds with its 95 % interval (Student's t), after the
two phases of the paper and, as exported, in the chip's integers; then the differences that the paper claims, paired by seed.
"""

import argparse
import json
import sys
import tempfile
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy.stats import t as student

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.training.config import TrainConfig
from snnc.training import train

ROWS: dict[str, dict[str, Any]] = {  # name in the paper -> method, weights
    "FP-SNN": {"method": "baseline", "weights": "float"},
    "B-SNN": {"method": "baseline", "weights": "binary"},
    "T-SNN": {"method": "baseline", "weights": "ternary"},
    "TNA FP-SNN": {"method": "tna", "weights": "float"},
    "TNA T-SNN": {"method": "tna", "weights": "ternary"},
    "KD T-SNN": {"method": "kd", "weights": "ternary"},
    "KD+CE T-SNN": {"method": "kd-ce", "weights": "ternary", "alpha": 1e-5},
}
CLAIMS = [  # what the paper's table says is better than what
    ("TNA FP-SNN", "FP-SNN"),
    ("TNA T-SNN", "T-SNN"),
    ("T-SNN", "B-SNN"),
    ("FP-SNN", "T-SNN"),
    ("TNA T-SNN", "KD T-SNN"),
    ("TNA T-SNN", "KD+CE T-SNN"),
]
Results = dict[str, list[tuple[float, float]]]  # row -> for each seed: accuracy after the paper's phases, and on the chip (%)


def main() -> None:
    """Train all rows over all seeds, keeping what is done in a JSON file, and write the table."""
    options = arguments()
    base = TrainConfig(
        data=options.data,
        width=options.width,
        epochs_float=options.epochs,
        epochs_quantized=options.epochs,
        epochs_integer=max(1, options.epochs // 2),
    )
    kept = Path(options.keep)
    before = json.loads(kept.read_text()) if kept.exists() else {"config": base.as_dict(), "results": {}}
    if before["config"] != base.as_dict():
        sys.exit(f"{kept} holds results of other settings; delete it, or name another file with --keep")
    results: Results = {name: before["results"].get(name, []) for name in ROWS}
    dataset = load_dataset(base.data, base.timesteps)
    for seed in range(options.seeds):
        for name, changes in ROWS.items():
            if len(results[name]) > seed:
                continue
            config = base.replaced(seed=seed, **changes)
            with tempfile.TemporaryDirectory() as folder:
                checkpoint = train(config, Path(folder) / "model.pt", dataset=dataset)
            before = [epoch for epoch in checkpoint.history if epoch.stage == "quantized"][-1]
            results[name].append((100 * before.test_accuracy, 100 * checkpoint.accuracy))
            write_atomically(kept, json.dumps({"config": base.as_dict(), "results": results}).encode())
            print(f"seed {seed}  {name:12s} {results[name][-1][0]:.2f} %, on the chip {results[name][-1][1]:.2f} %", flush=True)
    write_atomically(options.output, table(results, base, options.seeds).encode())
    print(f"\n{table(results, base, options.seeds)}\n{options.output}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help="digits, or fashion-mnist where it can be loaded")
    parser.add_argument("--width", type=float, default=1 / 16, help="channels of CIFARNet, 1 is the paper's")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of each of the paper's two phases")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--output", default="table2.md")
    parser.add_argument("--keep", default="table2.json", help="what has been trained; a second call goes on with it")
    return parser.parse_args()


def table(results: Results, config: TrainConfig, seeds: int) -> str:
    """Return the results and the tests of the claims as Markdown."""
    lines = [
        f"CIFARNet at width {config.width:g} on {config.data}, T = {config.timesteps}, "
        f"{config.epochs_float} + {config.epochs_quantized} + {config.epochs_integer} epochs, {seeds} seeds; "
        "test accuracy in %, mean and half of the 95 % interval:",
        "",
        "| | after the paper's two phases | on the chip (integers) |",
        "|---|---|---|",
    ]
    for name, pairs in results.items():
        columns = [interval([pair[place] for pair in pairs[:seeds]]) for place in (0, 1)]
        lines.append(f"| {name} | {columns[0]} | {columns[1]} |")
    lines += [
        "",
        "| claim of the paper | difference, paired by seed | p (Holm) | significant at 5 %? |",
        "|---|---|---|---|",
    ]
    differences = [
        [one[0] - other[0] for one, other in zip(results[better][:seeds], results[worse][:seeds], strict=True)]
        for better, worse in CLAIMS
    ]
    for (better, worse), found, chance in zip(CLAIMS, differences, holm([p_value(each) for each in differences]), strict=True):
        lines.append(f"| {better} > {worse} | {interval(found, signed=True)} | {chance:.2f} | {verdict(found, chance)} |")
    return "\n".join(lines) + "\n"


def holm(chances: list[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): one table in twenty, not one claim, is wrong by chance."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    corrected, least = chances.copy(), 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, chances[index] * (len(chances) - place)))
        corrected[index] = least
    return corrected


def interval(values: list[float], *, signed: bool = False) -> str:
    """Return mean and half of the 95 % interval of the mean."""
    half = student.ppf(0.975, len(values) - 1) * stdev(values) / sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{mean(values):{'+' if signed else ''}.2f} ± {half:.2f}"


def p_value(differences: list[float]) -> float:
    """Return how probable a mean difference this large is by chance: Student's t test for pairs."""
    if len(differences) < 2 or not any(differences):
        return 1.0
    spread = stdev(differences) / sqrt(len(differences))
    return float(2 * student.sf(abs(mean(differences)) / spread, len(differences) - 1)) if spread else 0.0


def verdict(differences: list[float], chance: float) -> str:
    """Say what the test allows to say."""
    if chance >= 0.05:
        return "no"
    return "yes" if mean(differences) > 0 else "yes, the other way round"


if __name__ == "__main__":
    main()
