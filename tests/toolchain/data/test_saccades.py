"""Events from saccades: binary, of two polarities, only where the picture changes, and none without a movement."""

from itertools import pairwise

import numpy as np
import pytest

from snnc.toolchain.data.saccades import LOOP, saccades


def picture() -> np.ndarray:
    image = np.zeros((2, 1, 8, 8), int)
    image[0, 0, 2:6, 3] = 16
    return image


@pytest.mark.parametrize("timesteps", [1, 2, 5, 12])
def test_events_are_binary_frames_of_two_polarities(timesteps: int) -> None:
    events = saccades(picture(), timesteps)
    assert events.shape == (timesteps, 2, 2, 16, 16)
    assert set(np.unique(events)) == {0, 1}
    assert not (events[:, :, 0] & events[:, :, 1]).any()
    assert events[:, 0].any(axis=(1, 2, 3)).all()  # a bar gives events at every step
    assert not events[:, 1].any()  # an empty picture none


def test_what_moves_in_turns_on_and_what_moves_out_turns_off() -> None:
    events = saccades(picture(), 1)[0, 0]
    assert events[0].sum() == events[1].sum() > 0
    assert events[0].nonzero()[1].mean() > events[1].nonzero()[1].mean()  # the only step goes right


def test_the_camera_never_rests() -> None:
    assert all(one != other for one, other in pairwise([*LOOP, LOOP[0]]))
