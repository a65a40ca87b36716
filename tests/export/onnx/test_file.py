"""ONNX files: the network comes back number for number, runs bit-exactly in onnxruntime, and no damaged file is believed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples, seeds

from snnc.export import TARGETS
from snnc.export.onnx.file import content, read_onnx
from snnc.export.onnx.graph import onnx_model
from snnc.export.onnx.runner import run_onnx
from snnc.export.onnx.violations import OnnxOptions
from snnc.toolchain.errors import CannotExport, EngineError, FileFormatError, NetworkError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.readout import ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


def store(network: Network, path: Path, *, timed: bool | None = None) -> None:
    """Write without the proof that no sum overflows, which not all networks here pass."""
    path.write_bytes(content(network, OnnxOptions(timed)))


def assert_equal(network: Network, samples: np.ndarray, file: Path | None = None) -> None:
    reference, trace = simulate(network, samples), run_onnx(network, samples, file=file)
    for layer in network.layers:
        assert np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name]), layer.name
        assert np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name]), layer.name


@settings(max_examples=40, deadline=None)
@given(seeds, st.booleans())
def test_random_networks_run_equal(seed: int, timed: bool) -> None:
    network = random_network(seed)
    assert_equal(network, random_samples(network, 4, timed=timed, seed=seed))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, timed=st.sampled_from([None, True, False]))
def test_random_networks_come_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int, timed: bool | None) -> None:
    path, network = tmp_path_factory.mktemp("onnx") / "a.onnx", random_network(seed)
    store(network, path, timed=timed)
    assert read_onnx(path) == network


RANGES = [
    (0, 255, 0, "uint8"),
    (-5, 11, 5, "uint8"),
    (-255, 255, 0, "int32"),
    (-40000, 70000, 3, "int32"),
    (2, 300, 0, "int32"),
]


@pytest.mark.parametrize(("low", "high", "zero", "kind"), RANGES)
def test_inputs_of_any_range_are_raw_values(tmp_path: Path, low: int, high: int, zero: int, kind: str) -> None:
    rng = np.random.default_rng(1)
    layer = Layer(
        "a", (Conv("input", rng.integers(-3, 4, (4, 2, 3, 3)), padding=(1, 1)),), Lif((4, 5, 5), min(2 * high, 131071), 300)
    )
    network = Network("n", 4, Input((2, 5, 5), low, high, zero), (layer,), "spikes")
    store(network, tmp_path / "a.onnx")
    image = onnx.load(tmp_path / "a.onnx").graph.input[0].type.tensor_type
    assert onnx.TensorProto.DataType.Name(image.elem_type).lower() == kind
    assert_equal(network, rng.integers(low, high + 1, (3, 2, 5, 5)), tmp_path / "a.onnx")
    assert_equal(network, np.array([low, high])[rng.integers(0, 2, (3, 2, 5, 5))], tmp_path / "a.onnx")


@pytest.mark.parametrize("readout", ["spikes", "first-spike"])
def test_the_logits_are_the_read_out(tmp_path: Path, readout: ReadOutKind) -> None:
    import onnxruntime

    for seed in range(6):
        network = replace(random_network(seed), readout=readout)
        network = replace(network, input=Input(network.input.shape, 0, 9))
        samples = random_samples(network, 3)
        store(network, tmp_path / "a.onnx", timed=False)
        session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {"image": samples.astype(np.uint8)})
        assert np.array_equal(logits, simulate(network, samples).outputs(network))


def test_only_standard_operators_are_used() -> None:
    model = onnx_model(random_network(5), timed=True)
    assert {opset.domain for opset in model.opset_import} == {""}
    assert {node.domain for node in model.graph.node} == {""}
    assert len(model.graph.node) > 5


def test_edges_of_the_arithmetic_are_equal() -> None:
    weight = np.array([[127, 127], [-128, -128], [-128, 3], [100, 0]])
    samples = np.array([[520, 520], [515, 300], [1, 0], [40000, -40000], [32768, 1], [0, 0]])
    for neuron in (Lif((4,), 131071, 0, [4095, -4096, 0, 1], 7), Lif((4,), 0, 4095, 1, 0), Lif((4,), 131071, 0, 0, du=1000)):
        network = Network("n", 6, Input((2,), -40000, 40000), (Layer("a", (Dense("input", weight),), neuron),), "spikes")
        assert_equal(network, samples)
        assert_equal(network, -samples)


def test_sums_beyond_32_bits_are_refused(tmp_path: Path) -> None:
    huge = Dense("input", np.broadcast_to(np.int8(127), (1, 70_000)))
    wide = Dense("input", np.broadcast_to(np.int32(-200), (1, 70_000)))
    network = Network("n", 1, Input((70_000,), 0, 255), (Layer("a", (huge, huge, wide), Lif((1,), 1, 0)),), "spikes")
    assert [str(each).split(",")[0] for each in TARGETS["onnx"].violations(network)] == [
        *["layer 'a': sums from 'input' can leave 32 bits"] * 2,  # the wide one is summed byte by byte
    ]
    with pytest.raises(CannotExport, match=r"layer 'a': sums from 'input' can leave 32 bits.*and 1 more"):
        TARGETS["onnx"].write(network, tmp_path / "a.onnx")


def test_a_file_of_images_takes_no_frames(tmp_path: Path) -> None:
    network = random_network(1)
    store(network, tmp_path / "a.onnx", timed=False)
    with pytest.raises(EngineError, match="takes one image for all steps"):
        run_onnx(network, random_samples(network, 2, timed=True), file=tmp_path / "a.onnx")
    store(network, tmp_path / "b.onnx", timed=True)
    assert_equal(network, random_samples(network, 2), tmp_path / "b.onnx")


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not a model")
    else:
        model = onnx.load_model_from_string(content)
        if how == "foreign":
            del model.metadata_props[:]
        elif how == "threshold":
            tensor = next(t for t in model.graph.initializer if t.name.endswith("threshold"))
            tensor.raw_data = (5 * 64).to_bytes(8, "little")
        elif how == "weight":
            tensor = next(t for t in model.graph.initializer if "weight" in t.name)
            tensor.raw_data = bytes([tensor.raw_data[0] ^ 1]) + tensor.raw_data[1:]
        elif how == "node":
            model.graph.node[0].name = "renamed"
        elif how == "no weights":
            del model.graph.initializer[:]
        elif how == "shape":
            tensor = next(t for t in model.graph.initializer if "weight" in t.name)
            tensor.dims[0] = 2**40
        path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("how", ["truncated", "empty", "text", "foreign", "threshold", "weight", "node", "no weights", "shape"])
def test_damaged_files_are_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.onnx"
    store(random_network(4), path)
    damaged(path, how)
    with pytest.raises(FileFormatError, match=r"a\.onnx: ") as caught:
        read_onnx(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        read_onnx(tmp_path / "none.onnx")


def test_what_could_overflow_is_not_written(tmp_path: Path) -> None:
    layer = Layer("a", (Dense("input", np.full((1, 4000), 127)),), Lif((1,), 1, 0))
    network = Network("n", 1, Input((4000,), 0, 255), (layer,), "spikes")
    with pytest.raises(NetworkError, match="cannot be written as .onnx: layer 'a': current u of neuron"):
        TARGETS["onnx"].write(network, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_dense_weights_are_bytes_that_no_processor_saturates() -> None:
    weight = np.tile(np.array([127, -128], np.int8), (3, 20))
    layer = Layer("a", (Dense("input", weight),), Lif((3,), 1, 0))
    model = onnx_model(Network("n", 1, Input((40,), 0, 255), (layer,)), timed=False)
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == "a/weight0")
    assert stored.data_type == onnx.TensorProto.UINT8
    (product,) = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(product.input) == 4


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    for seed in (1, 2):
        network = random_network(seed)
        store(network, tmp_path / "a.onnx", timed=False)
        assert_equal(network, random_samples(network, 2), tmp_path / "a.onnx")


def test_spikes_and_membranes_are_outputs_on_request(tmp_path: Path) -> None:
    import onnxruntime

    network = random_network(1)
    path = tmp_path / "a.onnx"
    path.write_bytes(content(network, OnnxOptions(timed=True, traces=True)))
    assert read_onnx(path) == network
    samples = random_samples(network, 3, timed=True)
    assert_equal(network, samples, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()][1:3] == ["layer0/spikes", "layer0/membranes"]
    kind = np.uint8 if "uint8" in session.get_inputs()[0].type else np.int32
    _, spikes, *_ = session.run(None, {"image": samples.astype(kind)})
    assert np.array_equal(spikes, simulate(network, samples).spikes["layer0"])
