"""Delays, cycles, decays of each neuron's own and wide weights as ONNX graphs, against the reference, and read back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_samples, seeds
from random_recurrence import random_recurrent_network

import snnc
from snnc.export import TARGETS
from snnc.export.onnx.runner import run_onnx
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate

pytest.importorskip("onnx")


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_graphs_equal_the_reference(seed: int) -> None:
    network = random_recurrent_network(seed)
    samples = random_samples(network, 2, timed=seed % 3 > 0, seed=seed)
    expected, found = simulate(network, samples), run_onnx(network, samples)
    for layer in network.layers:
        assert np.array_equal(found.spikes[layer.name], expected.spikes[layer.name]), layer.name
        assert np.array_equal(found.membranes[layer.name], expected.membranes[layer.name]), layer.name


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    network = random_recurrent_network(seed)
    path = tmp_path_factory.mktemp("onnx") / "a.onnx"
    path.write_bytes(TARGETS["onnx"].content(network, TARGETS["onnx"].options()))  # also where a sum could overflow
    assert TARGETS["onnx"].read(path) == network


def test_a_layer_that_only_a_later_one_feeds_runs(tmp_path: Path) -> None:
    first = Layer("a", (Dense("b", [[300]], 2),), Lif((1,), 1, 0))
    second = Layer("b", (Dense("input", [[3]]), Dense("a", [[-700]])), Lif((1,), 1, 0))
    network = Network("n", 7, Input((1,), 0, 1), (first, second), "spikes")
    samples = np.ones((7, 2, 1), int)
    assert np.array_equal(run_onnx(network, samples).spikes["a"], simulate(network, samples).spikes["a"])
    assert simulate(network, samples).spikes["a"].any()
    assert snnc.read_network(snnc.export(network, "onnx", tmp_path / "a.onnx")) == network
