"""What is proved is attacked: some networks at every run, dozens of others every day, and the attack finds what is wrong."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import proved
import pytest
from random_networks import random_network

from snnc.toolchain.network.bounds import Bounds, network_bounds
from snnc.toolchain.network.network import Network


@pytest.mark.parametrize("seed", range(4))
def test_nothing_breaks_what_is_proved(seed: int) -> None:
    assert list(proved.faults(proved.DRAWS[seed % len(proved.DRAWS)](seed), seed)) == []


@pytest.mark.slow
def test_dozens_of_networks_break_nothing() -> None:
    start = str(10**6 * datetime.now(UTC).toordinal())
    command = [sys.executable, str(Path(proved.__file__)), "--networks", "60", "--start", start]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", ["a", "u", "v", "spikes"])
def test_a_bound_that_is_too_tight_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def tightened(network: Network) -> dict[str, Bounds]:
        changes: dict[str, dict[str, Any]] = {
            name: {what: (getattr(each, what)[0],) * 2} for name, each in network_bounds(network).items()
        }
        return {name: replace(each, **changes[name]) for name, each in network_bounds(network).items()}

    monkeypatch.setattr(proved, "network_bounds", tightened)
    assert any(f": {what} leaves its bounds" in each for each in proved.faults(random_network(3), 3))
