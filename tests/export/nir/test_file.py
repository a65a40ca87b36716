"""NIR files: number for number there and back, dialects that are exact, refusals with a reason, and no belief in damage."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_nir_network, random_samples, seeds
from seals import reseal

from snnc.export import TARGETS
from snnc.export.nir.dialects import DIALECTS, NirOptions, exactness
from snnc.export.nir.file import read_nir
from snnc.export.nir.graph import nir_graph, node_names
from snnc.export.nir.runner import run_nir, why_not
from snnc.toolchain.errors import CannotExport, ConfigError, FileFormatError, NetworkError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.frames import over_time
from snnc.toolchain.simulate.reference import simulate

ABLE = [name for name, dialect in DIALECTS.items() if not dialect.refusal]


def test_there_are_dialects() -> None:
    assert list(DIALECTS) == ["spec", "norse", "snntorch", "spikingjelly", "sinabs"]


@settings(max_examples=60, deadline=None)
@given(seed=seeds, dialect=st.sampled_from(ABLE))
def test_what_can_be_written_comes_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int, dialect: str) -> None:
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    for network in (random_network(seed), random_nir_network(seed)):
        try:
            TARGETS["nir"].write(network, path, NirOptions(dialect))
        except (CannotExport, NetworkError):
            continue
        assert read_nir(path) == network
        nir.read(path)  # with NIR's own check of types


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_real_number_neurons_give_the_very_spikes(seed: int) -> None:
    network = random_nir_network(seed)
    samples = random_samples(network, 3, timed=True, seed=seed)
    assert why_not(network, None) is None
    reference, trace = simulate(network, samples), run_nir(network, over_time(network, samples))
    for layer in network.layers:
        assert np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name])
        assert np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name])


def one_layer(synapse: Conv | Dense, shape: tuple[int, ...], **neuron: object) -> Network:
    make: Callable[..., Lif] = Lif
    population = make(synapse.output_shape(shape), **({"vth": 3, "dv": 2048} | neuron))
    return Network("n", 5, Input(shape, 0, 1), (Layer("a", (synapse,), population),), "spikes")


DENSE = Dense("input", np.eye(3, dtype=int))
SQUARE = Conv("input", np.ones((2, 1, 3, 3)))
REFUSED = [
    (one_layer(DENSE, (3,), du=100), "spec", "layer 'a': current memory \\(du 100\\) has no exact NIR neuron"),
    (one_layer(Conv("input", np.ones((2, 1, 1, 3))), (1, 5, 5)), "spec", "kernels that are not square"),
    (one_layer(SQUARE, (1, 4, 4), bias_mantissa=np.arange(8).reshape(2, 2, 2)), "norse", "biases differ within a channel"),
    (one_layer(DENSE, (3,)), "sinabs", "sinabs 3.1.3 resets by subtraction"),
    (one_layer(DENSE, (3,), vth=2**17), "norse", "a threshold between 131072 and the next membrane, which float32"),
    (
        replace(one_layer(DENSE, (3,)), layers=(Layer("a", (DENSE, DENSE), Lif((3,), 3, 2048)),)),
        "norse",
        "norse is not known to sum several synapses",
    ),
]


@pytest.mark.parametrize(("network", "dialect", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_said_is_refused(tmp_path: Path, network: Network, dialect: str, reason: str) -> None:
    with pytest.raises(CannotExport, match=reason):
        TARGETS["nir"].write(network, tmp_path / "a.nir", NirOptions(dialect))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_dialect_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dialect 'brian' is unknown; allowed are spec"):
        TARGETS["nir"].write(one_layer(DENSE, (3,)), tmp_path / "a.nir", NirOptions("brian"))


def test_how_the_first_spike_decides_is_said_since_graphs_cannot(tmp_path: Path) -> None:
    network = replace(one_layer(DENSE, (3,)), readout="first-spike")
    said = "the first spike says the class: for scores, count a spike of the last node at step 0..4 2**(4 - step) times"
    assert TARGETS["nir"].remark(network, NirOptions()) == said
    assert TARGETS["nir"].remark(replace(network, readout="spikes"), NirOptions()) is None
    TARGETS["nir"].write(network, tmp_path / "a.nir", NirOptions())
    assert TARGETS["nir"].read(tmp_path / "a.nir") == network


def test_inexactness_is_said_with_its_size() -> None:
    assert exactness(one_layer(DENSE, (3,))) is None
    drift = exactness(one_layer(DENSE, (3,), dv=1000))
    assert drift is not None
    assert "not truncation-free" in drift
    bound = sum((1 - 1000 / 4096) ** t for t in range(5)) / 64
    assert f"{bound:.3g} weight units" in drift
    quarter = replace(one_layer(DENSE, (3,), dv=3072), timesteps=4)
    assert exactness(quarter, "snntorch") is None
    assert "norse scales its inputs" in str(exactness(quarter, "norse"))
    assert why_not(one_layer(DENSE, (3,), dv=1000), None) == drift


def test_the_drift_bound_holds() -> None:
    rng = np.random.default_rng(0)
    network = replace(one_layer(Dense("input", rng.integers(-9, 10, (40, 8))), (8,), vth=131071, dv=1000), timesteps=20)
    samples = rng.integers(0, 2, (20, 5, 8))
    v, drift = np.zeros((5, 40)), []
    for t, frame in enumerate(samples):
        v = v * (1 - 1000 / 4096) + frame @ network.layers[0].synapses[0].weight.T.astype(float)
        drift.append(np.abs(v - simulate(network, samples).membranes["a"][t] / 64).max())
    bound = sum((1 - 1000 / 4096) ** t for t in range(20)) / 64
    assert 0.2 * bound < max(drift) <= bound


@pytest.mark.parametrize("shifts", range(1, 13))
def test_every_leak_of_a_power_of_two_is_exact_by_the_definition(shifts: int) -> None:
    rng = np.random.default_rng(shifts)
    network = one_layer(Dense("input", rng.integers(-9, 10, (40, 8))), (8,), dv=4096 - 2 ** (12 - shifts), vth=9)
    network = replace(network, timesteps=1 + 6 // shifts)
    assert why_not(network, None) is None
    samples = rng.integers(0, 2, (network.timesteps, 20, 8))
    trace, reference = run_nir(network, samples), simulate(network, samples)
    assert np.array_equal(trace.membranes["a"], reference.membranes["a"])


def test_names_become_fit_for_readers() -> None:
    names = node_names(["conv-1", "conv_1", "if", "2nd", "output", "a_weight0", "a"])
    assert len(set(names.values())) == len(names)
    assert all(name.isidentifier() for name in names.values())
    assert "output" not in {name for layer, name in names.items() if layer != "output"}
    weights = {f"{name}_weight0" for name in names.values()}
    assert not weights & set(names.values())


def edit(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not HDF5")
    else:
        with h5py.File(path, "r+") as file:
            CHANGES[how](file)


def put(file: h5py.File, name: str, value: object) -> None:
    del file[name]
    file[name] = value


def huge(file: h5py.File) -> None:
    del file["node/nodes/layer_a_weight0/weight"]
    file.create_dataset(
        "node/nodes/layer_a_weight0/weight", shape=(2**20, 2**20), dtype="f4", chunks=(64, 64), compression="gzip"
    )


CHANGES = {
    "no nodes": lambda file: file.__delitem__("node/nodes"),
    "no node": lambda file: file.__delitem__("node"),
    "foreign": lambda file: (file.__delitem__("node"), file.create_dataset("x", data=1)),
    "no metadata": lambda file: file.__delitem__("node/metadata"),
    "no weight": lambda file: file.__delitem__("node/nodes/layer_a_weight0/weight"),
    "text weight": lambda file: put(file, "node/nodes/layer_a_weight0/weight", "many"),
    "changed weight": lambda file: file["node/nodes/layer_a_weight0/weight"].__setitem__((0, 0), 0),
    "changed tau": lambda file: file["node/nodes/layer_a/tau"].__setitem__(0, 1.0),
    "changed threshold": lambda file: file["node/nodes/layer_a/v_threshold"].__setitem__(0, 1.0),
    "unknown type": lambda file: put(file, "node/nodes/layer_a/type", "Quantum"),
    "cyclic edges": lambda file: put(
        file, "node/edges", np.array([["layer_a", "layer_a_weight0"], ["layer_a_weight0", "layer_a"]], dtype="S")
    ),
    "edge to nowhere": lambda file: put(file, "node/edges", np.array([["input", "b"]], dtype="S")),
    "huge shape": huge,
    "changed dt": lambda file: put(file, "node/metadata/dt", 1.0),
    "no dt": lambda file: file.__delitem__("node/metadata/dt"),
    "doubled edge": lambda file: put(file, "node/edges", np.concatenate([file["node/edges"][()], file["node/edges"][:1]])),
    "link": lambda file: file["node"].__setitem__("loop", h5py.SoftLink("/node")),
    "shared object": lambda file: file["node/nodes"].__setitem__("twice", file["node/nodes"]),
    "no json": lambda file: put(file, "node/metadata/snnc", "{"),
    "another version": lambda file: put(file, "node/metadata/snnc", '{"version": 99, "layers": []}'),
}


@pytest.mark.parametrize("how", ["truncated", "empty", "text", *CHANGES])
def test_damaged_files_are_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.nir"
    TARGETS["nir"].write(one_layer(DENSE, (3,)), path)
    edit(path, how)
    for again in (False, True):
        if again:
            reseal(path)
        with pytest.raises(FileFormatError, match=r"a\.nir: ") as caught:
            read_nir(path)
        assert "\n" not in str(caught.value)


def test_a_file_for_another_reader_is_no_proof_by_the_definition(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    TARGETS["nir"].write(one_layer(DENSE, (3,)), path, NirOptions("norse"))
    assert "written for norse" in str(why_not(one_layer(DENSE, (3,)), path))


def test_a_membrane_read_out_is_a_leaky_integrator_where_the_reader_has_one() -> None:
    network = replace(one_layer(DENSE, (3,), vth=131071), readout="membrane")
    assert isinstance(nir_graph(network, "spec").nodes["layer_a"], nir.LI)
    assert isinstance(nir_graph(network, "norse").nodes["layer_a"], nir.LIF)


def test_a_membrane_read_out_that_keeps_all_is_exact_too() -> None:
    network = replace(one_layer(DENSE, (3,), vth=131071, dv=0), readout="membrane")
    samples = random_samples(network, 3, timed=True)
    assert why_not(network, None) is None
    assert np.array_equal(run_nir(network, samples).membranes["a"], simulate(network, samples).membranes["a"])
