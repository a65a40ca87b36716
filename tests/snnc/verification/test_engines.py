"""The table of engines, who can run what, and the loop that compares them."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnc.export import TARGETS
from snnc.export.lava.import_fixes import INSTALL
from snnc.files import load_subject
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import DataError, EngineError, NetworkError
from snnc.toolchain.network.network import Input
from snnc.toolchain.simulate.trace import Trace
from snnc.verification import engines
from snnc.verification.engines import ENGINES, Engine, Subject, choose, verify


@pytest.fixture(scope="module")
def subject(tiny_path: Path) -> Subject:
    return load_subject(tiny_path)[0]


def no_kernel() -> None:
    raise EngineError("no kernel")


def test_there_are_engines() -> None:
    assert list(ENGINES) == ["reference", "fast", "tensor", "torch", "onnx", "nir", "lava", "netx"]


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere an engine may be missing, and its tests are skipped")
def test_ci_skips_no_engine(subject: Subject) -> None:
    assert {name: engine.missing(subject) for name, engine in ENGINES.items()} == dict.fromkeys(ENGINES)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "reference"])
def test_every_engine_equals_the_reference(name: str, subject: Subject, digits: Dataset) -> None:
    if ENGINES[name].missing(subject):
        pytest.skip(f"{name} is not installed")
    verdict = verify(subject, digits.test.first(4), [name])
    assert verdict.equal
    assert set(verdict.engines) == {"reference", name}
    assert verdict.engines[name].accuracy == verdict.engines["reference"].accuracy


def test_the_whole_test_split_is_equal_and_as_accurate_as_trained(subject: Subject, digits: Dataset, tiny_path: Path) -> None:
    verdict = verify(subject, digits.test, ["torch"])
    checkpoint = load_subject(tiny_path)[1]
    assert checkpoint is not None
    assert verdict.equal
    assert verdict.samples == 540
    assert verdict.engines["reference"].accuracy == verdict.engines["torch"].accuracy == checkpoint.accuracy


def wrong_at(sample: int) -> Engine:
    """An engine that is wrong about one sample's last membrane; it counts samples over batches by itself."""
    seen = [0]

    def run(subject: Subject, samples: np.ndarray) -> Trace:
        trace = replace(ENGINES["reference"].run(subject, samples), engine="broken")
        local = sample - seen[0]
        seen[0] += len(samples)
        if 0 <= local < len(samples):
            trace.membranes["readout"][-1, local, 0] += 1
        return trace

    return Engine(run, lambda _: None)


def test_a_difference_in_a_later_batch_is_found(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    monkeypatch.setitem(ENGINES, "broken", wrong_at(sample=301))
    verdict = verify(subject, digits.test, ["broken"])
    assert not verdict.equal
    assert verdict.first_difference is not None
    assert verdict.first_difference.sample == 301
    assert verdict.first_difference.layer == "readout"


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    whole = verify(subject, digits.test.first(30), ["torch"])
    monkeypatch.setattr(engines, "BATCH_BYTES", 1)
    one_by_one = verify(subject, digits.test.first(30), ["torch"])
    assert whole.layers == one_by_one.layers
    assert one_by_one.engines["torch"].samples == 30


def test_slow_engines_run_fewer_samples(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    monkeypatch.setitem(ENGINES, "torch", replace(ENGINES["torch"], few=7, pace=None))
    watched: list[tuple[str, int]] = []
    verdict = verify(subject, digits.test, ["torch"], patient=False, watch=lambda *seen: watched.append(seen))
    assert verdict.engines["torch"].samples == 7
    assert ("torch", 7) in watched
    assert verdict.engines["reference"].samples == verdict.samples == 540
    assert verify(subject, digits.test.first(9), ["torch"]).engines["torch"].samples == 9


def test_fast_is_the_baseline_where_the_reference_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset
) -> None:
    if ENGINES["fast"].missing(subject):
        pytest.skip("no C kernel")
    monkeypatch.setitem(ENGINES, "reference", replace(ENGINES["reference"], pace=1.0))
    monkeypatch.setitem(ENGINES, "torch", replace(ENGINES["torch"], few=30, pace=None))
    verdict = verify(subject, digits.test, ["torch", "fast"], patient=False)
    assert verdict.equal
    assert verdict.baseline == "fast"
    assert {name: engine.samples for name, engine in verdict.engines.items()} == {"fast": 540, "reference": 10, "torch": 30}
    assert verdict.traced == 30
    whole = verify(subject, digits.test, ["fast"])
    assert whole.engines["reference"].accuracy == verdict.engines["fast"].accuracy
    without = verify(subject, digits.test, ["torch"], patient=False)  # nothing faster to compare with
    assert without.baseline == "reference"
    assert without.engines["torch"].samples == 10


def test_a_wrong_baseline_is_found_by_the_reference(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    def wrong(subject: Subject, samples: np.ndarray) -> Trace:
        trace = replace(ENGINES["reference"].run(subject, samples), engine="fast")
        trace.membranes["fc1"][0, 3, 1] += 1
        return trace

    monkeypatch.setitem(ENGINES, "reference", replace(ENGINES["reference"], pace=1.0))
    monkeypatch.setitem(ENGINES, "fast", Engine(wrong, lambda _: None))
    verdict = verify(subject, digits.test.first(40), ["fast"], patient=False)
    assert verdict.baseline == "fast"
    assert not verdict.equal
    assert not verdict.engines["fast"].equal
    assert str(verdict.first_difference).startswith("layer 'fc1', step 0, sample 3, neuron (1,): membrane is")
    assert "in reference and" in str(verdict.first_difference)


def test_choosing(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setattr(engines, "lava_installed", lambda: False)
    chosen, left_out = choose(subject, [])
    assert "tensor" not in chosen or ENGINES["fast"].missing(subject)
    assert "torch" in chosen
    assert left_out["lava"] == left_out["netx"] == f"Lava is not installed; get it with: {INSTALL}"
    assert choose(subject, ["torch", "reference", "torch"]) == (["torch"], {})
    with pytest.raises(
        EngineError, match="engine 'lawa' is unknown; allowed are reference, fast, tensor, torch, onnx, nir, lava, netx"
    ):
        choose(subject, ["lawa"])
    with pytest.raises(EngineError, match="engine 'torch': replays a trained model; give a .pt file"):
        choose(Subject(subject.network), ["torch"])
    with pytest.raises(EngineError, match="engine 'lava': Lava is not installed; get it with"):
        choose(subject, ["lava"])


def test_tensor_stands_in_for_fast(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setattr(engines, "load_kernel", no_kernel)
    chosen, left_out = choose(subject, ["tensor"]), choose(subject, [])
    assert chosen == (["tensor"], {})
    assert "tensor" in left_out[0]
    assert left_out[1]["fast"].startswith("no kernel")


def test_a_comparison_of_nothing_is_refused(subject: Subject, digits: Dataset) -> None:
    with pytest.raises(EngineError, match="only the reference would run, so nothing would be compared; add --engine"):
        choose(subject, ["reference"])
    with pytest.raises(EngineError, match="nothing would be compared"):
        verify(subject, digits.test, ["reference"])


def test_an_engine_that_is_named_twice_runs_once(subject: Subject, digits: Dataset) -> None:
    assert verify(subject, digits.test.first(5), ["torch", "torch"]).engines["torch"].samples == 5


@pytest.mark.lava
def test_lava_reads_the_very_file_that_is_verified(tmp_path: Path, subject: Subject, digits: Dataset) -> None:
    file = tmp_path / "other.net"
    other = replace(subject.network, name="other", timesteps=2)
    TARGETS["loihi2"].write(other, file)
    assert verify(Subject(other, files=(file,)), digits.test.first(2), ["netx"]).equal
    wrong = replace(other.layers[0], neuron=replace(other.layers[0].neuron, vth=other.layers[0].neuron.vth // 2))
    TARGETS["loihi2"].write(replace(other, layers=(wrong, *other.layers[1:])), file)
    assert not verify(Subject(other, files=(file,)), digits.test.first(2), ["netx"]).equal


def test_what_cannot_be_verified_is_refused(subject: Subject, digits: Dataset) -> None:
    other = replace(subject.network, input=Input((1, 8, 8), 0, 1))
    with pytest.raises(DataError, match="the network takes 0..1"):
        verify(replace(subject, network=other), digits.test, ["torch"])
    last = subject.network.layers[-1]
    spiking = replace(last, neuron=replace(last.neuron, vth=0))
    with pytest.raises(NetworkError, match="read-out membrane of neuron"):
        verify(
            replace(subject, network=replace(subject.network, layers=(*subject.network.layers[:-1], spiking))), digits.test, []
        )
