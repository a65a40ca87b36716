"""Events from still images by small camera movements, as N-MNIST was made (Orchard et al. 2015, arXiv 1507.07629)."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LOOP = ((0, 0), (1, 1), (2, 1), (1, 2), (0, 2), (0, 1))  # that the camera runs along, in pixels down and right
CONTRAST = 8  # change of brightness, in quarters of a gray level, that makes an event


def saccades(images: NDArray[np.integer], timesteps: int) -> NDArray[np.int16]:
    """Return events `(T, N, 2, 2H, 2W)` of 0 and 1 from images `(N, 1, H, W)`, shown at twice their size.

    Channel 0 holds ON events (a pixel became brighter from one step to the next), channel 1 OFF events.
    """
    bright = _enlarged(images[:, 0].astype(np.int64))
    seen = [_moved(bright, LOOP[t % len(LOOP)]) for t in range(timesteps + 1)]
    change = [after - before for before, after in pairwise(seen)]
    events = [np.stack([step > CONTRAST, step < -CONTRAST], axis=1) for step in change]
    return np.stack(events).astype(np.int16)


def _enlarged(images: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return images of twice the size, interpolated, four times as bright (so that all stays whole)."""
    large = np.pad(images.repeat(2, 1).repeat(2, 2), ((0, 0), (0, 1), (0, 1)), mode="edge")
    summed: NDArray[np.int64] = large[:, :-1, :-1] + large[:, 1:, :-1] + large[:, :-1, 1:] + large[:, 1:, 1:]
    return summed


def _moved(images: NDArray[np.int64], offset: tuple[int, int]) -> NDArray[np.int64]:
    return np.roll(images, offset, axis=(1, 2))
