"""Random files of lava-dl in unmodified netx, itself and not what snnc writes for them, against snnc's reading of them."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lava_dl_files import Entry, random_file, write

import snnc
from snnc.export.hdf5.tree import own_tree
from snnc.export.lava import runner
from snnc.export.lava.workspace import workspace
from snnc.export.netx.foreign import foreign_network
from snnc.export.target import Stated
from snnc.toolchain.network.network import Layer, Network

pytestmark = pytest.mark.lava
TOGETHER = 4  # files in one run of Lava
STEPS = 12


@pytest.fixture(autouse=True)
def own_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner of snnc, which cleans up behind Lava, start the child of this test."""
    support = Path(__file__).parents[2] / "support"
    monkeypatch.setenv("PYTHONPATH", str(support))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(runner, "CHILD", "netx_child")


def is_driven(entries: list[Entry]) -> bool:
    """Tell whether the input goes to the bias of neurons, where it stays the same at all steps."""
    return entries[0]["type"] == "input" and "neuron/type" in entries[0]


def on_lavas_clock(network: Network, *, driven: bool) -> Network:
    """Return the network with every synapse one step later, as Lava sends, but for those of a layer to itself."""

    def later(layer: Layer) -> Layer:
        synapses = [each if each.source == layer.name else replace(each, delay=each.delay + 1) for each in layer.synapses]
        return replace(layer, synapses=tuple(synapses))

    first, *others = network.layers
    return replace(network, layers=(first if driven else later(first), *map(later, others)))


def random_input(seed: int, entries: list[Entry], shape: tuple[int, ...], steps: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if is_driven(entries):
        return np.broadcast_to(rng.integers(-5, 9, shape), (steps, *shape))
    return rng.integers(0, 2, (steps, *shape))


def port(stream: np.ndarray, entries: list[Entry]) -> np.ndarray:
    """Return `(T, C, H, W)` as `(T, W, H, C)`, or flat where a dense entry takes it."""
    first = next(entry["type"] for entry in entries if entry["type"] not in ("input", "flatten"))
    if first != "conv" and not is_driven(entries):
        return stream.reshape(len(stream), -1)
    return stream.transpose(0, *range(stream.ndim - 1, 0, -1))


def recorded_by_netx(files: list[list[Entry]], streams: list[np.ndarray], time_limit: float = 300) -> dict[str, np.ndarray]:
    """Run files side by side in one run of Lava."""
    inputs: dict[str, np.ndarray] = {"files": np.array(len(files)), "steps": np.array(len(streams[0]))}
    with workspace() as folder:
        for number, (entries, stream) in enumerate(zip(files, streams, strict=True)):
            write(folder / f"{number}.net", entries)
            if is_driven(entries):
                inputs[f"driven/{number}"] = port(stream, entries)[0]
            else:
                inputs[f"sent/{number}"] = port(stream, entries)
        np.savez(folder / "inputs.npz", allow_pickle=False, **inputs)
        problem = runner._run_child(folder, time.monotonic(), time_limit)
        assert problem is None, f"{problem}\n{(folder / runner.LOG).read_text()[-3000:]}"
        with np.load(folder / "trace.npz") as trace:
            return dict(trace)


def _accepted(entry: Entry) -> Entry:
    """Return an entry without what snnc reads and netx refuses: one delay for all in an array of one element."""
    delay = entry.get("delay")
    return entry if delay is None or delay.size > 1 else entry | {"delay": delay.reshape(())}


def compare(seeds: list[int], steps: int, folder: Path) -> tuple[int, int]:
    """Compare random files; return how many layers there were, and how many of them spiked, but not always."""
    drawn = [random_file(seed) for seed in seeds]
    files = [[_accepted(entry) for entry in entries] for entries, _ in drawn]
    streams = [random_input(seed, *each, steps) for seed, each in zip(seeds, drawn, strict=True)]
    recorded = recorded_by_netx(files, streams)
    layers = lively = 0
    for number, (entries, stream) in enumerate(zip(files, streams, strict=True)):
        path = write(folder / "a.net", entries)
        low, high = int(stream.min()), max(int(stream.max()), 1)
        network = foreign_network(own_tree(path.read_bytes()), "a", Stated(steps, (min(low, 0), high)))
        clocked = on_lavas_clock(network, driven=is_driven(entries))
        trace = snnc.simulate(clocked, stream[:, None].reshape(steps, 1, *network.input.shape))
        assert f"spikes/{number}/{len(network.layers) - 1}" in recorded
        assert f"spikes/{number}/{len(network.layers)}" not in recorded
        for index, layer in enumerate(network.layers):
            for what, ours in (("spikes", trace.spikes), ("membranes", trace.membranes)):
                first = ours[layer.name][:, 0]
                expected = recorded[f"{what}/{number}/{index}"]
                same = np.array_equal(first.transpose(0, *range(first.ndim - 1, 0, -1)).reshape(expected.shape), expected)
                assert same, f"file {seeds[number]}, {layer.name}, {what}"
            layers += 1
            lively += 0 < trace.spikes[layer.name].mean() < 1
    return layers, lively


@pytest.mark.parametrize("first", [0, 4, *(pytest.param(first, marks=pytest.mark.slow) for first in range(8, 48, TOGETHER))])
def test_random_files_are_what_unmodified_netx_computes(first: int, tmp_path: Path) -> None:
    layers, lively = compare(list(range(first, first + TOGETHER)), STEPS, tmp_path)
    print(f"{layers} layers, {lively} of them lively")
    assert lively


@pytest.mark.slow
def test_delays_beyond_62_are_cut_as_netx_cuts_them(tmp_path: Path) -> None:
    seeds = [seed for seed in range(200) if longest_delay(random_file(seed)[0]) > 62]
    compare(seeds[:TOGETHER], 80, tmp_path)


def longest_delay(entries: list[Entry]) -> int:
    return max(int(np.max(entry.get("delay", 0))) for entry in entries)
