"""Random trained models, with joins, as training could leave them; random_networks.py has integer networks, without torch."""

from contextlib import suppress
from itertools import product

import numpy as np
import torch

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.shortcut import Shortcut
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input


def random_model(seed: int, *, joins: bool = True) -> SpikingNetwork:
    """Draw a model in the integer phase, with weights and statistics as training could leave them.

    With `joins`, layers also take shortcuts from the input and from any earlier layer whose shape fits.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    weights = str(rng.choice(["ternary", "binary", "float"]))
    beta, channels = float(rng.choice([0.25, 0.5, 0.75, 1.0])), int(rng.integers(1, 4))
    timesteps = int(rng.integers(1, 7))
    neurons = Neurons(timesteps, beta)
    shape: tuple[int, ...] = (channels, 8, 8) if rng.random() < 0.7 else (channels * 5,)
    model = SpikingNetwork("random", timesteps, Input(shape, -int(rng.integers(0, 200)), int(rng.integers(1, 200))))
    last = INPUT
    for depth in range(int(rng.integers(1, 5))):
        synapses = random_sources(rng, model, last, int(rng.choice([2, 3, 4, 6])), joins=joins)
        mode = "float" if INPUT in synapses else weights
        shortcuts = random_shortcuts(rng, model, next(iter(synapses.values())).output_shape) if joins else {}
        name = f"layer.{depth}"
        last = model.add(
            SpikingLayer(name, synapses, random_neurons(neurons, seed + depth), weights=mode, delta=0.1, shortcuts=shortcuts)
        )
    model.add(ReadOut("readout", random_sources(rng, model, last, 4, joins=joins, dense=True), neurons))
    scatter_statistics(model)
    model.set_phase(Phase.INTEGER)
    return model.eval()


def random_neurons(common: Neurons, seed: int) -> Neurons:
    """Return the common neurons, or some with a beta and a threshold of their own."""
    rng = np.random.default_rng([seed, 1])
    own = Neurons(common.timesteps, int(rng.integers(1, 4097)) / 4096, threshold=float(rng.choice([0.5, 0.8, 1.5])))
    return own if rng.random() < 0.3 else common


def random_sources(
    rng: np.random.Generator, model: SpikingNetwork, last: str, out: int, *, joins: bool, dense: bool = False
) -> dict[str, Synapses]:
    """Draw synapses from the last layer and, with `joins`, perhaps from others, whose geometry gives the same shape."""
    geometry = random_geometry(rng, model.shape(last), dense=dense)
    synapses = {last: Synapses(model.shape(last), out, geometry)}
    for source in [INPUT, *(layer.name for layer in model.layers)]:
        fitting = fitting_geometries(model.shape(source), synapses[last].output_shape)
        if joins and source != last and fitting and rng.random() < 0.4:
            drawn = int(rng.integers(len(fitting)))
            shared = drawn == 0 and INPUT not in (source, last) and model.shape(source) == model.shape(last)
            synapses[source] = synapses[last] if shared else Synapses(model.shape(source), out, fitting[drawn])
    return synapses


def random_shortcuts(rng: np.random.Generator, model: SpikingNetwork, target: tuple[int, ...]) -> dict[str, Shortcut]:
    """Draw shortcuts from earlier layers whose shape fits."""
    found = {}
    for layer in model.layers:
        with suppress(ConfigError):
            shortcut = Shortcut(layer.output_shape, target, float(rng.choice([0.5, 1.0, 2.0])))
            if rng.random() < 0.5:
                found[layer.name] = shortcut
    return found


def fitting_geometries(source: tuple[int, ...], target: tuple[int, ...]) -> list[Geometry]:
    """Return the geometries that lead from a source to a population of a given shape."""
    kernels = [(None, 0)] if len(target) == 1 else [(kernel, padding) for kernel in (1, 3) for padding in (0, 1)]
    found = []
    for (kernel, padding), pool in product(kernels, (1, 2, 4)):
        geometry = Geometry(kernel, padding, pool)
        with suppress(ConfigError):
            if geometry.output_shape(source, target[0]) == target:
                found.append(geometry)
    return found


def random_geometry(rng: np.random.Generator, source: tuple[int, ...], *, dense: bool = False) -> Geometry:
    """Draw kernel, padding and pooling that fit the source."""
    pool = 2 if len(source) == 3 and source[1] % 2 == source[2] % 2 == 0 and rng.random() < 0.4 else 1
    if dense or len(source) == 1 or rng.random() < 0.3:
        return Geometry(pool=pool)
    return Geometry(kernel=int(rng.choice([1, 3])), padding=1, pool=pool)


@torch.no_grad()
def scatter_statistics(model: SpikingNetwork) -> None:
    """Give every layer means, deviations, shifts and biases away from their start, so that neurons do spike."""
    for layer in model.hidden:
        norm, gain = layer.normalize, float(max(model.limit(source) for source in layer.sources))
        norm.mean.normal_(0, 0.3 * gain)
        norm.variance.uniform_(0.2, 2).mul_(gain**2)
        norm.shift.normal_(0.3, 0.5)
    model.readout.bias.normal_()
