"""What a network did with samples, as files: every spike and membrane as `.npz`, the decisions as `.csv`."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.predictions import Committee, committee, decisions
from snnc.toolchain.output_file import check_output
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.verify import InMemory, OnDisk, batches, checked_labels

TRACES, PREDICTIONS = (".npz",), (".csv",)
MOST_BYTES = 2**32  # of all spikes and membranes of a file, uncompressed
Labels = NDArray[np.integer[Any]] | None


def save_traces(network: Network, trace: Trace, path: str | Path, labels: Labels = None) -> None:
    """Write what a simulation saw as an `.npz` file.

    Its arrays are `spikes/LAYER` (bool) and `membranes/LAYER` (int32, after reset, in 1/64 weight units), each
    `(T, N, *layer shape)`; `outputs` `(N, outputs)`, by which the network decides; `predictions` `(N,)`; and `labels` `(N,)`
    where there are any.

    Args:
        network: the integer network.
        trace: what `snnc.simulate` returned for it.
        path: the file, which ends in .npz.
        labels: the classes `(N,)` of the samples.

    Raises:
        ConfigError: for another suffix.
        DataError: for labels that are not a class for each sample.
        SnncError: if it cannot be written.

    Example:
        >>> import numpy as np, snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.save_traces(network, snnc.simulate(network, np.array([[1, 1]])), "traces.npz")
        >>> np.load("traces.npz")["membranes/fc"].shape
        (3, 1, 1)
    """
    check_output(path, TRACES)
    outputs = trace.outputs(network)
    arrays: dict[str, NDArray[Any]] = {f"spikes/{name}": array for name, array in trace.spikes.items()}
    arrays |= {f"membranes/{name}": array for name, array in trace.membranes.items()}
    arrays |= {"outputs": outputs, "predictions": decisions(network, outputs)}
    if labels is not None:
        arrays["labels"] = checked_labels(network, np.asarray(labels), len(outputs))
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def save_predictions(
    network: Network | Sequence[Network], outputs: NDArray[np.int64], path: str | Path, labels: Labels = None
) -> None:
    """Write a row for each sample as a `.csv` file: its number, its label if there is one, the prediction, and all outputs.

    Of a committee each row has, in place of the outputs, the `probability` of the class that it decides for, the `votes`, which
    are the number of members that decide for that class alone, and the probability of every class, the mean of its members'.

    Args:
        network: the integer network, or the members of a committee.
        outputs: what it decides by, `(N, outputs)`, as `Trace.outputs` returns it; of members, those of one after the other.
        path: the file, which ends in .csv.
        labels: the classes `(N,)` of the samples.

    Raises:
        ConfigError: for another suffix.
        DataError: for outputs that are not the network's or the members', no member, or labels that are not a class for each
            sample.
        NetworkError: for members that do not say how many units a logit has.
        SnncError: if it cannot be written.

    Example:
        >>> import pathlib, numpy as np, snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> trace = snnc.simulate(network, np.array([[1, 1], [0, 0]]))
        >>> snnc.save_predictions(network, trace.outputs(network), "predictions.csv")
        >>> print(pathlib.Path("predictions.csv").read_text())
        sample,prediction,class,output 0
        0,0,0,1
        1,0,0,0
        <BLANKLINE>
    """
    check_output(path, PREDICTIONS)
    networks = [network] if isinstance(network, Network) else list(network)
    if len(networks) == 1 and networks[0].members == 1:
        decided, columns, values = decisions(networks[0], outputs), _columns("output", outputs), outputs.tolist()
    else:
        decided, columns, values = _of_committee(committee(networks, outputs))
    names = networks[0].labels or [str(number) for number in range(networks[0].classes)]
    classes = None if labels is None else checked_labels(networks[0], np.asarray(labels), len(outputs)).tolist()
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    known = [] if classes is None else ["label"]
    writer.writerow(["sample", *known, "prediction", "class", *columns])
    for number, (chosen, row) in enumerate(zip(decided.tolist(), values, strict=True)):
        label = [] if classes is None else [classes[number]]
        writer.writerow([number, *label, chosen, names[chosen], *row])
    write_atomically(path, text.getvalue().encode())


def _columns(what: str, values: NDArray[Any]) -> list[str]:
    return [f"{what} {number}" for number in range(values.shape[1])]


def _of_committee(found: Committee) -> tuple[NDArray[np.int64], list[str], list[list[Any]]]:
    """Return the class of each sample, the headings, and the values of each row; probabilities have six digits."""
    means, votes = found.probabilities, found.votes.tolist()
    rows = [
        [f"{max(row):.6f}", vote, *(f"{each:.6f}" for each in row)] for row, vote in zip(means.tolist(), votes, strict=True)
    ]
    return found.decisions, ["probability", "votes", *_columns("probability", means)], rows


def check_traces(network: Network, samples: int) -> None:
    """Raise DataError if the traces of so many samples would take more than a file of traces may hold."""
    one = 5 * network.timesteps * sum(layer.neurons for layer in network.layers)
    if samples * one > MOST_BYTES:
        raise DataError(
            f"traces of {samples:,} samples take {samples * one:,} bytes; allowed are {MOST_BYTES:,}: run at most "
            f"{MOST_BYTES // one:,} with --samples"
        )


def traced(engine: str, subject: Subject, data: InMemory | OnDisk) -> Trace:
    """Return the trace of all samples in one engine, run in parts."""
    layers, (steps, count) = subject.network.layers, (subject.network.timesteps, data.count)
    spikes = {layer.name: np.zeros((steps, count, *layer.output_shape), np.bool_) for layer in layers}
    membranes = {layer.name: np.zeros((steps, count, *layer.output_shape), np.int32) for layer in layers}
    for start, stop in batches(subject.network, count):
        part = ENGINES[engine].run(subject, data.part(start, stop).frames)
        for layer in layers:
            spikes[layer.name][:, start:stop] = part.spikes[layer.name]
            membranes[layer.name][:, start:stop] = part.membranes[layer.name]
    return Trace(engine, spikes, membranes)


def outputs_of(engine: str, subject: Subject, data: InMemory | OnDisk) -> NDArray[np.int64]:
    """Return the outputs `(N, outputs)` of all samples in one engine, without keeping their traces."""
    row, found = ENGINES[engine], []
    for start, stop in batches(subject.network, data.count):
        frames = data.part(start, stop).frames
        outputs = row.outputs(subject, frames) if row.outputs else row.run(subject, frames).outputs(subject.network)
        found.append(outputs)
    return np.concatenate(found)
