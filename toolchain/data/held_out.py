"""A part of the training split, held out to choose settings on: the test split is not looked at."""

from dataclasses import replace

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.stratified import stratified
from snnc.toolchain.errors import DataError

ORDER = 2026  # of the random order that decides who is held out: one for all trainings


def hold_out(dataset: Dataset, count: int) -> Dataset:
    """Return a dataset whose test split is `count` samples of the training split, each class with its share of them.

    The choice is fixed. The remaining samples train, in their order. Raises DataError if one of the parts would be empty.
    """
    split = dataset.train
    if not 0 < count < len(split):
        raise DataError(f"{count} samples cannot be held out of {len(split)}; allowed are 1 to {len(split) - 1}")
    chosen = stratified(split.labels, count, ORDER)
    return replace(dataset, train=split.subset(~chosen), test=split.subset(chosen))
