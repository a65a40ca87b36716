"""Calibrated random networks: CIFARNet's shape, the firing rate that was asked for, and provably sound numbers."""

import numpy as np
import pytest

from snnc.bench.synthetic import synthetic_cifarnet, synthetic_images
from snnc.models.cifarnet import CIFARNET
from snnc.models.notation import parse
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.simulate.reference import simulate


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_every_hidden_layer_fires_at_the_rate(rate: float) -> None:
    network = synthetic_cifarnet(1 / 8, rate=rate, side=16, seed=3)
    trace = simulate(network, synthetic_images(network.input, 4))
    rates = {name: spikes.mean() for name, spikes in trace.spikes.items()}
    assert rates.pop("readout") == 0
    assert list(rates) == [name for name, _, _ in parse(CIFARNET).named()]
    assert all(0.3 * rate < measured < 2 * rate for measured in rates.values()), rates
    prove(network)
    assert network.truncation_free


def test_weights_are_ternary_inside_and_graded_at_the_ends() -> None:
    layers = synthetic_cifarnet(1 / 16, side=8).layers
    values = [set(np.unique(layer.synapses[0].weight)) for layer in layers]
    assert all(found == {-1, 0, 1} for found in values[1:-1])
    assert max(values[0]) == 7
    assert max(values[-1]) > 100


def test_a_seed_is_a_network() -> None:
    assert synthetic_cifarnet(1 / 16, side=8, seed=1) == synthetic_cifarnet(1 / 16, side=8, seed=1)
    assert synthetic_cifarnet(1 / 16, side=8, seed=1) != synthetic_cifarnet(1 / 16, side=8, seed=2)


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="firing rate 1.5 is not between 0 and 1"):
        synthetic_cifarnet(rate=1.5)
