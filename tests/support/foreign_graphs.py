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


@dataclass(frozen=True)
class Weights:
    """Draws weights and biases of layers of torch: whole multiples of a unit, or floats of that size."""

    rng: np.random.Generator
    floats: bool

    def __call__(self, layer: Any, unit: float, *, bias: bool = True) -> Any:
        """Return the layer with its weights drawn."""
        layer.weight.data = self._drawn(layer.weight.shape, 3, unit)
        if layer.bias is not None:
            layer.bias.data = self._drawn(layer.bias.shape, 2, unit * bias)
        return layer

    def _drawn(self, shape: Any, most: int, unit: float) -> torch.Tensor:
        values = self.rng.normal(0.3, 1, shape) if self.floats else self.rng.integers(-1, most, shape)
        return torch.from_numpy(np.asarray(values * unit)).float()


@torch.no_grad()
def from_norse(rng: np.random.Generator, timesteps: int, draw: Weights) -> Foreign:
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
        *(draw(nn.Linear(5, 6), 1.0), LIFBoxCell(box)),
        *(draw(nn.Linear(6, 5), 1.0), IAFCell(IAFParameters(v_th=each(2.0, 5)))),
        *(draw(nn.Linear(5, 4), 1.0, bias=False), norse.LIFCell(cell)),
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
def from_snntorch(rng: np.random.Generator, timesteps: int, draw: Weights) -> Foreign:
    """Return Leaky and Synaptic behind matrices, as snnTorch writes them."""
    import snntorch
    from snntorch.export_nir import export_to_nir

    def each(value: float, count: int) -> torch.Tensor:
        return torch.full((count,), value)

    common: dict[str, Any] = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    threshold = float(rng.choice([0.1, 0.3, 1.0]))
    made = nn.Sequential(
        *(draw(nn.Linear(6, 8), threshold), snntorch.Leaky(each(0.5, 8), each(threshold, 8), **common)),
        *(draw(nn.Linear(8, 6, bias=False), 0.5), snntorch.Leaky(each(0.75, 6), each(1.0, 6), **common)),
        *(draw(nn.Linear(6, 4, bias=False), 1.0), snntorch.Synaptic(each(0.5, 4), each(0.5, 4), each(2.0, 4), **common)),
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
def from_spikingjelly(rng: np.random.Generator, timesteps: int, draw: Weights) -> Foreign:
    """Return every neuron and layer that spikingjelly writes, images of odd sides and a reset other than 0 among them."""
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    reset, average = float(rng.choice([0.0, -1.0])), bool(rng.random() < 0.5)
    made = nn.Sequential(
        *(draw(layer.Conv2d(2, 3, 3, padding=1), 1.0), neuron.LIFNode(2.0, average, v_threshold=1.5, v_reset=reset)),
        *(layer.AvgPool2d(2), draw(layer.Conv2d(3, 4, 3, padding=1), 1.0), neuron.IFNode(v_threshold=2.0)),
        *(layer.Flatten(), draw(layer.Linear(16, 5, bias=False), 1.0), neuron.CUBALIFNode(0.5, 0.5, v_threshold=3.25)),
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


FRAMEWORKS: dict[str, Callable[[np.random.Generator, int, Weights], Foreign]] = {
    "norse": from_norse,
    "snntorch": from_snntorch,
    "spikingjelly": from_spikingjelly,
}


def foreign(framework: str, seed: int, timesteps: int = 4, *, floats: bool = False) -> Foreign:
    """Draw a network of a framework, with whole weights or with floats."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FRAMEWORKS[framework](rng, timesteps, Weights(rng, floats))


# The neurons of each framework's network, in their order, and what lies in front of them.
NODES = {
    "norse": ("LIFBoxCell behind Linear", "IAFCell behind Linear", "LIFCell (CubaLIF) behind Linear"),
    "snntorch": ("Leaky behind Linear", "Leaky, beta 3/4", "Synaptic (CubaLIF) behind Linear"),
    "spikingjelly": (
        "LIFNode behind Conv2d, v_reset 0 or -1",
        "IFNode behind AvgPool2d of 5 x 5 and Conv2d",
        "CUBALIFNode behind Flatten and Linear",
    ),
}


@torch.no_grad()
def recurrent_snntorch(seed: int, timesteps: int = 5) -> Foreign:
    """Return RLeaky and Leaky behind matrices, as snnTorch writes them: a loop in a graph of its own."""
    import snntorch
    from snntorch.export_nir import export_to_nir

    rng = np.random.default_rng(seed)
    draw, count = Weights(rng, floats=False), 5
    common: dict[str, Any] = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    recurrent = snntorch.RLeaky(torch.full((count,), 0.5), linear_features=count, threshold=torch.full((count,), 2.0), **common)
    draw(recurrent.recurrent, 1.0, bias=False)
    last = snntorch.Leaky(torch.full((3,), 0.5), torch.full((3,), 1.0), **common)
    made = nn.Sequential(draw(nn.Linear(4, count), 1.0), recurrent, draw(nn.Linear(count, 3), 1.0), last)
    samples = rng.integers(0, 2, (timesteps, 20, 4))
    spikes: list[list[np.ndarray]] = [[], []]
    for x in torch.from_numpy(samples).float():
        for index, module in enumerate(made):
            x = module(x)
            if index % 2:
                spikes[index // 2].append(x.numpy().copy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = export_to_nir(made, torch.zeros(1, 4), ignore_dims=[0])
    stated = {"reset": "zero", "reset_delay": 0}
    return Foreign(graph, samples, [np.stack(each) for each in spikes], "snntorch", stated)
