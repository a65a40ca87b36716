"""Files of what a network did: they hold what the reference says, whatever engine ran, and no more than fits."""

import csv
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network, random_samples

from snnc.toolchain.errors import ConfigError, DataError
from snnc.toolchain.simulate.reference import simulate
from snnc.verification import verify as loop
from snnc.verification.engines import Subject
from snnc.verification.traces import check_traces, outputs_of, save_predictions, save_traces, traced
from snnc.verification.verify import InMemory, verify


def test_the_files_hold_what_the_reference_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(4)
    monkeypatch.setattr(loop, "BATCH_BYTES", 2 * loop.bytes_of_sample(network))
    samples = random_samples(network, 5, timed=True)
    expected, labels = simulate(network, samples), np.zeros(5, np.int64)
    for engine in ("reference", "tensor"):
        subject, data = Subject(network), InMemory(samples, labels)
        trace = traced(engine, subject, data)
        np.testing.assert_array_equal(outputs_of(engine, subject, data), expected.outputs(network))
        save_traces(network, trace, tmp_path / "a.npz", labels)
        with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
            assert set(file.files) == {
                f"{kind}/{layer.name}" for kind in ("spikes", "membranes") for layer in network.layers
            } | {
                "outputs",
                "predictions",
                "labels",
            }
            for layer in network.layers:
                np.testing.assert_array_equal(file[f"spikes/{layer.name}"], expected.spikes[layer.name])
                np.testing.assert_array_equal(file[f"membranes/{layer.name}"], expected.membranes[layer.name])
            np.testing.assert_array_equal(file["predictions"], expected.outputs(network).argmax(1))
        save_predictions(network, expected.outputs(network), tmp_path / "a.csv", labels)
        rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
        assert [int(row["prediction"]) for row in rows] == expected.outputs(network).argmax(1).tolist()
        assert [int(row["output 0"]) for row in rows] == expected.outputs(network)[:, 0].tolist()


def test_outputs_and_labels_that_do_not_fit_are_refused_before_a_file_is_written(tmp_path: Path) -> None:
    network = random_network(4)
    trace = simulate(network, random_samples(network, 3))
    outputs, path = trace.outputs(network), tmp_path / "a.csv"
    for networks, others, said in (
        (network, outputs[:, :-1], "are not those of 'random 4'; allowed is"),
        (network, outputs[0], "are not those of 'random 4'; allowed is"),
        ([], outputs, "a committee without members decides nothing"),
    ):
        with pytest.raises(DataError, match=said):
            save_predictions(networks, others, path)
    for labels in (np.zeros(2, int), np.full(3, 99)):
        with pytest.raises(DataError, match="label"):
            save_predictions(network, outputs, path, labels)
        with pytest.raises(DataError, match="label"):
            save_traces(network, trace, tmp_path / "a.npz", labels)
    assert not list(tmp_path.iterdir())


def test_other_suffixes_and_too_many_samples_are_refused(tmp_path: Path) -> None:
    network = random_network(4)
    trace = simulate(network, random_samples(network, 1))
    with pytest.raises(ConfigError, match=r"must end in \.npz"):
        save_traces(network, trace, tmp_path / "a.csv")
    with pytest.raises(ConfigError, match=r"must end in \.csv"):
        save_predictions(network, trace.outputs(network), tmp_path / "a.npz")
    check_traces(network, 100)
    with pytest.raises(
        DataError, match=r"traces of 10,000,000,000 samples take .* bytes; allowed are .*: run at most .* with --samples"
    ):
        check_traces(network, 10**10)


def test_labels_beside_samples_give_accuracies() -> None:
    network = random_network(4)
    samples = random_samples(network, 5)
    labels = simulate(network, samples).outputs(network).argmax(1)
    assert verify(network, samples, engines=["tensor"], labels=labels).engines["tensor"].accuracy == 1
    with pytest.raises(DataError, match=r"labels of shape \(4,\), int64, for 5 samples; give an integer for each"):
        verify(network, samples, engines=["tensor"], labels=labels[:4])
    with pytest.raises(DataError, match=r"labels of shape \(5,\), float64, for 5 samples; give an integer for each"):
        verify(network, samples, engines=["tensor"], labels=labels + 0.5)
    for wrong in (-1, network.classes):
        with pytest.raises(DataError, match=rf"label {wrong} is outside 0\.\.{network.classes - 1}, the outputs of"):
            verify(network, samples, engines=["tensor"], labels=labels * 0 + wrong)
