"""Pages of freed memory are reused instead of being mapped again."""

import resource
import subprocess
import sys

import pytest

from snnc.toolchain.training.freed_memory import keep_freed_memory  # before conftest replaces it

SCRIPT = """
import resource, sys
import numpy as np
from snnc.toolchain.training.freed_memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(2**23)
before = faults()
for _ in range(5):
    np.ones(2**23)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_pages_are_used_again() -> None:
    counts = {}
    for how in ("keep", "leave"):
        ran = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        counts[how] = int(ran.stdout)
    pages = 5 * 2**26 // resource.getpagesize()
    assert counts["keep"] < pages / 20
    assert counts["keep"] <= counts["leave"]


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
