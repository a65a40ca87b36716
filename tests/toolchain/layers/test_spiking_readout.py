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
from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.network.predictions import decisions, probabilities
from snnc.toolchain.network.readout import MOST_BITS, READOUTS
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.evaluation import logits_on

SPIKING = TINY.replaced(readout="spikes")
FIRST = TINY.replaced(readout="first-spike")


@pytest.fixture(scope="module", params=["spikes", "first-spike"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    path = tmp_path_factory.mktemp("spiking") / f"{request.param}.pt"
    assert snnc.train(TINY.replaced(readout=request.param), path, dataset=digits).accuracy > 0.3
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
    assert torch.equal(logits.decided, logits.total.argmax(1))
    with pytest.raises(snnc.SnncError, match="nothing may come after the read-out"):
        network.add(ReadOut("more", {"fc1": snnc.Synapses((12,), 3, snnc.Geometry())}, network.readout.neurons))


@pytest.mark.parametrize("timesteps", [1, 2, 5, MOST_BITS])
@pytest.mark.parametrize("kind", ["spikes", "first-spike"])
def test_logits_are_the_scores_of_the_network(kind: str, timesteps: int) -> None:
    torch.manual_seed(0)
    network = snnc.build_model(TINY.replaced(readout=kind, timesteps=timesteps), snnc.Input((1, 8, 8), -5, 11, 5), 10)
    readout = network.readout
    assert isinstance(readout, SpikingReadOut)
    spikes = torch.randint(0, 2, (timesteps, 300, 10)).float()
    scores = READOUTS[kind].scores(spikes.numpy().astype(np.int64))
    for precision in (torch.float32, torch.bfloat16, torch.float16):
        logits = Logits(*readout.logits(spikes.to(precision)))
        np.testing.assert_array_equal(logits.values.sum(0).double().numpy(), scores)
        np.testing.assert_array_equal(logits.decided.numpy(), scores.argmax(1))
        np.testing.assert_array_equal(logits.total.numpy(), scores.astype(np.float32) / np.float32(readout.logit_units))
    everywhere = Logits(*readout.logits(torch.ones_like(spikes)))
    assert everywhere.total.max().item() == pytest.approx(timesteps / SPIKES_PER_LOGIT, rel=0.1)


def test_division_makes_scores_equal_which_decide() -> None:
    """Two trains of 24 steps that differ in the last one: as logits in 32 bits they are the same number."""
    network = snnc.build_model(FIRST.replaced(timesteps=MOST_BITS), snnc.Input((1, 8, 8), -5, 11, 5), 10)
    readout = network.readout
    assert isinstance(readout, SpikingReadOut)
    spikes = torch.ones(MOST_BITS, 1, 10)
    spikes[-1, :, :9] = 0
    logits = Logits(*readout.logits(spikes))
    assert logits.total.argmax(1) == 0
    assert logits.decided == 9


def test_more_steps_than_scores_are_exact_for_are_refused() -> None:
    assert FIRST.replaced(timesteps=MOST_BITS).timesteps == MOST_BITS
    with pytest.raises(snnc.SnncError, match=r"25 time steps are more than the 24 .*; use fewer steps, or the read-out"):
        FIRST.replaced(timesteps=MOST_BITS + 1)


def test_every_engine_gives_the_spikes_of_the_model(trained: Path, tmp_path: Path, digits: Dataset) -> None:
    model, checkpoint = snnc.load_model(trained)
    assert model.phase is Phase.INTEGER
    network = snnc.lower(model, checkpoint.labels)
    assert network.readout == checkpoint.config.readout == trained.stem
    split = digits.test.first(40)
    verdict = snnc.verify(network, split, model=model, engines=["fast", "tensor", "torch"])
    assert verdict.equal, verdict.first_difference
    trace = snnc.simulate(network, snnc.chip_input(split, network.input))
    assert trace.spikes["readout"].any()
    logits = logits_on(model, on_device(split, network.input, torch.device("cpu")))
    np.testing.assert_array_equal(logits * network.logit_units, trace.outputs(network))
    assert checkpoint.accuracy == (decisions(network, all_outputs(network, digits)) == digits.test.labels).mean()
    assert probabilities(network, trace.outputs(network)).sum(1) == pytest.approx(1)
    for target in ("loihi2", "onnx", "nir", "c"):
        file = snnc.export(network, target, tmp_path / f"a{snnc.TARGETS[target].suffix}")
        assert snnc.read_network(file) == network and snnc.read_network(file).readout == trained.stem
    files = [tmp_path / "a.onnx", tmp_path / "a.nir", tmp_path / "a.h"]
    assert snnc.verify(network, split.first(3), engines=["onnx", "nir", "c"], files=files).equal


def all_outputs(network: snnc.Network, digits: Dataset) -> np.ndarray:
    return snnc.simulate(network, snnc.chip_input(digits.test, network.input)).outputs(network)


@pytest.mark.lava
@pytest.mark.slow
def test_lava_gives_them_as_well(trained: Path, tmp_path: Path, digits: Dataset) -> None:
    model, checkpoint = snnc.load_model(trained)
    network = snnc.lower(model, checkpoint.labels)
    file = snnc.export(network, "loihi2", tmp_path / "a.net")
    assert snnc.verify(network, digits.test.first(2), engines=["lava", "netx"], files=[file]).equal
