"""An alignment says which steps of a recording belong to which samples."""

import numpy as np

from snnc.verification.alignment import Alignment


def test_samples_follow_each_other() -> None:
    stream = np.arange(6).reshape(3, 2, 1)  # T, B, neurons
    alignment = Alignment(3, {"a": 2})
    assert alignment.expected(stream, "a", 20)[:, 0].tolist() == [0, 2, 4, 1, 3, 5]
    assert alignment.expected(stream, "a", 4)[:, 0].tolist() == [0, 2]
    assert str(alignment) == "reset every 3 steps; steps that layers are late: a 2"


def test_one_sample_goes_on_being_shown() -> None:
    stream = np.arange(4).reshape(4, 1, 1)
    assert Alignment(3, {"a": 1}).expected(stream, "a", 8)[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
