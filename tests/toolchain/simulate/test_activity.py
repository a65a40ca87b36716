"""Activity: spikes and synaptic operations as a loop over every weight counts them, and as NeuroBench does."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_samples, seeds
from random_recurrence import random_recurrent_network

from snnc.toolchain.network.chips import CHIPS
from snnc.toolchain.network.mapping import mapping
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.simulate.activity import measure
from snnc.toolchain.simulate.frames import delayed, over_time
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.transposed import fan_out, transposed


def of_ones(synapse: Synapse) -> Synapse:
    weight = (synapse.weight != 0).astype(int)
    return Dense(INPUT, weight) if isinstance(synapse, Dense) else Conv(INPUT, weight, synapse.stride, synapse.padding)


@pytest.mark.parametrize("draw", [random_network, random_recurrent_network])
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_operations_are_what_sums_of_ones_give(draw: Callable[[int], Network], seed: int) -> None:
    network = draw(seed)
    samples = random_samples(network, 3, timed=bool(seed % 2), seed=seed)
    trace = simulate(network, samples)
    found = measure(network, samples, trace)
    active = {INPUT: over_time(network, samples) != 0} | trace.spikes
    graded = 0
    for layer in network.layers:
        whole = 0
        for synapse in layer.synapses:
            arrived = delayed(active[synapse.source], synapse.delay, network.timesteps)
            sums = of_ones(synapse).sums(arrived.reshape(-1, *network.shapes[synapse.source])).sum()
            whole += sums
            graded += sums if synapse.source == INPUT and not network.input.binary else 0
        assert found.operations[layer.name] == pytest.approx(whole / 3)
        assert found.spikes[layer.name] == pytest.approx(trace.spikes[layer.name].sum() / 3)
    assert found.effective_macs == pytest.approx(graded / 3)
    assert found.effective_macs + found.effective_acs == pytest.approx(sum(found.operations.values()))


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_backward_is_the_transpose_of_forward(seed: int) -> None:
    network, rng = random_network(seed), np.random.default_rng(seed)
    for layer in network.layers:
        for synapse in layer.synapses:
            shape = network.shapes[synapse.source]
            x, y = rng.integers(-9, 10, shape), rng.integers(-9, 10, layer.output_shape)
            assert (synapse.sums(x[None])[0] * y).sum() == (transposed(synapse, y, shape) * x).sum()
            assert fan_out(synapse, shape).sum() == of_ones(synapse).sums(np.ones((1, *shape))).sum()


def test_a_mapping_says_what_samples_cost() -> None:
    first = Layer("a", (Dense(INPUT, [[1, 0], [1, 1], [0, 1]]),), Lif((3,), 0, 4095))
    last = Layer("b", (Dense("a", np.full((300, 3), 100)),), Lif((300,), 30000, 0))
    network = Network("n", 4, Input((2,), 0, 1), (first, last), "membrane")
    samples = np.array([[1, 0], [0, 0]])
    active = measure(network, samples, simulate(network, samples))
    assert active.spikes == {INPUT: 2.0, "a": 4.0, "b": 0.0}
    assert active.activation_sparsity == 1 - 8 / 24  # of a alone: the read-out never spikes
    found = mapping(network, CHIPS["loihi2"], active)
    assert found
    assert [(layer.spikes, layer.messages, layer.operations) for layer in found.layers] == [(4.0, 4.0, 4.0), (0.0, 0.0, 1200.0)]
    assert found.input_messages == 2.0
    assert found.rows()[0]["operations"] == 4.0


@pytest.mark.peers
def test_neurobench_counts_the_same() -> None:
    """A network of convolution, leaky neurons and dense synapses, run by snnTorch under NeuroBench's hooks."""
    neurobench = pytest.importorskip("neurobench.metrics.workload", exc_type=ImportError)
    torch, snntorch = pytest.importorskip("torch"), pytest.importorskip("snntorch")
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.models import SNNTorchModel

    rng = np.random.default_rng(5)
    conv = Conv(INPUT, rng.integers(-1, 2, (3, 2, 3, 3)), padding=(1, 1))
    dense = Dense("conv", rng.integers(-1, 2, (4, 48)))
    layers = (Layer("conv", (conv,), Lif((3, 4, 4), 1, 2048)), Layer("fc", (dense,), Lif((4,), 2, 2048)))
    network = Network("n", 5, Input((2, 4, 4), 0, 1), layers, "spikes")
    samples = rng.integers(0, 2, (6, 2, 4, 4))
    found = measure(network, samples, simulate(network, samples))

    def neurons(layer: Layer) -> object:
        settings = {"beta": 0.5, "threshold": float(layer.neuron.vth), "reset_mechanism": "zero", "reset_delay": False}
        return snntorch.Leaky(**settings, init_hidden=True, output=layer is layers[-1])

    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3, padding=1, bias=False),
        neurons(layers[0]),
        torch.nn.Flatten(),
        torch.nn.Linear(48, 4, bias=False),
        neurons(layers[1]),
    )
    net[0].weight.data = torch.tensor(conv.weight, dtype=torch.float32)
    net[3].weight.data = torch.tensor(dense.weight, dtype=torch.float32)
    model = SNNTorchModel(net)
    model.register_hooks()
    frames = torch.tensor(samples, dtype=torch.float32)[:, None].expand(-1, 5, -1, -1, -1)
    batch = (frames, torch.zeros(len(frames)))
    model(frames)
    operations = neurobench.SynapticOperations()(model, None, batch)
    sparsity = neurobench.ActivationSparsity()(model, None, batch)
    mapped = mapping(network, CHIPS["loihi2"], found)
    assert mapped
    assert found.effective_acs > 100
    assert operations["Effective_ACs"] == pytest.approx(found.effective_acs)
    assert operations["Effective_MACs"] == found.effective_macs == 0
    assert sparsity == pytest.approx(found.activation_sparsity)
    assert ConnectionSparsity()(model) == pytest.approx(mapped.connection_sparsity, abs=5e-5)
    weights = 4 * (conv.weight.size + dense.weight.size)
    assert Footprint()(model) >= weights  # 32-bit floats and buffers; ours is of the integers that a chip stores
    assert mapped.footprint == (conv.weight.size * 2 + 7) // 8 + dense.weight.size * 2 // 8
