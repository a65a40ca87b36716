"""The one loop: the reference runs once, every engine is compared, and none can end the verdict of the others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network, random_samples

from snnc.files import load_subject
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.errors import CannotExport, DataError, EngineError, Inexact, NetworkError, SnncError
from snnc.toolchain.network.network import Input
from snnc.toolchain.simulate.frames import Frames
from snnc.toolchain.simulate.trace import Trace
from snnc.verification import verify as loop
from snnc.verification.engines import ENGINES, Engine, Subject
from snnc.verification.planning import plan
from snnc.verification.verdict import Verdict, verdict_line
from snnc.verification.verify import frames_of, verify, verifying


@pytest.fixture(scope="module")
def subject(tiny_path: Path) -> Subject:
    return load_subject(tiny_path)[0]


def run(subject: Subject, split: Split, names: list[str], *, all_samples: bool = False) -> Verdict:
    data = frames_of(subject.network, split)
    *_, verdict = verifying(subject, data, plan(subject, names, data.count, all_samples=all_samples))
    return verdict


def test_the_whole_test_split_is_equal_and_as_accurate_as_trained(subject: Subject, digits: Dataset, tiny_path: Path) -> None:
    verdict = verify(subject.network, digits.test, model=subject.model, engines=["torch"])
    checkpoint = load_subject(tiny_path)[1]
    assert checkpoint is not None
    assert verdict.equal
    assert verdict.samples == 540
    assert verdict.engines["reference"].accuracy == verdict.engines["torch"].accuracy == checkpoint.accuracy


def test_arrays_have_no_accuracy_and_take_both_forms() -> None:
    network = random_network(3)
    for timed in (False, True):
        verdict = verify(network, random_samples(network, 4, timed=timed), engines=["tensor"])
        assert verdict.equal
        assert verdict.engines["tensor"].accuracy is None
        assert verdict_line(verdict) == "EQUAL: reference = tensor on 4 samples, in every spike and membrane"


def test_every_engine_is_shown_when_it_is_there_and_the_reference_runs_once(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset
) -> None:
    ran = []
    original = ENGINES["reference"]

    def reference(subject: Subject, frames: Frames) -> Trace:
        ran.append(frames.shape[1])
        return original.run(subject, frames)

    monkeypatch.setitem(ENGINES, "reference", replace(original, run=reference))
    data = frames_of(subject.network, digits.test)
    planned = plan(subject, ["torch", "tensor"], data.count, all_samples=False)
    seen = [set(verdict.engines) for verdict in verifying(subject, data, planned)]
    assert seen[:2] == [{"reference", "tensor"}, {"reference", "tensor", "torch"}]
    assert ran == [256, 256, 28]


def wrong_at(sample: int) -> Engine:
    """An engine that is wrong about one sample's last membrane; it counts samples over batches by itself."""
    seen = [0]

    def run(subject: Subject, frames: Frames) -> Trace:
        trace, count = ENGINES["reference"].run(subject, frames), frames.shape[1]
        local = sample - seen[0]
        seen[0] += count
        if 0 <= local < count:
            trace.membranes["readout"][-1, local, 0] += 1
        return trace

    return Engine(run)


def test_a_difference_in_a_later_batch_is_found(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    monkeypatch.setitem(ENGINES, "broken", wrong_at(sample=301))
    verdict = run(subject, digits.test, ["broken"])
    assert not verdict.equal
    assert verdict.first_difference is not None
    assert (verdict.first_difference.sample, verdict.first_difference.layer) == (301, "readout")
    assert verdict.first_difference.engine == "broken"


@pytest.mark.parametrize("limit", ["BATCH_BYTES", "KEPT_BYTES"])
def test_batches_and_memory_change_nothing(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset, limit: str
) -> None:
    whole = run(subject, digits.test.first(30), ["torch", "tensor"])
    monkeypatch.setattr(loop, "BATCH_BYTES", 30_000)
    monkeypatch.setattr(loop, limit, 1)
    piecewise = run(subject, digits.test.first(30), ["torch", "tensor"])
    assert whole.layers == piecewise.layers
    assert (piecewise.traced, piecewise.engines["reference"].samples, piecewise.engines["torch"].samples) == (30, 30, 30)


def test_batches_fit_the_memory_however_many_steps() -> None:
    network = replace(random_network(3), timesteps=2**15)
    (start, stop), *others = loop.batches(network, 1000)
    assert start == 0 and 1 <= stop < 256 and others[-1][1] == 1000
    assert stop * loop.bytes_of_sample(network) <= loop.BATCH_BYTES
    assert list(loop.batches(replace(network, timesteps=1), 300)) == [(0, 256), (256, 300)]


def failing(subject: Subject, frames: Frames) -> Trace:
    raise CannotExport("there is no room")


def test_an_engine_that_fails_is_left_out_unless_it_was_named(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset
) -> None:
    for name in list(ENGINES):
        if name not in ("reference", "tensor", "fast"):
            monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], missing=lambda subject: "not today"))
    monkeypatch.setitem(ENGINES, "broken", Engine(failing))
    verdict = run(subject, digits.test.first(3), [])
    assert verdict.equal
    assert verdict.left_out["broken"] == "there is no room"
    assert "broken" not in verdict.engines
    with pytest.raises(CannotExport, match="there is no room"):
        run(subject, digits.test.first(3), ["broken", "tensor"])


def inexact_after(samples: int, *, wrong: bool = False, kind: type[SnncError] = Inexact) -> Engine:
    """An engine that gives up after so many samples, and until then is equal to the reference, or not."""
    seen = [0]

    def run(subject: Subject, frames: Frames) -> Trace:
        if seen[0] >= samples:
            raise kind("a membrane lies between the chip's values")
        trace = ENGINES["reference"].run(subject, frames)
        seen[0] += frames.shape[1]
        trace.membranes["readout"][-1, 0, 0] += wrong
        trace.spikes["fc1"][-1, 0, 0] ^= wrong
        return trace

    return Engine(run)


@pytest.mark.parametrize("wrong", [False, True])
def test_an_engine_that_finds_itself_inexact_is_left_out_even_if_it_was_named(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset, wrong: bool
) -> None:
    monkeypatch.setitem(ENGINES, "inexact", inexact_after(256, wrong=wrong))
    monkeypatch.setitem(ENGINES, "torch", replace(ENGINES["torch"], max_samples=7, throughput=None, slow=True))
    verdict = run(subject, digits.test, ["inexact", "torch"])
    assert verdict.equal
    assert verdict.left_out == {"inexact": "a membrane lies between the chip's values"}
    assert set(verdict.engines) == {"reference", "torch"}
    assert all((row.mismatches, row.max_abs_dv) == (0, 0) for row in verdict.layers)
    assert verdict.as_dict()["compared_samples"] == 7
    assert verdict.engines["reference"].samples == 540  # what nothing was compared with in the end ran alone
    assert "torch on 7 samples, in every spike and membrane; 533 samples more ran in reference alone" in verdict_line(verdict)


@pytest.mark.parametrize("after", [0, 256])
def test_nothing_is_compared_where_every_engine_is_inexact(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset, after: int
) -> None:
    monkeypatch.setitem(ENGINES, "inexact", inexact_after(after))
    verdict = verify(subject.network, digits.test, engines=["inexact"])
    assert not verdict.equal
    assert not verdict.compared
    assert verdict.left_out == {"inexact": "a membrane lies between the chip's values"}
    assert verdict_line(verdict) == (
        "NOTHING was compared, every engine was left out (inexact: a membrane lies between the chip's values)"
    )


def test_a_difference_stays_one_if_its_engine_fails_later(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset
) -> None:
    for name in list(ENGINES):
        if name not in ("reference", "tensor", "fast"):
            monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], missing=lambda subject: "not today"))
    monkeypatch.setitem(ENGINES, "broken", inexact_after(256, wrong=True, kind=CannotExport))
    verdict = run(subject, digits.test, [])
    assert not verdict.equal
    assert verdict.first_difference is not None
    assert verdict.first_difference.engine == "broken"
    assert not verdict.engines["broken"].equal


def test_the_command_says_in_one_line_that_nothing_was_compared(monkeypatch: pytest.MonkeyPatch, tiny_path: Path) -> None:
    from click.testing import CliRunner

    from snnc.cli.main import main

    monkeypatch.setitem(ENGINES, "inexact", inexact_after(0))
    result = CliRunner().invoke(main, ["simulate", str(tiny_path), "-q", "-e", "inexact"])
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert line.endswith("NOTHING was compared, every engine was left out (inexact: a membrane lies between the chip's values)")


def test_what_was_compared_is_said_per_engine(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    monkeypatch.setitem(ENGINES, "torch", replace(ENGINES["torch"], max_samples=7, throughput=None, slow=True))
    verdict = run(subject, digits.test, ["torch", "tensor"])
    assert verdict_line(verdict) == (
        "EQUAL: reference = tensor on 540 samples; torch on the first 7 samples, in every spike and membrane"
    )
    assert verdict.as_dict()["compared"] == [
        {"engines": ["reference", "tensor"], "samples": 540},
        {"engines": ["reference", "torch"], "samples": 7},
    ]
    assert (verdict.engines["torch"].samples, verdict.engines["torch"].compared) == (7, 7)
    alone = run(subject, digits.test, ["torch"])
    assert "torch on 7 samples, in every spike and membrane; 533 samples more ran in reference alone" in verdict_line(alone)


def test_a_wrong_baseline_is_found_by_the_reference(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    def wrong(subject: Subject, frames: Frames) -> Trace:
        trace = ENGINES["reference"].run(subject, frames)
        trace.membranes["fc1"][0, 3, 1] += 1
        return trace

    monkeypatch.setitem(ENGINES, "reference", replace(ENGINES["reference"], throughput=1.0))
    monkeypatch.setitem(ENGINES, "fast", Engine(wrong))
    verdict = run(subject, digits.test.first(40), ["fast"])
    assert verdict.baseline == "fast"
    assert not verdict.equal
    assert not verdict.engines["fast"].equal and not verdict.engines["reference"].equal
    assert str(verdict.first_difference).startswith("layer 'fc1', step 0, sample 3, neuron (1,): membrane is")
    assert "in reference and" in str(verdict.first_difference)


def test_read_outs_without_a_trace_are_checked(monkeypatch: pytest.MonkeyPatch, subject: Subject, digits: Dataset) -> None:
    reference = ENGINES["reference"]
    monkeypatch.setitem(ENGINES, "reference", replace(reference, throughput=1.0))
    fast = Engine(reference.run, outputs=lambda s, x: reference.run(s, x).outputs(s.network) + 1)
    monkeypatch.setitem(ENGINES, "fast", fast)
    with pytest.raises(EngineError, match="engine 'fast' gives other read-outs with a trace than without"):
        run(subject, digits.test.first(40), ["fast"])


def test_what_cannot_be_verified_is_refused(subject: Subject, digits: Dataset) -> None:
    other = replace(subject.network, input=Input((1, 8, 8), 0, 1))
    with pytest.raises(DataError, match="the network takes 0..1"):
        verify(other, digits.test, engines=["tensor"])
    last = subject.network.layers[-1]
    spiking = replace(last, neuron=replace(last.neuron, vth=0))
    network = replace(subject.network, layers=(*subject.network.layers[:-1], spiking))
    with pytest.raises(NetworkError, match="read-out membrane of neuron"):
        verify(network, digits.test)
    more = Split(digits.test.samples, digits.test.labels + 1)
    with pytest.raises(DataError, match="the data have 11 classes or more, the network has 10 outputs"):
        verify(subject.network, more)


def test_a_row_is_all_that_a_new_engine_needs(monkeypatch: pytest.MonkeyPatch, tiny_path: Path) -> None:
    """The proof of the table's promise: planned, run, compared, printed and reported by the command as it is."""
    from click.testing import CliRunner

    from snnc.cli.main import main

    made_up = Engine(ENGINES["reference"].run, max_samples=5, slow=True)
    monkeypatch.setitem(ENGINES, "made-up", made_up)
    result = CliRunner().invoke(main, ["simulate", str(tiny_path), "-e", "made-up", "-e", "tensor"])
    assert result.exit_code == 0, result.output
    assert "EQUAL: reference = tensor on 540 samples; made-up on the first 5 samples" in result.output
    shown = CliRunner().invoke(main, ["simulate", str(tiny_path), "-e", "unknown"])
    assert "made-up" in shown.output


def test_frames_of_events_keep_their_order() -> None:
    network = replace(random_network(5), timesteps=2)
    samples = random_samples(network, 2, timed=True)
    assert np.array_equal(frames_of(network, samples).part(0, len(samples[0])).frames, samples)
