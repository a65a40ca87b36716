"""What differences between trainings allow to say: intervals, paired tests, corrections, and the power of a number of seeds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from statistics import mean, stdev

from scipy.stats import binom, nct
from scipy.stats import t as student

MOST_SEEDS = 10_000  # that `seeds_needed` looks at


@dataclass(frozen=True)
class Interval:
    """The mean of some values, and half of the interval that holds the true mean with the level asked for."""

    mean: float
    half: float

    def text(self, digits: int = 2, *, signed: bool = False) -> str:
        """Return `mean ± half`, or the mean alone where there is no interval."""
        shown = f"{self.mean:{'+' if signed else ''}.{digits}f}"
        return shown if isnan(self.half) else f"{shown} ± {self.half:.{digits}f}"


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean and half of its interval by Student's t; the half is NaN for a single value.

    Example:
        >>> from snnc.experiments.statistics import interval
        >>> interval([1.0, 2.0, 3.0, 4.0, 5.0]).text()
        '3.00 ± 1.96'
    """
    if len(values) < 2:
        return Interval(mean(values), nan)
    return Interval(mean(values), float(student.ppf((1 + level) / 2, len(values) - 1)) * stdev(values) / sqrt(len(values)))


def paired_t(differences: Sequence[float]) -> float:
    """Return how probable a mean difference this large is by chance: two-sided, Student's t over pairs (here: over seeds)."""
    if len(differences) < 2 or not any(differences):
        return 1.0
    spread = stdev(differences) / sqrt(len(differences))
    return float(2 * student.sf(abs(mean(differences)) / spread, len(differences) - 1)) if spread else 0.0


@dataclass(frozen=True)
class ImageTest:
    """How many images the one got right more often, how many the other, and the two-sided p-value of that."""

    better: int
    worse: int
    p: float


def mcnemar(wrong: Sequence[Collection[int]], other_wrong: Sequence[Collection[int]]) -> ImageTest:
    """Compare over images: for each seed, which images the one and the other got wrong, in the same order of seeds.

    An image counts once, for whichever was wrong on it in fewer seeds; images with as many on both sides do not count. The
    p-value is the exact binomial one (a sign test). With a single seed this is McNemar's exact test. With several it is not
    pooled over seeds as if each were new images: the same image is hard for all networks, so pooled counts would be too sure.
    It speaks about new images and these seeds; `paired_t` speaks about new seeds and these images.

    Example:
        >>> from snnc.experiments.statistics import mcnemar
        >>> mcnemar([{1}, {1}], [{1, 2}, {1, 2, 3}])
        ImageTest(better=2, worse=0, p=0.5)
    """
    excess: dict[int, int] = {}
    for one, other in zip(wrong, other_wrong, strict=True):
        for image in one:
            excess[image] = excess.get(image, 0) - 1
        for image in other:
            excess[image] = excess.get(image, 0) + 1
    better, worse = sum(value > 0 for value in excess.values()), sum(value < 0 for value in excess.values())
    p = min(1.0, 2 * float(binom.cdf(min(better, worse), better + worse, 0.5)))
    return ImageTest(better, worse, p)


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): one table in twenty, not one claim, is wrong by chance."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    corrected, least = list(chances), 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, chances[index] * (len(chances) - place)))
        corrected[index] = least
    return corrected


def power(difference: float, spread: float, seeds: int, level: float = 0.05) -> float:
    """Return how often `paired_t` finds a true difference below `level`, given the deviation of differences between seeds.

    `spread` is the standard deviation of the differences (`statistics.stdev` of them), not that of their mean.
    """
    if seeds < 2:
        return 0.0
    if not spread:
        return float(difference != 0)
    freedom, shift = seeds - 1, abs(difference) / spread * sqrt(seeds)
    bound = float(student.ppf(1 - level / 2, freedom))
    return float(nct.sf(bound, freedom, shift) + nct.cdf(-bound, freedom, shift))


def seeds_needed(difference: float, spread: float, wanted: float = 0.8, level: float = 0.05) -> int:
    """Return the fewest seeds with that power for a difference, or 0 if no number up to 10,000 has it.

    Example:
        >>> from snnc.experiments.statistics import seeds_needed
        >>> seeds_needed(0.5, 0.5)
        10
    """
    low, high = 1, 2
    while power(difference, spread, high, level) < wanted:
        low, high = high, 2 * high
        if high > 2 * MOST_SEEDS:
            return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(difference, spread, middle, level) >= wanted else (middle, high)
    return high if high <= MOST_SEEDS else 0


def detectable(spread: float, seeds: int, wanted: float = 0.8, level: float = 0.05) -> float:
    """Return the smallest true difference that so many seeds find with that power; NaN for fewer than two seeds."""
    if seeds < 2:
        return nan
    low, high = 0.0, max(spread, 1e-9)
    while power(high, spread, seeds, level) < wanted:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, spread, seeds, level) >= wanted else (middle, high)
    return high
