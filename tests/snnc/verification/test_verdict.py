"""The comparison: every single difference is found, counted and named."""

import json
from dataclasses import replace
from io import StringIO
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples
from rich.console import Console

from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.tables import show_verdict
from snnc.verification.verdict import Verdict
from snnc.verification.verify import verify

NETWORK = random_network(9)
SAMPLES = random_samples(NETWORK, 3)
LABELS = np.zeros(3, np.int64)


def verdict_on(other: Trace, network: Network = NETWORK, first_sample: int = 0) -> Verdict:
    reference, verdict = simulate(network, SAMPLES), Verdict(network)
    verdict.count("reference", reference.outputs(network), LABELS, 0.0)
    verdict.count_spikes(reference)
    verdict.count("other", other.outputs(network), LABELS, 0.5, compared=3)
    verdict.compare(reference, other, first_sample)
    return verdict


def test_equal_traces_are_equal() -> None:
    verdict = verdict_on(replace(simulate(NETWORK, SAMPLES), engine="other"))
    assert verdict.equal
    assert verdict.engines["other"].equal
    assert [row.mismatches for row in verdict.layers] == [0] * len(NETWORK.layers)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_one_flipped_spike_is_found_wherever_it_is(data: st.DataObject) -> None:
    trace = simulate(NETWORK, SAMPLES)
    index = data.draw(st.integers(0, len(NETWORK.layers) - 1))
    name = NETWORK.layers[index].name
    place = tuple(data.draw(st.integers(0, size - 1)) for size in trace.spikes[name].shape)
    trace.spikes[name][place] ^= True
    verdict = verdict_on(replace(trace, engine="other"), first_sample=100)
    assert not verdict.equal
    assert not verdict.engines["other"].equal
    assert sum(row.mismatches for row in verdict.layers) == 1
    found = verdict.first_difference
    assert found is not None
    assert (found.layer, found.step, found.sample, found.neuron) == (name, place[0], 100 + place[1], place[2:])
    assert (found.what, found.got, found.engine) == ("spike", int(trace.spikes[name][place]), "other")


def test_a_membrane_that_is_off_by_one_is_found() -> None:
    trace = simulate(NETWORK, SAMPLES)
    name = NETWORK.layers[0].name
    trace.membranes[name][0, 2] += 1
    verdict = verdict_on(replace(trace, engine="other"))
    assert (verdict.layers[0].mismatches, verdict.layers[0].max_abs_dv) == (0, 1)
    assert verdict.first_difference is not None
    assert verdict.first_difference.what == "membrane"
    assert "membrane is " in str(verdict.first_difference)


def test_the_earliest_layer_comes_first() -> None:
    trace = simulate(NETWORK, SAMPLES)
    assert len(NETWORK.layers) > 1
    for layer in NETWORK.layers:
        trace.membranes[layer.name][...] += 1
    verdict = verdict_on(replace(trace, engine="other"))
    assert verdict.first_difference is not None
    assert verdict.first_difference.layer == NETWORK.layers[0].name
    assert verdict.first_difference.step == 0


def test_extremes_of_the_membrane_do_not_overflow_the_distance() -> None:
    trace = simulate(NETWORK, SAMPLES)
    name = NETWORK.layers[0].name
    trace.membranes[name][...] = np.iinfo(np.int32).min
    assert verdict_on(replace(trace, engine="other")).layers[0].max_abs_dv > 2**30


def test_an_incomplete_trace_is_refused() -> None:
    trace = simulate(NETWORK, SAMPLES)
    del trace.spikes[NETWORK.layers[0].name]
    with pytest.raises(EngineError, match="engine 'other' returned nothing as spikes of layer"):
        verdict_on(replace(trace, engine="other"))


def test_the_json_object_has_the_promised_keys() -> None:
    trace = simulate(NETWORK, SAMPLES)
    trace.spikes[NETWORK.layers[0].name][0, 0] ^= True
    result = json.loads(json.dumps(verdict_on(replace(trace, engine="other")).as_dict()))
    assert set(result) == {
        "equal",
        "samples",
        "compared_samples",
        "baseline",
        "timesteps",
        "engines",
        "compared",
        "left_out",
        "layers",
        "silent",
        "first_difference",
    }
    assert {"accuracy", "seconds", "samples", "compared"} <= set(result["engines"]["other"])
    assert set(result["layers"][0]) == {"name", "neurons", "spikes", "mismatches", "max_abs_dv"}
    assert result["first_difference"]["layer"] == NETWORK.layers[0].name


def test_nothing_compared_is_not_equal() -> None:
    verdict = Verdict(NETWORK)
    assert not verdict.equal
    verdict.count("reference", simulate(NETWORK, SAMPLES).outputs(NETWORK), LABELS, 0.0)
    assert not verdict.equal


@pytest.mark.parametrize(("readout", "said"), [("spikes", ["a", "b"]), ("membrane", ["a"])])
def test_layers_that_never_spike_are_named(readout: Literal["spikes", "membrane"], said: list[str]) -> None:
    """A membrane read-out has to be silent."""
    layers = [Layer(n, (Dense(s, np.ones((2, 2), int)),), Lif((2,), 2**17 - 1, 2048)) for n, s in (("a", "input"), ("b", "a"))]
    network = Network("silent", 2, Input((2,), 0, 1), tuple(layers), readout)
    verdict = verify(network, np.ones((3, 2), int), engines=["tensor"])
    assert verdict.silent == said == verdict.as_dict()["silent"]
    console = Console(file=StringIO(), width=200)
    show_verdict(console, verdict)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"no neuron of {', '.join(said)} spikes on any of these samples" in text
