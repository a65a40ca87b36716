"""`.net` files: what is written is read back, and what is damaged is refused in one line."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples, seeds
from seals import reseal

from snnc.export import TARGETS, export
from snnc.export.netx.file import netx_bytes, read_netx
from snnc.files import load_subject
from snnc.toolchain.errors import CannotExport, FileFormatError, NetworkError, SnncError
from snnc.toolchain.network.bounds import overflows
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.readout import READOUTS, ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds)
def test_reading_gives_back_what_was_written(tmp_path: Path, seed: int) -> None:
    network = random_network(seed, chip_only=True)
    assume(not any(overflows(network)))
    TARGETS["loihi2"].write(network, tmp_path / "a.net")
    assert read_netx(tmp_path / "a.net") == network


def test_other_bias_exponents_survive_if_the_bias_is_whole(tmp_path: Path) -> None:
    neuron = Lif((2,), 5, 100, [32, -64], bias_exponent=1)
    network = Network("n", 2, Input((1,), 0, 1), (Layer("a", (Dense("input", [[1], [1]]),), neuron),), "spikes", ("x", "y"))
    TARGETS["loihi2"].write(network, tmp_path / "a.net")
    assert read_netx(tmp_path / "a.net") == network


@pytest.mark.parametrize("readout", READOUTS)
def test_the_growth_of_scores_stands_in_files_that_need_it(network: Network, tmp_path: Path, readout: ReadOutKind) -> None:
    """Files of read-outs that sum are as they were before there was another one."""
    written = replace(network, readout=readout, layers=(network.layers[0], silent_if(readout, network.layers[1])))
    TARGETS["loihi2"].write(written, tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        assert file["snnc"].attrs.get("growth") == (2 if readout == "first-spike" else None)
    assert read_netx(tmp_path / "a.net") == written


def silent_if(readout: str, layer: Layer) -> Layer:
    return replace(layer, neuron=Lif((4,), 131071, 2048)) if readout == "membrane" else layer


@pytest.fixture
def network() -> Network:
    layers = tuple(
        Layer(name, (Dense(source, np.eye(4, dtype=int)),), Lif((4,), 3, 2048)) for name, source in (("a", "input"), ("b", "a"))
    )
    return Network("n", 3, Input((4,), 0, 1), layers, "spikes")


def second(network: Network, **changes: object) -> Network:
    make: Callable[..., Layer] = Layer
    return replace(network, layers=(network.layers[0], make(**{**vars(network.layers[1]), **changes})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: second(n, synapses=(Dense("input", np.eye(4)),)), "layer 'b': .*only source must be 'a'; only shortcuts"),
        (
            lambda n: second(n, synapses=(*n.layers[1].synapses, Dense("input", np.eye(4)))),
            "layer 'b': .*shortcuts around one layer fold",
        ),
        (lambda n: second(n, neuron=Lif((4,), 3, 0, 1, 5)), "layer 'b': netx biases are whole weight units"),
        (lambda n: second(n, neuron=Lif((4,), 3, 0, 4095, 7)), "bias in weight units 8190 is outside -4096..4095"),
        (lambda n: replace(n, input=Input((4,), 0, 2**15)), "input: value 32768 is outside -32767..32767; scale"),
        (lambda n: second(n, synapses=(Dense("a", np.zeros((4, 4))),)), "all weights are 0, which netx cannot scale"),
        (lambda n: second(n, synapses=(Dense("a", 300 * np.eye(4)),)), "layer 'b': weight 300 is outside -256..255"),
        (lambda n: second(n, neuron=Lif((4,), 2**17, 0)), "layer 'b': threshold 131072 is outside 0..131071"),
    ],
)
def test_what_netx_cannot_say_is_refused_and_nothing_written(
    tmp_path: Path, network: Network, change: object, message: str
) -> None:
    with pytest.raises(CannotExport, match=message):
        TARGETS["loihi2"].write(change(network), tmp_path / "a.net")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotExport, match=message):
        netx_bytes(change(network))  # type: ignore[operator]


def test_a_shortcut_around_one_layer_is_folded_into_it(tmp_path: Path, network: Network) -> None:
    joined = second(network, synapses=(*network.layers[1].synapses, Dense("a", 3 * np.eye(4))))
    export(joined, "loihi2", tmp_path / "a.net")
    folded = read_netx(tmp_path / "a.net")
    assert folded == fold_parallel(joined) != joined
    assert folded.layers[1].synapses[0].weight.tolist() == (4 * np.eye(4)).tolist()
    assert "shortcuts folded into kernels: 1;" in str(TARGETS["loihi2"].notice(joined))
    assert TARGETS["loihi2"].notice(network) is None


def chain_with_shortcuts(seed: int) -> Network:
    """Draw convolutions, each with an identity beside it, that keep, pool or double; weights of -1 and 1, k up to 126."""
    rng = np.random.default_rng(seed)
    shape, layers = (int(rng.integers(1, 4)), 8, 8), list[Layer]()
    for number in range(int(rng.integers(1, 4))):
        source, repeats, pool = layers[-1].name if layers else "input", int(rng.integers(1, 3)), int(rng.integers(1, 3))
        kernel = rng.choice([-1, 1], (repeats * shape[0], shape[0], 3, 3))
        identity = np.tile(int(rng.integers(1, 127)) * np.eye(shape[0], dtype=int), (repeats, 1))
        pair = (Conv(source, kernel, padding=(1, 1)), Conv(source, identity[:, :, None, None]))
        synapses = tuple(each.behind_pool(pool, shape) for each in pair)
        shape = (repeats * shape[0], shape[1] // pool, shape[2] // pool)
        layers.append(Layer(f"layer{number}", synapses, Lif(shape, int(rng.integers(0, 60)), 2048)))
    return Network("chain", 3, Input((*layers[0].synapses[0].weight.shape[1:2], 8, 8), 0, 1), tuple(layers), "spikes")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds)
def test_a_file_of_folded_shortcuts_gives_the_membranes_of_the_network(tmp_path: Path, seed: int) -> None:
    network = chain_with_shortcuts(seed)
    export(network, "loihi2", tmp_path / "a.net")
    samples = random_samples(network, 3, seed=seed)
    ours, theirs = simulate(network, samples), simulate(read_netx(tmp_path / "a.net"), samples)
    assert all(np.array_equal(ours.membranes[name], theirs.membranes[name]) for name in ours.membranes)
    assert load_subject(tmp_path / "a.net")[0].network == fold_parallel(network) != network


def test_a_membrane_readout_that_could_spike_is_refused(tmp_path: Path, network: Network) -> None:
    readout = replace(network, readout="membrane")
    with pytest.raises(NetworkError, match="read-out membrane of neuron .* can reach 64, the limit is 0"):
        TARGETS["loihi2"].write(second(readout, neuron=Lif((4,), 0, 4095, 1)), tmp_path / "a.net")


def edit(path: Path, change: object) -> None:
    with h5py.File(path, "r+") as file:
        change(file)  # type: ignore[operator]


def set_weight(file: h5py.File) -> None:
    file["layer/1/weight"][0, 0] = 2


def claim_a_huge_shape(file: h5py.File) -> None:
    del file["layer/1/weight"]
    file.create_dataset("layer/1/weight", (2**20, 2**20), np.int8, chunks=(1024, 1024))


def huge(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_dataset(name, (2**22, 2**22), np.int64, chunks=(1024, 1024))


def no_numbers(file: h5py.File) -> None:
    del file["layer/1/weight"]
    file["layer/1/weight"] = np.array([b"text"])


def no_type(file: h5py.File) -> None:
    del file["layer/1/type"]
    file["layer/1/type"] = [2**62]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_weight, "its checksum does not fit its numbers"),
        (claim_a_huge_shape, "claims the shape"),
        (no_numbers, "allowed are integers"),
        (no_type, "/layer/1/type is no text"),
        (lambda file: huge(file, "layer/1/neuron/iDecay"), "claims the shape"),
        (lambda file: huge(file, "layer/1/neuron/refDelay"), "claims the shape"),
        (lambda file: file["layer/1/weight"].attrs.__setitem__("note", 1), "weight is not what snnc writes"),
        (
            lambda file: file["layer/1"].__setitem__("delay", 3),
            "/layer/1 differs in delay from what snnc writes, so it was edited",
        ),
        (lambda file: file["layer/1/neuron/refDelay"].__setitem__((), 2), "/layer/1/neuron/refDelay is not what snnc writes"),
        (lambda file: file["layer/0"].attrs.__setitem__("note", 1), "/layer/0 differs in note"),
        (lambda file: file["snnc"].attrs.__setitem__("name", "other"), "its checksum does not fit its numbers"),
        (lambda file: file.__delitem__("snnc"), "a file of lava-dl, which does not say the time steps"),
        (lambda file: file.__delitem__("layer"), "no group '/layer'"),
        (lambda file: file.__delitem__("layer/1"), "no group '/layer/1'"),
        (lambda file: file["snnc"].attrs.__setitem__("version", 99), "version 99, this snnc reads 3"),
        (lambda file: file["snnc"].attrs.__setitem__("timesteps", "many"), "not a readable .net file"),
        (lambda file: file["snnc"].attrs.__setitem__("layers", '["a"]'), "not a readable .net file"),
        (lambda file: file["layer/1/neuron"].__delitem__("vThMant"), "no array '/layer/1/neuron/vThMant'"),
    ],
)
def test_edited_files_are_refused(tmp_path: Path, network: Network, change: object, message: str) -> None:
    path = tmp_path / "a.net"
    TARGETS["loihi2"].write(network, path)
    edit(path, change)
    with pytest.raises(FileFormatError, match=r"a\.net: "):
        read_netx(path)
    reseal(path)
    with pytest.raises(FileFormatError, match=message):
        read_netx(path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_flipped_byte_is_refused(tmp_path: Path, network: Network, where: float, flip: int) -> None:
    path = tmp_path / "a.net"
    TARGETS["loihi2"].write(network, path)
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= flip
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"checksum|HDF5|libhdf5") as caught:
        read_netx(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, network: Network, share: float) -> None:
    path = tmp_path / "a.net"
    TARGETS["loihi2"].write(network, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(FileFormatError, match=r"a\.net: ") as caught:
        read_netx(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, network: Network) -> None:
    for path, said in ((tmp_path / "none.net", "no such file"), (tmp_path, "it is a folder, no regular file; name a file")):
        with pytest.raises(FileFormatError, match=said):
            read_netx(path)
    with pytest.raises(SnncError, match="cannot be written"):
        TARGETS["loihi2"].write(network, "/proc/none/a.net")


def test_writing_twice_gives_the_same_bytes(tmp_path: Path, network: Network) -> None:
    TARGETS["loihi2"].write(network, tmp_path / "a.net")
    first = (tmp_path / "a.net").read_bytes()
    shutil.move(tmp_path / "a.net", tmp_path / "old.net")
    TARGETS["loihi2"].write(network, tmp_path / "a.net")
    assert (tmp_path / "a.net").read_bytes() == first


def test_a_network_whose_sums_can_overflow_is_refused(tmp_path: Path, network: Network) -> None:
    loud = replace(network.layers[0], synapses=(Dense("input", np.full((4, 4), 127)),))
    with pytest.raises(NetworkError, match="layer 'a': current u of neuron"):
        TARGETS["loihi2"].write(
            replace(network, layers=(loud, network.layers[1]), input=Input((4,), 0, 3000)), tmp_path / "a.net"
        )
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, snnc\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "layer = snnc.Layer('a', (snnc.Dense('input', [[1]]),), snnc.Lif((1,), 0, 0))\n"
        "network = snnc.Network('n', 1, snnc.Input((1,), 0, 1), (layer,), 'spikes')\n"
        "snnc.TARGETS['loihi2'].write(network, 'a.net')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "SnncError: a.net: cannot be written: File too large; check" in result.stderr
    assert not list(tmp_path.iterdir())
