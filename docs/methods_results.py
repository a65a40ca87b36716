"""Tables of docs/methods.md from the JSON in docs/results/, for tables.py."""

from collections.abc import Callable
from pathlib import Path

from snnc.experiments.all_methods import PLAN
from snnc.experiments.calibration import MEMBERS
from snnc.experiments.claims import claims_table, epochs_text, means_table
from snnc.experiments.plan import CHIP, PAPER
from snnc.experiments.results_file import kept_results, read_results
from snnc.experiments.statistics import interval
from snnc.experiments.twins import CLAIMS as TWINS
from snnc.experiments.twins import PLANS

RESULTS = Path(__file__).parent / "results"
CLAIMS = [  # what the paper says is better than what, and what a twin is worth beside a longer training
    ("TNA FP-SNN", "FP-SNN"),
    ("TNA T-SNN", "T-SNN"),
    ("TNA T-SNN", "T-SNN, twice as long"),
    ("FP-SNN", "T-SNN"),
    ("T-SNN", "B-SNN"),
    ("TNA T-SNN", "KD T-SNN"),
    ("TNA T-SNN", "KD+CE T-SNN"),
    ("TNA T-SNN", "TNA3 T-SNN"),
    ("T-SNN", "T-SNN from the start"),
]
PAPERS = {  # of each method: where it is described, and the weights of its hidden layers there
    "baseline": ("no twin; the T-SNN of [2409.15849](https://arxiv.org/abs/2409.15849)", "ternary"),
    "tna": ("[2409.15849](https://arxiv.org/abs/2409.15849)", "ternary"),
    "tna3": ("ours, after [2409.15849](https://arxiv.org/abs/2409.15849)", "ternary"),
    "kd": ("[2409.15849](https://arxiv.org/abs/2409.15849), its comparison", "ternary"),
    "kd-ce": ("[2409.15849](https://arxiv.org/abs/2409.15849), its comparison", "ternary"),
    "sei": ("[2508.12609](https://arxiv.org/abs/2508.12609)", "binary, centered"),
    "bisnn-st": ("[2012.08300](https://arxiv.org/abs/2012.08300)", "binary"),
    "bisnn-bayes": ("[2012.08300](https://arxiv.org/abs/2012.08300)", "binary, a posterior"),
}


def validation() -> list[str]:
    """Return what was chosen on validation images: the settings tried, the accuracy of each, the share of the matching term."""
    rows = []
    for name in ("validation_rate", "validation_alpha", "validation_kd_ce"):
        if (RESULTS / f"{name}.json").exists():
            rows += means_table(read_results(RESULTS / f"{name}.json"))[2 if rows else 0 :]
    return rows


def methods() -> list[str]:
    """Return the accuracies of all methods on the test images."""
    return means_table(read_results(RESULTS / "methods.json"))


def twins() -> list[str]:
    """Return the accuracies of twins of a convolutional network."""
    return means_table(kept_results(RESULTS / "twins.json", PLANS["mnist"]))


def twins_claims() -> list[str]:
    """Return what twins of a convolutional network gain, at both moments."""
    results = kept_results(RESULTS / "twins.json", PLANS["mnist"])
    paper, chip = (claims_table(results, TWINS, moment) for moment in (PAPER, CHIP))
    return [*paper, "", "On the chip:", "", *chip]


def twins_digits() -> list[str]:
    """Return values of alpha on held-out digits; the integer phase, delta and dropout on held-out images of MNIST."""
    names = ("digits", "integer", "settings")
    first, *others = (means_table(kept_results(RESULTS / f"twins_{name}.json", PLANS[name])) for name in names)
    return [*first, *(row for table in others for row in table[2:])]


def all_methods() -> list[str]:
    """Return every method on the same data: its paper, weights, accuracy and calibration on the chip, engines that agree."""
    results = kept_results(RESULTS / "all_methods.json", PLAN)
    names = (
        "method",
        "paper",
        "weights",
        "seeds",
        "accuracy (%)",
        "ECE (%)",
        "ECE, scaled (%)",
        "epochs",
        "engines that agree",
    )
    rows = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for method, (paper, weights) in PAPERS.items():
        runs = results.of(method)
        engines = next((", ".join(run.chip.extra["engines"]) for run in runs if "engines" in run.chip.extra), "")
        for way, title in {"single": f"`{method}`", "committee": f"`{method}`, committee of {MEMBERS}"}.items():
            found = [run.chip.extra[way] for run in runs if way in run.chip.extra]
            if found:
                measures = ([each["accuracy"] for each in found], [each["ece"] for each in found])
                scaled = [each["scaled"]["ece"] for each in found]
                numbers = " | ".join(interval([100 * value for value in values]).text() for values in (*measures, scaled))
                epochs = epochs_text(PLAN.config(method, 0))
                equal = engines if way == "single" else "those of its members"
                rows.append(f"| {title} | {paper} | {weights} | {len(found)} | {numbers} | {epochs} | {equal} |")
    return rows


def claims_paper() -> list[str]:
    """Return which claims hold after the paper's two phases."""
    return claims_table(read_results(RESULTS / "methods.json"), CLAIMS, PAPER)


def claims_chip() -> list[str]:
    """Return which claims hold on the chip."""
    return claims_table(read_results(RESULTS / "methods.json"), CLAIMS, CHIP)


TABLES: dict[str, Callable[[], list[str]]] = {
    each.__name__: each
    for each in (validation, methods, claims_paper, claims_chip, all_methods, twins, twins_claims, twins_digits)
}
