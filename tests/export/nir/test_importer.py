"""Graphs of others: whole numbers come in exactly, floats are rounded and measured, the impossible is refused by name."""

from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from foreign_chains import POOL, chain, cuba, lif, random_foreign_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_nir_network, random_samples, seeds

from snnc.export.nir.dialects import DIALECTS
from snnc.export.nir.file import read_graph
from snnc.export.nir.graph import nir_graph
from snnc.export.nir.importer import import_nir
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.rules import WRITERS, Rules, writer_rules
from snnc.toolchain.errors import CannotExport, ConfigError, FileFormatError, NetworkError
from snnc.toolchain.simulate.reference import simulate

ZERO = {"reset": "zero", "reset_delay": 0}
RNG = np.random.default_rng(0)


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(["spec", "snntorch", "spikingjelly"]))
def test_our_own_graphs_come_back_without_their_metadata(seed: int, dialect: str) -> None:
    network = random_nir_network(seed)
    graph = nir_graph(network, dialect)
    graph.metadata.clear()
    pixels = (network.input.minimum, network.input.maximum)
    stated = ZERO | {"dt": DIALECTS[dialect].dt}
    imported = import_nir(graph, network.timesteps, writer_rules(dialect, stated), pixels=pixels)
    assert imported.rounded == []
    samples = random_samples(network, 4, timed=True, seed=seed)
    reference, got = simulate(network, samples), simulate(imported.network, samples)
    for ours, theirs in zip(network.layers, imported.network.layers, strict=True):
        assert np.array_equal(ours.synapses[0].weight, theirs.synapses[0].weight)
        assert np.array_equal(reference.spikes[ours.name], got.spikes[theirs.name])


def whole(*shape: int) -> np.ndarray:
    return RNG.integers(-1, 2, shape).astype(float)


CHAINS = {
    "dense": chain((6,), nir.Linear(whole(4, 6)), lif((4,)), nir.Affine(whole(3, 4), whole(3)), lif((3,))),
    "scaled": chain(
        (6,),
        nir.Scale(np.array([1.0, 2, 3, 4, 5, 6])),
        nir.Affine(whole(4, 6), whole(4)),
        nir.Scale(np.full(4, 2.0)),
        lif((4,)),
    ),
    "convolutions": chain((2, 6, 6), nir.Conv2d((6, 6), whole(4, 2, 3, 3), 1, 1, 1, 1, whole(4)), lif((4, 6, 6))),
    "groups and dilation": chain((4, 7, 7), nir.Conv2d((7, 7), whole(4, 2, 3, 3), 1, 2, 2, 2, whole(4)), lif((4, 7, 7))),
    "sum pool": chain(
        (2, 8, 8),
        nir.SumPool2d(POOL, POOL, 0 * POOL),
        nir.Conv2d((4, 4), whole(3, 2, 3, 3), 1, 1, 1, 1, whole(3)),
        lif((3, 4, 4)),
    ),
    "average pool": chain(
        (2, 8, 8),
        nir.AvgPool2d(POOL, POOL, 0 * POOL),
        nir.Conv2d((4, 4), whole(3, 2, 3, 3), 1, 1, 1, 1, whole(3)),
        lif((3, 4, 4), v_threshold=0.75),
    ),
    "pool and flatten": chain(
        (2, 4, 4),
        nir.AvgPool2d(POOL, POOL, 0 * POOL),
        nir.Flatten({"input": np.array([2, 2, 2])}, 0, 2),
        nir.Linear(whole(5, 8)),
        lif((5,), v_threshold=0.5),
    ),
    "pool alone": chain((2, 4, 4), nir.SumPool2d(POOL, POOL, 0 * POOL), lif((2, 2, 2), v_threshold=2.0)),
    "one dimension": chain(
        (2, 9),
        nir.Conv1d(9, whole(3, 2, 3), 2, 1, 1, 1, whole(3)),
        lif((3, 5)),
        nir.Flatten({"input": np.array([3, 5])}, 0, 1),
        nir.Linear(whole(4, 15)),
        lif((4,)),
    ),
    "integrators": chain(
        (6,), nir.Linear(whole(4, 6)), nir.IF(r=np.full(4, 1e4), v_threshold=np.full(4, 3.0), v_reset=np.zeros(4))
    ),
    "scalars": chain((6,), nir.Linear(whole(4, 6)), lif((1,)), nir.Linear(whole(3, 4)), lif((1,))),
    "leak drive": chain((6,), nir.Linear(whole(4, 6)), lif((4,), v_leak=2.0)),
    "halves": chain((6,), nir.Linear(whole(4, 6) / 2), lif((4,), v_threshold=1.5)),
    "channels": chain(
        (2, 4, 4),
        nir.Conv2d((4, 4), whole(3, 2, 3, 3), 1, 1, 1, 1, whole(3)),
        lif((3, 4, 4), v_threshold=np.array([1.0, 2.0, 4.0]).reshape(3, 1, 1), r=np.array([2.0, 4.0, 2.0]).reshape(3, 1, 1)),
    ),
    "neurons": chain((6,), nir.Affine(whole(4, 6), whole(4)), lif((4,), v_threshold=np.array([1, 2, 4, 8.0]))),
    "current": chain((6,), nir.Linear(whole(4, 6)), cuba(4), nir.Linear(whole(3, 4)), cuba(3)),
    "flattened at the end": chain((2, 4, 4), nir.SumPool2d(POOL, POOL, 0 * POOL), lif((2, 2, 2)), nir.Flatten(None, 0, 2)),
    "batch axis": chain(
        (1, 2, 4, 4), nir.Conv2d((4, 4), whole(3, 2, 3, 3), 1, 1, 1, 1, whole(3)), lif((3, 4, 4), v_threshold=1.0)
    ),
    "batch axis of features": chain((1, 6), nir.Linear(whole(4, 6)), lif((4,), v_threshold=1.0)),
    "thirds": chain((6,), nir.Linear(whole(4, 6) / 3), lif((4,), v_threshold=1.0)),
    "added spikes": chain(
        (6,),
        nir.Affine(whole(4, 6), whole(4)),
        lif((4,), v_threshold=1.0),
        nir.Affine(whole(4, 4), whole(4)),
        lif((4,), v_threshold=1.0),
        nir.Affine(whole(3, 4), np.array([1.0, 0.0, 2.0])),  # whose bias counts once, though two bring spikes
        lif((3,)),
    ),
}
CHAINS["added spikes"].edges.append(("n1", "n4"))


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("compare", [">", ">="])
def test_chains_of_whole_numbers_are_exact(name: str, compare: str) -> None:
    graph, rules = CHAINS[name], Rules(compare=compare)  # type: ignore[arg-type]
    imported = import_nir(graph, 5, rules)
    shape = imported.network.input.shape
    samples = np.random.default_rng(1).integers(0, 2, (5, 20, *shape))
    raw = samples.reshape(5, 20, shape[0], shape[2]) if imported.one_dimensional else samples
    theirs, ours = interpret(graph, raw, rules), simulate(imported.network, samples)
    if not imported.rounded:
        for layer, node in imported.nodes.items():
            assert np.array_equal(theirs[node].sent.reshape(ours.spikes[layer].shape), ours.spikes[layer]), layer
    assert compare == ">=" or name in ("thirds", "current") or imported.rounded == []
    assert any(spikes.any() for spikes in ours.spikes.values())


def test_float_weights_are_rounded_to_the_bits_and_that_is_said() -> None:
    weight = RNG.normal(size=(30, 20))
    graph = chain((20,), nir.Affine(weight, RNG.normal(size=30)), lif((30,), v_threshold=2.0))
    samples = RNG.integers(0, 2, (5, 50, 20))
    theirs = interpret(graph, samples, Rules())["n1"].sent
    agreements = []
    for bits in (3, 8):
        imported = import_nir(graph, 5, Rules(), bits=bits)
        assert any("weights were rounded" in line for line in imported.rounded)
        assert np.abs(imported.network.layers[0].synapses[0].weight.astype(int)).max() < 2 ** (bits - 1)
        agreements.append((simulate(imported.network, samples).spikes["n1"] == theirs).mean())
    assert agreements[1] > 0.99
    assert agreements[0] < agreements[1]


REFUSED = [
    (CHAINS["dense"], {"reset": "subtract"}, "node 'n1': its reset subtracts the threshold, the chip's LIF is set to 0"),
    (CHAINS["dense"], {"reset_delay": 1}, "node 'n1': its reset comes 1 step late"),
    (CHAINS["dense"], {"dt": 1e-3}, "node 'n1': a step of 0.001 s leaves -4 of the membrane, the chip keeps 0 to 1"),
    (
        chain((4,), nir.Linear(np.eye(4)), lif((4,), v_reset=1.0)),
        {},
        "node 'n1': its membrane begins at 0 and is reset to 1; the chip",
    ),
    (chain((4,), nir.Linear(np.eye(4)), nir.Linear(np.eye(4)), lif((4,))), {}, "node 'n1' is a second layer of weights"),
    (chain((4,), nir.Linear(np.eye(4)), nir.Threshold(np.ones(4)), lif((4,))), {}, "node 'n1' is a Threshold"),
    (chain((4,), nir.Linear(np.eye(4))), {}, "the graph has no spiking neurons"),
    (
        chain(
            (1, 4, 4),
            nir.Conv2d((4, 4), whole(1, 1, 3, 3), 1, 1, 1, 1, whole(1)),
            nir.SumPool2d(POOL, POOL, 0 * POOL),
            lif((1, 2, 2)),
        ),
        {},
        "node 'n1' pools between weights and neurons",
    ),
    (
        chain((4,), nir.Linear(np.eye(4)), nir.LIF(*(np.array([1e-3, 2e-3, 1e-3, 1e-3]) for _ in range(5)))),
        {},
        "node 'n1': a step leaves 0.9 to 0.95 of the membrane, a population on the chip has one",
    ),
]


@pytest.mark.parametrize(("graph", "stated", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_the_chip_cannot_do_is_refused_by_node(graph: nir.NIRGraph, stated: dict[str, object], reason: str) -> None:
    with pytest.raises(CannotExport) as caught:
        import_nir(graph, 5, Rules(**stated))  # type: ignore[arg-type]
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="--bits 9 is not possible"):
        import_nir(CHAINS["dense"], 5, Rules(), bits=9)
    with pytest.raises(ConfigError, match="writer 'brian' is unknown; allowed are spec"):
        writer_rules("brian", {})
    with pytest.raises(ConfigError, match="a time step of 0 s is not possible"):
        writer_rules("spec", {"dt": 0})
    with pytest.raises(ConfigError, match="convention 'timestep' is unknown; allowed are dt, reset_delay, decay, compare"):
        writer_rules("spec", {"timestep": 1})
    with pytest.raises(ConfigError, match="convention 'decay' is 'exp'; allowed are 'euler', 'exponential'"):
        writer_rules("spec", {"decay": "exp"})


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_has_conventions_that_can_be_overridden(writer: str) -> None:
    assert writer_rules(writer, {}) == WRITERS[writer]
    assert writer_rules(writer, {"dt": 0.5, "compare": None}).dt == 0.5


def test_files_of_old_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.nir"
    nir.write(path, CHAINS["average pool"])
    with h5py.File(path, "r+") as file:
        del file["version"]
        file["version"] = "0.1"
        nodes = file["node/nodes"]
        del nodes["n2/v_reset"]  # came with 1.0.5
        del nodes["n1/input_shape"]
        for key in ("kernel_size", "stride", "padding"):  # scalars
            value = int(nodes[f"n0/{key}"][0])
            del nodes[f"n0/{key}"]
            nodes[f"n0/{key}"] = value
    imported = import_nir(read_graph(path), 5, Rules())
    fresh = import_nir(CHAINS["average pool"], 5, Rules())
    assert imported.network == fresh.network


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_what_is_called_exact_is_exact(seed: int) -> None:
    graph, rules, timesteps = random_foreign_graph(seed)
    try:
        imported = import_nir(graph, timesteps, rules)
    except (CannotExport, NetworkError):
        return
    samples = np.random.default_rng(seed).integers(0, 2, (timesteps, 30, *imported.network.input.shape))
    theirs, ours = interpret(graph, samples, rules), simulate(imported.network, samples)
    differ = any(not np.array_equal(theirs[node].sent, ours.spikes[layer]) for layer, node in imported.nodes.items())
    assert imported.rounded or not differ


def test_roundings_that_change_spikes_are_said() -> None:
    for weight, bias, threshold, steps in (
        (np.append(127.0, np.full(199, 1e-3)), 0.0, 3.0, 5),
        (np.ones(4), 0.03, 3.0, 100),
        (np.array([1.0, 2.0]), 0.0, 3.0, 20),  # the chip rounds its leak after seven steps
    ):
        graph = chain((len(weight),), nir.Affine(weight[None], np.array([bias])), lif((1,), v_threshold=threshold))
        assert import_nir(graph, steps, Rules()).rounded


def test_numbers_that_are_none_and_nodes_that_do_not_fit_are_named() -> None:
    bad = nir.Linear(np.array([[1.0, np.nan]]))
    with pytest.raises(FileFormatError, match="node 'n0': its weight is not made of finite numbers"):
        import_nir(chain((2,), bad, lif((1,))), 5, Rules())
    with pytest.raises(FileFormatError, match="node 'n1': its 7 neurons do not fit inputs of shape"):
        import_nir(chain((2,), nir.Linear(np.eye(2)), lif((7,))), 5, Rules())
    with pytest.raises(FileFormatError, match="node 'n1': its tau is 0 s; allowed is above 0"):
        import_nir(chain((2,), nir.Linear(np.eye(2)), lif((2,), tau=0.0)), 5, Rules())
    with pytest.raises(CannotExport, match="node 'n2', of type Linear, lies between the last neurons and the output"):
        import_nir(chain((2,), nir.Linear(np.eye(2)), lif((2,)), nir.Linear(np.eye(2))), 5, Rules())
    dangling = chain((2,), nir.Linear(np.eye(2)), lif((2,)))
    dangling.nodes["spare"] = lif((2,))
    dangling.edges.append(("n0", "spare"))
    with pytest.raises(CannotExport, match="node 'spare' leads to no output"):
        import_nir(dangling, 5, Rules())
    flatten = nir.Flatten({"input": np.array([1, 4, 4])}, 0, 2)
    convolved = chain((1, 4, 4), nir.Conv2d((4, 4), whole(1, 1, 3, 3), 1, 1, 1, 1, whole(1)), flatten, lif((16,)))
    with pytest.raises(CannotExport, match="node 'n1' flattens between weights and neurons"):
        import_nir(convolved, 5, Rules())
