"""Results as Markdown: the means of all rows, and which claims they allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from snnc.experiments.plan import CHIP, PAPER
from snnc.experiments.results_file import Results
from snnc.experiments.statistics import Interval, detectable, holm, interval, mcnemar, paired_t, seeds_needed
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.stages import stages

Claim = tuple[str, str]  # a row, and one that it is said to be better than
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A claim against the data, over the seeds that both rows have; `p` is corrected for the number of claims.

    `better` and `worse` are numbers of images (`statistics.mcnemar`), `least` is the smallest true difference that so many
    seeds find in four of five experiments, `seeds_for_half` how many seeds half a point takes (0: more than 10,000).
    """

    claim: Claim
    seeds: int
    difference: Interval
    p: float
    better: int
    worse: int
    p_images: float
    least: float
    seeds_for_half: int

    @property
    def verdict(self) -> str:
        """What may be said."""
        if self.seeds < 2 or self.p >= LEVEL:
            return "cannot be told"
        return "holds" if self.difference.mean > 0 else "the other way round"


def compared(results: Results, claims: Sequence[Claim], moment: str) -> list[Comparison]:
    """Return a comparison for each claim of which both rows have runs of one seed at least."""
    pairs = {claim: _pairs(results, claim) for claim in claims}
    pairs = {claim: seeds for claim, seeds in pairs.items() if seeds}
    points, images = {}, {}
    for claim, seeds in pairs.items():
        one, other = ([results.runs[row][seed].at(moment) for seed in seeds] for row in claim)
        points[claim] = [a.accuracy - b.accuracy for a, b in zip(one, other, strict=True)]
        images[claim] = mcnemar([each.wrong for each in one], [each.wrong for each in other])
    corrected = holm([paired_t(points[claim]) for claim in pairs])
    corrected_images = holm([images[claim].p for claim in pairs])
    rows = []
    for claim, p, p_images in zip(pairs, corrected, corrected_images, strict=True):
        found, test = points[claim], images[claim]
        spread = stdev(found) if len(found) > 1 else float("nan")
        needed = seeds_needed(0.5, spread) if len(found) > 1 else 0
        least = detectable(spread, len(found)) if len(found) > 1 else spread
        rows.append(Comparison(claim, len(found), interval(found), p, test.better, test.worse, p_images, least, needed))
    return rows


def means_table(results: Results) -> list[str]:
    """Return the rows of a table: mean accuracy of each row at both moments with its 95 % interval, and its epochs."""
    lines = ["| | seeds | after the paper's two phases | on the chip | matching term | epochs |", "|---|---|---|---|---|---|"]
    for row in results.rows:
        runs = results.of(row)
        if runs:
            cells = [interval([run.at(moment).accuracy for run in runs]).text() for moment in (PAPER, CHIP)]
            share = 100 * mean(run.paper.matching_share for run in runs)
            cells += [f"{share:.1f} %" if share else "", epochs_text(TrainConfig.from_dict(results.rows[row]))]
            lines.append(f"| {row} | {len(runs)} | {' | '.join(cells)} |")
    return lines


def claims_table(results: Results, claims: Sequence[Claim], moment: str) -> list[str]:
    """Return the rows of a table: each claim with its difference, p-values, power and verdict."""
    lines = [
        "| claim | seeds | difference | p (Holm) | images better : worse | p of these (Holm) | 80 % power for | "
        "seeds for 0.5 | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in compared(results, claims, moment):
        better, worse = each.claim
        least, needed = (f"{each.least:.2f}", each.seeds_for_half or "> 10,000") if each.seeds > 1 else ("", "")
        lines.append(
            f"| {better} > {worse} | {each.seeds} | {each.difference.text(signed=True)} | {each.p:.3f} | "
            f"{each.better} : {each.worse} | {each.p_images:.3f} | {least} | {needed} | {each.verdict} |"
        )
    return lines


def _pairs(results: Results, claim: Claim) -> list[int]:
    one, other = (results.runs.get(row, {}) for row in claim)
    return sorted(one.keys() & other.keys())


def epochs_text(config: TrainConfig) -> str:
    """Return the epochs of all stages of a training, as `20 + 15 + 8`."""
    return " + ".join(str(stage.epochs) for stage in stages(config) if stage.epochs)
