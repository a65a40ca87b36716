"""Files of lava-dl: random ones against loops over their numbers, and those that lava-dl installs against its recordings."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from lava_dl_files import Entry, as_netx, random_file, write
from random_networks import seeds

import snnc
from snnc.export import read_network
from snnc.export.hdf5.tree import own_tree
from snnc.export.netx.foreign import foreign_network
from snnc.export.target import Stated
from snnc.toolchain.errors import ConfigError, FileFormatError, SnncError, UnstatedTimesteps
from snnc.toolchain.network.network import Network


def network_of(path: Path, stated: Stated) -> Network:
    """Read a file that this test has written, in this very process, which is quicker than `read_network`."""
    return foreign_network(own_tree(path.read_bytes()), path.stem, stated)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_random_files_compute_what_netx_does(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    entries, shape = random_file(seed)
    path = write(tmp_path_factory.mktemp("net") / "a.net", entries)
    low, high = (-5, 9) if "neuron/type" in entries[0] and entries[0]["type"] == "input" else (0, 2)
    stream = np.random.default_rng(seed).integers(low, high, (9, *shape))
    expected = as_netx(entries, stream)
    network = network_of(path, Stated(9, (low, high)))
    trace = snnc.simulate(network, stream[:, None].reshape(9, 1, *network.input.shape))
    assert [layer.name for layer in network.layers] == [f"l{number}" for number in expected.spikes]
    for number, spikes in expected.spikes.items():
        assert np.array_equal(in_order(trace.spikes[f"l{number}"]), spikes), number
        assert np.array_equal(in_order(trace.membranes[f"l{number}"]), expected.membranes[number]), number


def in_order(recorded: np.ndarray) -> np.ndarray:
    """Return the first sample of a trace as `(T, W, H, C)` or `(T, N)`."""
    first = recorded[:, 0]
    return first.transpose(0, *range(first.ndim - 1, 0, -1))


def dense(**changed: Any) -> Entry:
    entry = {"type": "dense", "shape": np.array([2]), "weight": np.ones((2, 3)), "outFeatures": 2, "inFeatures": 3}
    group = {"type": np.bytes_("CUBA"), "iDecay": 410, "vDecay": 410, "vThMant": 64}
    entry |= {f"neuron/{key}": value for key, value in group.items()} | changed
    return {key: value for key, value in entry.items() if value is not None}


IMAGE = {"type": "input", "shape": np.array([2, 4, 4])}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            [dense(**{"neuron/type": np.bytes_("SDNN")})],
            "layer/0: neurons of type 'SDNN' are no LIF neurons; allowed are LOIHI",
        ),
        ([dense(), {"type": "recurrent"}], "layer/1: type 'recurrent' cannot be run: netx refuses it or leaves it out"),
        (
            [dense(weight=None, **{"weight/real": 1, "neuron/type": np.bytes_("RF")})],
            "layer/0: neurons of type 'RF' are no LIF",
        ),
        ([dense(), {"type": "average"}], "layer/1: type 'average' cannot be run"),
        ([dense(weight=np.full((2, 3), 256.0) * [[1], [-1]])], r"layer/0: dense weights -256\.\.256 are outside -256\.\.254"),
        ([dense(**{"neuron/vThMant": np.array([3, 4])})], r"layer/0: thresholds 3\.\.4 within one layer"),
        ([dense(**{"neuron/iDecay": -1})], r"layer/0: du -2 is outside -1\.\.4095; .*du is iDecay - 1"),
        ([dense(**{"neuron/vDecay": 1.5})], "layer/0: vDecay holds fractions; it must be whole"),
        ([dense(delay=np.array([1, 2, 3, 4]))], r"layer/0: delay of shape \(4,\) for a weight of shape \(2, 3\)"),
        ([dense(delay=-1)], "layer/0: delay -1 is negative"),
        ([dense(bias=np.zeros(5))], r"layer/0: bias of shape \(5,\) for neurons of \(2,\)"),
        ([dense(weight=np.ones((3, 3)))], r"layer/0: weight of shape \(3, 3\) for 2 neurons"),
        ([dense(), dense()], r"layer/1: weight \(2, 3\) from a population of \(2,\)"),
        (
            [IMAGE, dense(weight=np.ones((2, 32)))],
            r"layer/1: dense synapses from a population of \(2, 4, 4\); netx needs a flatten",
        ),
        ([{"type": "conv", "shape": np.array([1, 2, 2])}], "layer/0: a convolution from an unknown shape"),
        ([dense(weight=np.array(np.nan))], "layer/0: weight holds numbers that are beyond 32 bits or none at all"),
        ([IMAGE], "no layers with neurons; it is no file of lava-dl, or damaged"),
        ([dense(type="dense_rec", weight_rec=np.ones((2, 2)), delay=1)], "layer/0: a delay of a dense_rec entry"),
        ([dense(), IMAGE], "layer/1: an input entry must be the first"),
        ([dense(weight=None)], "layer/0: no array '/layer/0/weight'"),
        ([dense(shape=np.array([2**30, 2**30, 8]))], "layer/0: .*neurons are too many"),
    ],
)
def test_what_no_network_can_do_is_refused_with_its_entry(tmp_path: Path, entries: list[Entry], message: str) -> None:
    path = write(tmp_path / "bad.net", entries)
    with pytest.raises(SnncError, match=message):  # read_network makes each a FileFormatError
        network_of(path, Stated(3))


def test_errors_begin_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.net", [dense(delay=-1)])
    with pytest.raises(FileFormatError, match=f"{path}: layer/0: delay -1 is negative"):
        read_network(path, stated=Stated(3))


def test_the_time_steps_must_be_stated_and_only_where_they_are_not_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [dense()])
    with pytest.raises(UnstatedTimesteps, match="a file of lava-dl, which does not say the time steps of a sample"):
        read_network(path)
    network = read_network(path, stated=Stated(5))
    own = snnc.export(network, "loihi2", tmp_path / "own.net")
    assert read_network(own) == network
    with pytest.raises(ConfigError, match="it says 5 time steps, not 6"):
        read_network(own, stated=Stated(6))


def test_a_link_out_of_a_foreign_file_is_not_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.net", [dense()])
    with h5py.File(path, "a") as file:
        del file["layer/0/weight"]
        file["layer/0/weight"] = h5py.ExternalLink("/etc/passwd", "weight")
    with pytest.raises(FileFormatError):
        read_network(path, stated=Stated(5))


def recordings() -> Path:
    """Return the folder of recordings that lava-dl installs beside its tests."""
    home = find_spec("lava.lib.dl") if find_spec("lava") else None
    folder = Path(next(iter(home.submodule_search_locations or []))).parents[2] / "tests/lava/lib/dl/netx" if home else Path()
    if not (folder / "gts").is_dir():
        pytest.skip("lava-dl is not installed, or without its recordings")
    return folder


def currents(network: Network, layer: str, spikes: dict[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return `(T, *shape)`: u of a layer without current memory or delays, from what its sources did."""
    (each,) = (found for found in network.layers if found.name == layer)
    (synapse,) = each.synapses
    return 64 * synapse.sums(inputs if synapse.source == "input" else spikes[synapse.source][:, 0])


def test_pilotnet_is_what_intel_recorded() -> None:
    """Every layer is recorded one step later than its source and at rest again after 17 steps; a v of 128 tells of a spike."""
    folder = recordings() / "gts/pilotnet_lif"
    network = read_network(folder / "network.net", stated=Stated(17))
    image = np.load(folder / "image.npy").transpose(2, 1, 0)
    trace = snnc.simulate(network, image[None])
    names = ["input", *(f"conv-{i}" for i in range(5)), *(f"fc-{i}" for i in range(3))]
    for late, (layer, name) in enumerate(zip(network.layers, names, strict=False)):
        steps = min(17, 24 - late)
        spikes, membranes = in_order(trace.spikes[layer.name])[:steps], in_order(trace.membranes[layer.name])[:steps]
        recorded = np.moveaxis(np.load(folder / f"{name}.npy"), -1, 0)[late : late + steps]
        assert np.array_equal(recorded, spikes), name
        if late:
            u, v = (np.moveaxis(np.load(folder / f"{name}-{what}.npy"), -1, 0)[late : late + steps] for what in "uv")
            assert np.array_equal(np.where(spikes, 0, v), membranes), name
            assert np.unique(v[spikes]).tolist() == [128], name
            ours = currents(network, layer.name, trace.spikes, image[None])[:steps]
            assert np.array_equal(ours.transpose(0, *range(ours.ndim - 1, 0, -1)), u), name


def test_tinynet_is_what_is_recorded() -> None:
    folder = recordings()
    network = read_network(folder / "tiny.net", stated=Stated(16))
    drive = np.load(folder / "gts/tinynet/input_bias.npy").astype(int).transpose(2, 1, 0)
    trace = snnc.simulate(network, drive[None])
    recorded = {name: np.load(folder / f"gts/tinynet/{name}.npy")[0] for name in ("input", "layer1", "output")}
    for layer, (name, spikes) in zip(network.layers, recorded.items(), strict=True):  # step t is recorded at t + 1
        assert spikes.any()
        assert np.array_equal(np.moveaxis(trace.spikes[layer.name][:15, 0], 0, -1), spikes[..., 1:]), name
    ours = currents(network, "l1", trace.spikes, drive[None])
    assert np.array_equal(np.moveaxis(ours[:15], 0, -1), 64 * np.load(folder / "gts/tinynet/current.npy")[0][..., 1:])


def test_ntidigits_is_what_is_recorded() -> None:
    """Axonal delays; step t is recorded at t + 4. The last entry, an average that netx refuses, is left out."""
    folder = recordings() / "gts/ntidigits"
    inputs, recorded = (np.load(folder / f"{name}.npy")[:, :700].astype(int) for name in ("input", "output"))  # of 3,000 steps
    network = read_network(folder / "ntidigits.net", stated=Stated(inputs.shape[1], entries=5))
    trace = snnc.simulate(network, inputs.T[:, None].reshape(-1, 1, 1, 1, 64))
    ours = trace.spikes["l4"][:, 0].T
    assert recorded.any()
    assert np.array_equal(ours[:, :-4], recorded[:, 4:])


def test_the_recorded_dense_layer(tmp_path: Path) -> None:
    """The recording of a block without file: its neurons are written into one."""
    folder = recordings() / "gts/dense"
    weight, inputs, recorded = (np.load(folder / f"{name}.npy") for name in ("weight", "in", "out"))
    group = {f"neuron/{key}": value for key, value in {"iDecay": 4096, "vDecay": 415, "vThMant": 6}.items()}
    entry = dense(shape=np.array([256]), weight=weight, outFeatures=256, inFeatures=200) | group
    network = network_of(write(tmp_path / "dense.net", [entry]), Stated(2000))
    ours = snnc.simulate(network, inputs.T[:, None].astype(int)).spikes["l0"][:, 0].T
    assert recorded.any()
    assert np.array_equal(ours[:, :-1], recorded[:, 1:])  # step t is recorded at t + 1
