"""Accuracy and spikes over time steps are those of the network with so many steps, however they are computed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import snnc
from snnc.evaluation.timesteps import over_timesteps
from snnc.toolchain.network.readout import ReadOutKind


@pytest.mark.parametrize("readout", ["spikes", "first-spike"])
@pytest.mark.parametrize("name", ["digits", "digits-events"])
def test_every_row_is_a_simulation_of_so_many_steps(tmp_path: Path, name: str, readout: ReadOutKind) -> None:
    data = snnc.load_dataset(name, 3)
    inputs, rng = int(np.prod(data.input.shape)), np.random.default_rng(0)
    first = snnc.Layer("fc", (snnc.Dense("input", rng.integers(-2, 3, (12, inputs))),), snnc.Lif((12,), 9, 2048))
    last = snnc.Layer("out", (snnc.Dense("fc", rng.integers(-1, 2, (10, 12))),), snnc.Lif((10,), 2, 2048))
    network = snnc.Network("a", 3, data.input, (first, last), readout, data.labels)
    found = over_timesteps(snnc.export(network, "onnx", tmp_path / "a.onnx"), name, 60, [1, 3, 6])
    assert found.trained == 3
    for row in found.rows:
        at = replace(network, timesteps=row.timesteps)
        split = snnc.load_dataset(name, row.timesteps).test.first(60)
        trace = snnc.simulate(at, snnc.chip_input(split, at.input))
        assert row.accuracy == np.mean(trace.outputs(at).argmax(1) == split.labels)
        assert row.spikes == sum(each.sum() for each in trace.spikes.values()) / 60
    assert found.rows[0].spikes < found.rows[2].spikes
    if readout == "first-spike":
        with pytest.raises(snnc.SnncError, match=r"a\.onnx: 30 time steps are more than the 24"):
            over_timesteps(tmp_path / "a.onnx", name, 60, [1, 30])
