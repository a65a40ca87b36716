"""A fixed choice of samples in which each class has its share."""

import numpy as np
from numpy.typing import NDArray


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
