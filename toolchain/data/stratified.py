"""A fixed choice of samples in which each class has its share."""

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.named import Named
from snnc.toolchain.errors import DataError

TEST, SEED = 0.2, 0  # of a user's own data without test samples, unless its name states others


def stratified(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.bool_]:
    """Return a mask that chooses `count` samples at random, of each class the share that it has in all, up to rounding.

    Of one seed, a smaller choice is part of a larger one.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))  # of each sample within its class, as a share: the first of every class come first
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    rank = np.lexsort((np.argsort(order), place))
    mask = np.zeros(len(labels), bool)
    mask[rank[:count]] = True
    return mask


def divided(name: Named, labels: NDArray[np.int64]) -> tuple[Named, NDArray[np.bool_]]:
    """Return a mask of the samples that test, the share that `name` states, and the name with what was chosen.

    Raises DataError for a share that leaves too few samples to test or to train.
    """
    share = TEST if name.stated.test is None else name.stated.test
    seed = SEED if name.stated.seed is None else int(name.stated.seed)
    count = round(share * len(labels))
    if not 1 <= count <= len(labels) - 2:
        raise DataError(
            f"data {name.place}: a share of {share:g} of {len(labels)} samples leaves {count} to test and the others to "
            "train; at least 1 and 2 are needed: add more, or state another share, as NAME:test=0.5"
        )
    return name.with_stated(test=share, seed=seed), stratified(labels, count, seed)
