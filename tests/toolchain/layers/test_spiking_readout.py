"""A read-out of spikes: trained in all phases, lowered number for number, and the same on every engine that holds it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import TINY

import snnc
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import SPIKES_PER_LOGIT, ReadOut, SpikingReadOut
from snnc.toolchain.network.predictions import probabilities
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.evaluation import logits_on

SPIKING = TINY.replaced(readout="spikes")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    path = tmp_path_factory.mktemp("spiking") / "model.pt"
    assert snnc.train(SPIKING, path, dataset=digits).accuracy > 0.3
    return path


def test_the_last_layer_spikes_and_is_no_hidden_layer() -> None:
    pixels = snnc.Input((1, 8, 8), -5, 11, 5)
    torch.manual_seed(0)
    network = snnc.build_model(SPIKING, pixels, 10)
    torch.manual_seed(0)
    other = snnc.build_model(TINY, pixels, 10)
    assert isinstance(network.readout, SpikingReadOut) and isinstance(other.readout, ReadOut)
    assert [layer.name for layer in network.hidden] == [layer.name for layer in other.hidden]
    # floats: the other read-out divided its weights by the number of steps that count, so rounding differs
    assert torch.allclose(network.readout.synapses[0].weight, other.readout.synapses[0].weight * other.readout.repeats)
    logits = network(torch.zeros(2, 1, 8, 8))
    assert set(logits.values.unique().tolist()) <= {0, 1}
    assert torch.equal(logits.total, logits.values.sum(0) / SPIKES_PER_LOGIT)
    with pytest.raises(snnc.SnncError, match="nothing may come after the read-out"):
        network.add(ReadOut("more", {"fc1": snnc.Synapses((12,), 3, snnc.Geometry())}, network.readout.neurons))


def test_every_engine_gives_the_spikes_of_the_model(trained: Path, tmp_path: Path, digits: Dataset) -> None:
    model, checkpoint = snnc.load_model(trained)
    assert model.phase is Phase.INTEGER
    network = snnc.lower(model, checkpoint.labels)
    assert network.readout == "spikes" and network.logit_units == SPIKES_PER_LOGIT
    split = digits.test.first(40)
    verdict = snnc.verify(network, split, model=model, engines=["fast", "tensor", "torch"])
    assert verdict.equal, verdict.first_difference
    trace = snnc.simulate(network, snnc.chip_input(split, network.input))
    assert trace.spikes["readout"].any()
    logits = logits_on(model, on_device(split, network.input, torch.device("cpu")))
    np.testing.assert_array_equal(logits * SPIKES_PER_LOGIT, trace.outputs(network))
    assert probabilities(network, trace.outputs(network)).sum(1) == pytest.approx(1)
    for target in ("loihi2", "onnx", "nir", "c"):
        file = snnc.export(network, target, tmp_path / f"a{snnc.TARGETS[target].suffix}")
        assert snnc.read_network(file).readout == "spikes"
    files = [tmp_path / "a.onnx", tmp_path / "a.nir", tmp_path / "a.h"]
    assert snnc.verify(network, split.first(3), engines=["onnx", "nir", "c"], files=files).equal


@pytest.mark.lava
@pytest.mark.slow
def test_lava_gives_them_as_well(trained: Path, tmp_path: Path, digits: Dataset) -> None:
    model, checkpoint = snnc.load_model(trained)
    network = snnc.lower(model, checkpoint.labels)
    file = snnc.export(network, "loihi2", tmp_path / "a.net")
    assert snnc.verify(network, digits.test.first(2), engines=["lava", "netx"], files=[file]).equal
