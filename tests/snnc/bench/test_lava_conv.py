"""Lava's own convolution gives our sums, and what goes wrong is one line."""

import subprocess

import numpy as np
import pytest

from snnc.bench import lava_conv
from snnc.bench.lava_conv import time_convolutions
from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.synapse import Conv

RNG = np.random.default_rng(0)
JOBS = [
    Conv("a", RNG.integers(-1, 2, (3, 5, 3, 3)), padding=(1, 1)),
    Conv("b", RNG.integers(-9, 9, (2, 4, 3, 2)), stride=(2, 1), padding=(0, 1)),
]
SOURCES = [RNG.integers(0, 2, (5, 6, 7)), RNG.integers(0, 5, (4, 9, 6))]


@pytest.mark.lava
def test_sums_are_ours() -> None:
    timings = time_convolutions(JOBS, SOURCES)
    assert len(timings) == 2
    for timing, job, source in zip(timings, JOBS, SOURCES, strict=True):
        assert timing.seconds > 0
        assert np.array_equal(timing.sums, job.sums(source[None])[0])


def test_what_goes_wrong_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_conv, "installed", lambda: False)
    with pytest.raises(EngineError, match="Lava is not installed; get it with"):
        time_convolutions(JOBS, SOURCES)
    monkeypatch.setattr(lava_conv, "installed", lambda: True)

    def fails(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="Traceback\n  ...\nValueError: no\n")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(EngineError, match="Lava's convolution failed: ValueError: no"):
        time_convolutions(JOBS, SOURCES)

    def late(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(EngineError, match="took more than 300 s; run the benchmark without Lava"):
        time_convolutions(JOBS, SOURCES)
