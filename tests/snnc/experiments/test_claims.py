"""Tables of results: means, differences over the seeds that both have, and verdicts that stand on enough seeds."""

from collections.abc import Sequence

import pytest

from snnc.experiments.claims import claims_table, compared, means_table
from snnc.experiments.plan import CHIP, PAPER, Measured, Run
from snnc.experiments.results_file import Results
from snnc.toolchain.training.config import TrainConfig

CLAIM = ("twins", "alone")


def measured(wrong: int, share: float = 0.0) -> Measured:
    return Measured(1000 - wrong, tuple(range(wrong)), matching_share=share)


def results(alone: Sequence[int], twins: Sequence[int]) -> Results:
    rows = {"alone": TrainConfig(method="baseline").as_dict(), "twins": TrainConfig().as_dict()}
    runs = [Run("alone", seed, 1.0, measured(500), measured(wrong)) for seed, wrong in enumerate(alone)]
    runs += [Run("twins", seed, 1.0, measured(500, 0.25), measured(wrong)) for seed, wrong in enumerate(twins)]
    return Results(rows, {"held_out": 0, "measure": ""}, runs)


def test_means_have_intervals_and_shares() -> None:
    lines = means_table(results([100, 120, 110], [50]))
    assert lines[2] == "| alone | 3 | 50.00 ± 0.00 | 89.00 ± 2.48 |  | 15 + 15 + 10 |"
    assert lines[3] == "| twins | 1 | 50.00 | 95.00 | 25.0 % | 15 + 15 + 10 |"


@pytest.mark.parametrize(
    ("alone", "twins", "verdict"),
    [
        ([100, 120, 110, 105], [50, 71, 60, 54], "holds"),
        ([50, 71, 60, 54], [100, 120, 110, 105], "the other way round"),
        ([100, 120, 110, 105], [101, 119, 113, 104], "cannot be told"),
        ([100], [50], "cannot be told"),
    ],
)
def test_a_verdict_needs_more_than_chance(alone: list[int], twins: list[int], verdict: str) -> None:
    assert compared(results(alone, twins), [CLAIM], CHIP)[0].verdict == verdict


def test_only_seeds_that_both_have_are_compared() -> None:
    found = compared(results([100, 120, 110], [50, 70]), [CLAIM, ("twins", "unknown")], CHIP)
    assert [(each.claim, each.seeds) for each in found] == [(CLAIM, 2)]
    assert found[0].difference.mean == pytest.approx(5.0)
    assert (found[0].better, found[0].worse) == (70, 0)
    assert compared(results([100, 120], [50, 70]), [CLAIM], PAPER)[0].difference.mean == 0


def test_each_claim_has_a_line() -> None:
    lines = claims_table(results([100, 120, 110, 105], [50, 71, 60, 54]), [CLAIM, CLAIM[::-1]], CHIP)
    assert len(lines) == 4  # two of the head
    assert lines[2].startswith("| twins > alone | 4 | +5.00 ± 0.13 | 0.000 | 70 : 0 |")
    assert "the other way round" in lines[3]
