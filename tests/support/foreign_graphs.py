"""Random networks of other frameworks: as those write them to NIR, and the spikes that they compute themselves."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nir
import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Foreign:
    """A graph, how its writer is named and what must be stated, and the spikes of each neuron node, `(T, B, ...)`."""

    graph: nir.NIRGraph
    samples: np.ndarray
    spikes: list[np.ndarray]
    writer: str
    stated: dict[str, Any]


def whole(layer: Any, rng: np.random.Generator, unit: float, *, bias: bool = True) -> Any:
    """Give a layer of torch whole multiples of a unit as weights and, perhaps, biases."""
    layer.weight.data = torch.from_numpy(rng.integers(-1, 3, layer.weight.shape) * unit).float()
    if layer.bias is not None:
        drawn = rng.integers(-1, 2, layer.bias.shape) * unit * bias
        layer.bias.data = torch.from_numpy(np.asarray(drawn)).float()
    return layer


@torch.no_grad()
def from_norse(rng: np.random.Generator, timesteps: int) -> Foreign:
    """Return LIFBoxCell, IAFCell and LIFCell behind matrices, as norse writes them."""
    import norse.torch as norse
    from norse.torch.functional.iaf import IAFParameters
    from norse.torch.functional.lif import LIFParameters
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.module.iaf import IAFCell
    from norse.torch.module.lif_box import LIFBoxCell

    def each(value: float, count: int) -> torch.Tensor:
        return torch.full((count,), value)

    box = LIFBoxParameters(tau_mem_inv=each(500.0, 6), v_th=each(0.5, 6), v_leak=each(0.0, 6), v_reset=each(0.0, 6))
    current = {"tau_syn_inv": each(500.0, 4), "tau_mem_inv": each(500.0, 4)}
    cell = LIFParameters(**current, v_th=each(1.0, 4), v_leak=each(0.0, 4), v_reset=each(0.0, 4))
    made = [
        *(whole(nn.Linear(5, 6), rng, 1.0), LIFBoxCell(box)),
        *(whole(nn.Linear(6, 5), rng, 1.0), IAFCell(IAFParameters(v_th=each(2.0, 5)))),
        *(whole(nn.Linear(5, 4), rng, 1.0, bias=False), norse.LIFCell(cell)),
    ]
    samples = rng.integers(0, 2, (timesteps, 20, 5))
    spikes: list[list[np.ndarray]] = [[], [], []]
    states: dict[int, Any] = dict.fromkeys(range(len(made)))
    for x in torch.from_numpy(samples).float():
        for index, module in enumerate(made):
            if index % 2:
                x, states[index] = module(x, states[index])
                spikes[index // 2].append(x.numpy().copy())
            else:
                x = module(x)
    graph = norse.to_nir(norse.SequentialState(*made), torch.zeros(1, 5))
    return Foreign(graph, samples, [np.stack(each) for each in spikes], "norse", {})


@torch.no_grad()
def from_snntorch(rng: np.random.Generator, timesteps: int) -> Foreign:
    """Return Leaky and Synaptic behind matrices, as snnTorch writes them."""
    import snntorch
    from snntorch.export_nir import export_to_nir

    def each(value: float, count: int) -> torch.Tensor:
        return torch.full((count,), value)

    common: dict[str, Any] = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    threshold = float(rng.choice([0.1, 0.3, 1.0]))
    made = nn.Sequential(
        *(whole(nn.Linear(6, 8), rng, threshold), snntorch.Leaky(each(0.5, 8), each(threshold, 8), **common)),
        *(whole(nn.Linear(8, 6, bias=False), rng, 0.5), snntorch.Leaky(each(0.75, 6), each(1.0, 6), **common)),
        *(whole(nn.Linear(6, 4, bias=False), rng, 1.0), snntorch.Synaptic(each(0.5, 4), each(0.5, 4), each(2.0, 4), **common)),
    )
    samples = rng.integers(0, 2, (timesteps, 20, 6))
    spikes: list[list[np.ndarray]] = [[], [], []]
    for x in torch.from_numpy(samples).float():
        for index, module in enumerate(made):
            x = module(x)
            if index % 2:
                spikes[index // 2].append(x.numpy().copy())
    graph = export_to_nir(made, torch.zeros(1, 6), ignore_dims=[0])
    stated = {"reset": "zero", "reset_delay": 0}
    return Foreign(graph, samples, [np.stack(each) for each in spikes], "snntorch", stated)


@torch.no_grad()
def from_spikingjelly(rng: np.random.Generator, timesteps: int) -> Foreign:
    """Return every neuron and layer that spikingjelly writes, images of odd sides and a reset other than 0 among them."""
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    reset, average = float(rng.choice([0.0, -1.0])), bool(rng.random() < 0.5)
    made = nn.Sequential(
        *(whole(layer.Conv2d(2, 3, 3, padding=1), rng, 1.0), neuron.LIFNode(2.0, average, v_threshold=1.5, v_reset=reset)),
        *(layer.AvgPool2d(2), whole(layer.Conv2d(3, 4, 3, padding=1), rng, 1.0), neuron.IFNode(v_threshold=2.0)),
        *(layer.Flatten(), whole(layer.Linear(16, 5, bias=False), rng, 1.0), neuron.CUBALIFNode(0.5, 0.5, v_threshold=3.25)),
    )
    samples = rng.integers(0, 2, (timesteps, 20, 2, 5, 5))
    spikes: dict[int, list[np.ndarray]] = {}
    functional.reset_net(made)
    for x in torch.from_numpy(samples).float():
        for index, module in enumerate(made):
            x = module(x)
            if isinstance(module, neuron.BaseNode):
                spikes.setdefault(index, []).append(x.numpy().copy())
    functional.reset_net(made)
    graph = export_to_nir(made, torch.zeros(1, 2, 5, 5))
    return Foreign(graph, samples, [np.stack(each) for each in spikes.values()], "spikingjelly", {})


FRAMEWORKS: dict[str, Callable[[np.random.Generator, int], Foreign]] = {
    "norse": from_norse,
    "snntorch": from_snntorch,
    "spikingjelly": from_spikingjelly,
}


def foreign(framework: str, seed: int, timesteps: int = 4) -> Foreign:
    """Draw a network of a framework."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FRAMEWORKS[framework](np.random.default_rng(seed), timesteps)
