"""Weights from elsewhere: a fresh network computes what they computed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from snnc.models import build_model
from snnc.models.initial import InitialLayer, load_initial
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

CONFIG = TrainConfig(model="6C3-AP2-20FC", timesteps=4, weights="float", dropout=0.0)
rng = np.random.default_rng(0)
LAYERS = [
    InitialLayer(rng.normal(0, 0.2, (6, 1, 3, 3)), rng.normal(0, 0.5, 6)),
    InitialLayer(rng.normal(0, 3, (20, 96)), rng.normal(1, 1, 20)),
    InitialLayer(rng.normal(0, 0.01, (5, 20)), rng.normal(0, 0.01, 5)),
]
SAMPLES = rng.integers(-5, 12, (64, 1, 8, 8))


def fresh(config: TrainConfig = CONFIG) -> SpikingNetwork:
    torch.manual_seed(0)
    return build_model(config, Input((1, 8, 8), -5, 11), 5).eval()


def by_hand() -> tuple[list[np.ndarray], np.ndarray]:
    """Return the spikes of both hidden layers, and the read-out's membranes summed, as LIF neurons of threshold 1 have them."""
    conv, dense, out = LAYERS
    padded = np.pad(SAMPLES, ((0, 0), (0, 0), (1, 1), (1, 1)))[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # type: ignore[call-overload]
    x = np.einsum("bhwyx,oyx->bohw", windows, conv.weight[:, 0]) + conv.bias[:, None, None]
    first, second = np.zeros((4, *x.shape)), np.zeros((4, 64, 20))
    v, w, logits, total = np.zeros_like(x), np.zeros((64, 20)), np.zeros((64, 5)), np.zeros((64, 5))
    for t in range(4):
        v = v / 2 + x
        first[t] = v >= 1
        v[v >= 1] = 0
        pooled = first[t].reshape(64, 6, 4, 2, 4, 2).mean((3, 5)).reshape(64, -1)
        w = w / 2 + pooled @ dense.weight.T + dense.bias
        second[t] = w >= 1
        w[w >= 1] = 0
        logits = logits / 2 + second[t] @ out.weight.T + out.bias
        total += logits
    return [first, second], total


@torch.no_grad()
def test_the_function_is_that_of_the_weights() -> None:
    network = fresh()
    load_initial(network, LAYERS, SAMPLES, trains=False)
    spikes, total = by_hand()
    sent = {"input": network.with_time(torch.tensor(SAMPLES))}
    for layer, expected in zip(network.hidden, spikes, strict=True):
        sent[layer.name] = layer(sent)
        assert 0.05 < expected.mean() < 0.95
        assert (sent[layer.name].numpy() != expected).mean() < 1e-3  # float32
    logits = network(torch.tensor(SAMPLES)).total.numpy()
    assert np.corrcoef(logits.ravel(), total.ravel())[0, 1] > 0.9999
    assert (logits.argmax(1) == total.argmax(1)).mean() > 0.98


@torch.no_grad()
def test_weights_of_several_sources_keep_their_share() -> None:
    network = fresh(replace(CONFIG, model="6C3-20FC~FC@input-Out"))
    dense = InitialLayer(rng.normal(0, 3, (20, 384)), np.zeros(20), (rng.normal(0, 1, (20, 64)),))
    load_initial(network, [LAYERS[0], dense, LAYERS[2]], SAMPLES, trains=False)
    one, other = (each.weight.numpy() for each in network.hidden[1].synapses)
    assert np.allclose(one / other[:, :1], dense.weight / dense.projections[0][:, :1], rtol=1e-5)  # of training
    assert float((one**2).sum() + (other**2).sum()) == pytest.approx(2 * 2 * 20, rel=1e-5)  # as He et al. 2015, both together
    with pytest.raises(ConfigError, match=r"layer 'fc1' has weights \(20, 384\), \(20, 64\), got \(20, 384\)"):
        load_initial(network, [LAYERS[0], replace(dense, projections=()), LAYERS[2]], SAMPLES)


@torch.no_grad()
def test_what_trains_normalizes_as_its_batches_do() -> None:
    network = fresh(replace(CONFIG, weights="ternary"))
    load_initial(network, LAYERS, SAMPLES)
    before = [layer.normalize.deviation.clone() for layer in network.hidden]
    sent = network.with_time(torch.tensor(SAMPLES))
    first = network.hidden[0]
    tested = first({"input": sent})
    trained = first.train()({"input": sent})
    assert torch.equal(tested, trained)  # the batch's own statistics are those that are kept
    assert torch.allclose(first.normalize.deviation, before[0], rtol=1e-4)
    ever = torch.tensor(by_hand()[0][0]).amax(0)
    assert (tested.amax(0) == ever).float().mean() > 0.99  # the same neurons spike at all
    assert all(
        abs(float(layer.synapses[0].weight.square().mean()) * layer.synapses[0].weight[0].numel() - 2) < 1e-3
        for layer in network.hidden
    )


def test_a_silent_layer_and_other_shapes() -> None:
    network = fresh()
    silent = [LAYERS[0], InitialLayer(np.zeros((20, 96)), np.zeros(20)), LAYERS[2]]
    load_initial(network, silent, SAMPLES)
    assert all(torch.isfinite(values).all() for values in network.state_dict().values())
    with pytest.raises(ConfigError, match=r"layer 'fc1' has weights \(20, 96\), got \(20, 95\)"):
        load_initial(network, [LAYERS[0], InitialLayer(np.ones((20, 95)), np.ones(20)), LAYERS[2]], SAMPLES)
    with pytest.raises(ConfigError, match="weights of 2 layers do not fit a network of 3"):
        load_initial(network, LAYERS[:2], SAMPLES)
