"""The interval of an accuracy, and the confusion matrix."""

import numpy as np
import pytest
from report_runs import small_run

from snnc.report.accuracy import accuracy_of, wilson
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.simulate.reference import simulate
from snnc.verification.engines import samples_of
from snnc.verification.verdict import Verdict


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (correct, samples), expected in published.items():
        assert wilson(correct, samples) == pytest.approx(expected, abs=5e-5)
    assert wilson(20, 20)[1] == 1


def test_the_confusion_matrix_counts_every_sample_once() -> None:
    run = small_run()
    found = accuracy_of(run.verdict)
    assert found is not None
    network = run.subject.network
    frames, labels = run.samples.part(0, run.samples.count).frames, np.arange(12) % network.classes
    decided = decisions(network, simulate(network, samples_of(network, frames)).outputs(network))
    confusion = np.array(found["confusion"])
    assert confusion.sum() == found["samples"] == 12
    assert np.trace(confusion) == found["correct"] == (decided == labels).sum()
    assert all(confusion[a, b] == ((labels == a) & (decided == b)).sum() for a, b in np.ndindex(confusion.shape))


def test_without_labels_there_is_no_accuracy() -> None:
    network = small_run().subject.network
    verdict = Verdict(network)
    verdict.count("reference", np.zeros((2, network.classes), np.int64), None, 0.1)
    assert accuracy_of(verdict) is None
