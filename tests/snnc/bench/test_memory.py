"""The peak of what ran inside, not of what ran before."""

import sys

import numpy as np
import pytest

from snnc.bench.memory import peak_mib


@pytest.mark.skipif(sys.platform != "linux", reason="the peak can be set back on Linux only")
def test_a_large_array_is_seen_and_forgotten() -> None:
    with peak_mib() as nothing:
        before = nothing()
    with peak_mib() as peak:
        np.ones(2**26, np.uint8).sum()
        high = peak()
    assert before + 50 < high < before + 200
    with peak_mib() as later:
        assert later() < high - 40
