"""The table of engines, and who can run what: what an engine says it can, it runs, equal to the reference."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples, seeds
from random_recurrence import random_recurrent_network

from snnc.export import TARGETS
from snnc.files import load_subject
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.network.network import Network
from snnc.verification import verify as verifying
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.verify import verify

STARTS_LAVA = {"lava", "netx"}  # seconds for each run: their random networks are in tests/export/lava


@pytest.fixture(scope="module")
def subject(tiny_path: Path) -> Subject:
    return load_subject(tiny_path)[0]


def test_there_are_engines() -> None:
    assert list(ENGINES) == ["reference", "fast", "tensor", "torch", "onnx", "nir", "c", "lava", "netx"]


def test_engines_of_formats_are_named_by_their_targets() -> None:
    assert {name for target in TARGETS.values() for name in target.engines} == {"netx", "nir", "onnx", "c"}


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere an engine may be missing, and its tests are skipped")
def test_ci_skips_no_engine(subject: Subject) -> None:
    assert {name: engine.missing(subject) for name, engine in ENGINES.items()} == dict.fromkeys(ENGINES)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "reference"])
def test_every_engine_equals_the_reference(name: str, subject: Subject, digits: Dataset) -> None:
    if ENGINES[name].missing(subject):
        pytest.skip(f"{name} is not installed")
    verdict = verify(subject.network, digits.test.first(4), model=subject.model, engines=[name])
    assert verdict.equal
    assert set(verdict.engines) == {"reference", name}
    assert verdict.engines[name].accuracy == verdict.engines["reference"].accuracy


@pytest.mark.parametrize("name", [name for name in ENGINES if name not in STARTS_LAVA | {"reference", "torch"}])
@pytest.mark.parametrize("draw", [random_network, random_recurrent_network])
@settings(max_examples=10, deadline=None)
@given(seed=seeds, timed=st.booleans())
def test_what_an_engine_says_it_can_run_it_runs(name: str, draw: Callable[[int], Network], seed: int, timed: bool) -> None:
    network = draw(seed)
    if reason := ENGINES[name].missing(Subject(network)):
        assert "\n" not in reason
        return
    samples = random_samples(network, 3, timed=timed, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifying, "prove", lambda network: None)  # random networks may overflow, in all engines alike
        assert verify(network, samples, engines=[name]).equal


@pytest.mark.lava
def test_lava_reads_the_very_file_that_is_verified(tmp_path: Path, subject: Subject, digits: Dataset) -> None:
    from dataclasses import replace

    file = tmp_path / "other.net"
    other = replace(subject.network, name="other", timesteps=2)
    TARGETS["loihi2"].write(other, file)
    assert verify(other, digits.test.first(2), engines=["netx"], files=[file]).equal
    wrong = replace(other.layers[0], neuron=replace(other.layers[0].neuron, vth=other.layers[0].neuron.vth // 2))
    TARGETS["loihi2"].write(replace(other, layers=(wrong, *other.layers[1:])), file)
    assert not verify(other, digits.test.first(2), engines=["netx"], files=[file]).equal


def test_a_loud_shape_never_reaches_an_engine(subject: Subject) -> None:
    from snnc.toolchain.errors import DataError

    with pytest.raises(DataError, match="allowed are"):
        verify(subject.network, np.zeros((3, 5), int), engines=["tensor"])
