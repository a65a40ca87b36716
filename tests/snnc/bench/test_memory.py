"""The peak of what ran inside, not of what ran before."""

import subprocess
import sys

import pytest

# A process of its own: in one that has run other tests, other threads give memory back in between.
SCRIPT = """
import numpy as np
from snnc.bench.memory import peak_mib

np.ones(1000, np.uint8).sum()
with peak_mib() as nothing:
    before = nothing()
with peak_mib() as peak:
    np.ones(2**26, np.uint8).sum()
    high = peak()
with peak_mib() as later:
    print(before, high, later())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak can be set back on Linux only")
def test_a_large_array_is_seen_and_forgotten() -> None:
    printed = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    before, high, later = map(float, printed.split())
    assert before + 50 < high < before + 200
    assert later < high - 40
