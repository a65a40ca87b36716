"""Intervals, tests and power: against numbers worked out elsewhere, and against each other."""

from math import isnan

import numpy as np
import pytest
from scipy.stats import ttest_rel

from snnc.experiments.statistics import Interval, detectable, holm, interval, mcnemar, paired_t, power, seeds_needed


def test_the_interval_is_students() -> None:
    # mean 3, deviation 1.5811, t(0.975, 4) = 2.7764
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0]).text() == "3.00 ± 1.96"
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0]).text(1, signed=True) == "+3.0 ± 2.0"


def test_one_value_has_no_interval() -> None:
    assert isnan(interval([2.0]).half)
    assert interval([2.0]).text() == "2.00"
    assert Interval(1.0, 0.5).text() == "1.00 ± 0.50"


def test_significance_is_a_paired_t_test() -> None:
    one, other = [94.0, 95.5, 93.0, 96.0], [93.5, 95.0, 93.5, 94.0]
    assert paired_t([a - b for a, b in zip(one, other, strict=True)]) == pytest.approx(ttest_rel(one, other).pvalue)
    assert [paired_t(each) for each in ([0.0, 0.0], [1.0], [1.0, 1.0])] == [1.0, 1.0, 0.0]


def test_one_seed_is_mcnemars_exact_test() -> None:
    # 10 discordant images, 1 and 9: 2 * (C(10,0) + C(10,1)) / 2^10
    found = mcnemar([{0, 50, 51}], [{*range(1, 10), 50, 51}])
    assert (found.better, found.worse) == (9, 1)
    assert found.p == pytest.approx(22 / 1024)
    assert mcnemar([{1}], [{1}]).p == 1.0


def test_an_image_counts_once_however_many_seeds_agree_on_it() -> None:
    pooled = mcnemar([set()] * 8, [{7}] * 8)
    assert (pooled.better, pooled.worse, pooled.p) == (1, 0, 1.0)
    assert mcnemar([{1}, {2}], [{2}, {1}]) == mcnemar([set()], [set()])  # as often wrong on both sides: no evidence


def test_many_claims_need_stronger_evidence() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_power_is_the_share_of_experiments_that_find_it() -> None:
    random = np.random.default_rng(0)
    found = sum(paired_t(list(random.normal(0.5, 0.6, 8))) < 0.05 for _ in range(2000)) / 2000
    assert power(0.5, 0.6, 8) == pytest.approx(found, abs=0.03)
    assert power(0.0, 0.6, 8) == pytest.approx(0.05, abs=1e-6)
    assert [power(1.0, 1.0, 1), power(1.0, 0.0, 3), power(0.0, 0.0, 3)] == [0.0, 1.0, 0.0]


def test_seeds_and_differences_belong_together() -> None:
    seeds = seeds_needed(0.5, 0.6)
    assert power(0.5, 0.6, seeds) >= 0.8 > power(0.5, 0.6, seeds - 1)
    assert detectable(0.6, seeds) <= 0.5 < detectable(0.6, seeds - 1)
    assert seeds_needed(1e-9, 1.0) == 0  # more than anybody trains
    assert isnan(detectable(0.6, 1))
