"""The ways that `snnc bench` compares with compute the same read-outs, or refuse."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from snnc.bench.baselines import BASELINES
from snnc.bench.synthetic import synthetic_cifarnet, synthetic_images
from snnc.toolchain.errors import EngineError
from snnc.toolchain.native.library import built
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate


def test_there_are_rivals() -> None:
    assert list(BASELINES) == ["torch_float32", "onednn_int8"]


@pytest.fixture(autouse=True)
def torch_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("images", [3, 8, 10])
def test_every_rival_equals_the_reference(name: str, images: int) -> None:
    if name == "onednn_int8" and not built():
        pytest.skip("no C kernel")
    network = synthetic_cifarnet(1 / 16, rate=0.2, side=8)
    samples = synthetic_images(network.input, images)
    assert np.array_equal(BASELINES[name](network, 2).outputs(samples), simulate(network, samples).outputs(network))


@pytest.mark.parametrize("name", BASELINES)
def test_what_a_rival_cannot_run_is_refused(name: str) -> None:
    network = synthetic_cifarnet(1 / 16, side=8)
    last = network.layers[-1]
    twice = replace(last, synapses=(*last.synapses, Dense("fc2", last.synapses[0].weight)))
    with pytest.raises(EngineError, match="layer 'readout': comparisons need one synapse per layer, one bias"):
        BASELINES[name](replace(network, layers=(*network.layers[:-1], twice)), 2)
