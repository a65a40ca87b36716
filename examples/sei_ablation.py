"""What shortcuts, distillation and self-ensemble are worth to a network of binary weights, on the digits that come with snnc.

    python examples/sei_ablation.py --seeds 12 --output docs/results/sei.json

Trains every row from every seed and keeps each result at once; a second call goes on where the first was stopped.
`docs/sei_tables.py` makes the tables and the figure of docs/sei.md from the file.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import snnc
from snnc.experiments.plan import CHIP, Plan
from snnc.experiments.runs import run_plan
from snnc.toolchain.training.train import Training

COUNTED = 64  # test samples whose spikes and synaptic operations are counted
BASE = snnc.TrainConfig().replaced(
    data="digits",
    model="resnet",
    width=0.125,
    timesteps=2,
    weights="binary-centered",
    method="sei",
    epochs_float=6,
    epochs_quantized=6,
    epochs_integer=3,
    batch_size=64,
    lr=0.01,
)
PLAIN: dict[str, Any] = {"method": "baseline"}
# Not the full grid of 4 x 2 x 2 x 2: each row differs from the first one or from the plain one in one thing.
ROWS: dict[str, dict[str, Any]] = {
    "conv, KD, SE": {},
    "none, KD, SE": {"shortcuts": "none"},
    "block, KD, SE": {"shortcuts": "block"},
    "both, KD, SE": {"shortcuts": "both"},
    "conv, SE": {"distill": 0.0},
    "conv, KD": {"ensemble": 0.0},
    "conv, baseline": PLAIN,
    "none, baseline": {**PLAIN, "shortcuts": "none"},
    "conv, tna": {"method": "tna", "alpha": 1e-3},
    "conv, KD, SE, T = 5": {"timesteps": 5},
    "conv, baseline, T = 5": {**PLAIN, "timesteps": 5},
}


def cost(training: Training, moment: str) -> dict[str, float]:
    """Return what one sample costs on the chip: parameters, spikes and synaptic operations."""
    if moment != CHIP:
        return {}
    network = snnc.lower(training.base, training.dataset.labels)
    samples = training.dataset.test.samples[:COUNTED].astype(np.int64) - network.input.zero_point
    trace = snnc.simulate(network, samples)
    operations = 0
    for layer in network.layers:
        for synapse in layer.synapses:
            if synapse.source != "input":  # the encoder's work is the same everywhere
                spikes = trace.spikes[synapse.source].reshape(-1, *network.shapes[synapse.source])
                operations += int(reached(synapse).sums(spikes).sum())
    return {
        "parameters": sum(weight.numel() for weight in training.base.parameters()),
        "spikes": sum(int(each.sum()) for each in trace.spikes.values()) / len(samples),
        "operations": operations / len(samples),
    }


def reached(synapse: snnc.Conv | snnc.Dense) -> snnc.Conv | snnc.Dense:
    """Return a synapse that counts which neurons a spike reaches."""
    ones = (synapse.weight != 0).astype(np.int64)
    if isinstance(synapse, snnc.Dense):
        return snnc.Dense(synapse.source, ones)
    return snnc.Conv(synapse.source, ones, synapse.stride, synapse.padding)


def main() -> None:
    """Train what is missing and print a line for each row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each row")
    parser.add_argument("--processes", type=int, default=1, help="runs at once")
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS), help="rows to train; default: all")
    parser.add_argument("--smoke", action="store_true", help="one epoch of each phase, two rows: to see that it runs")
    parser.add_argument("--output", default="sei.json", help="file of results")
    options = parser.parse_args()
    base, rows = BASE, {name: ROWS[name] for name in options.rows}
    if options.smoke:
        base = BASE.replaced(width=0.03, epochs_float=1, epochs_quantized=1, epochs_integer=1)
        rows = {name: ROWS[name] for name in ("conv, KD, SE", "conv, baseline")}
    results = run_plan(
        Plan(base, rows, range(options.seeds), measure="sei_ablation:cost"), options.output, processes=options.processes
    )
    for row in rows:
        accuracies = [run.chip.accuracy for run in results.of(row)]
        print(f"{row:24s} {np.mean(accuracies):6.2f} %")


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(Path(__file__).parent))
    main()
