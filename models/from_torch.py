"""A network of PyTorch, with neurons of snntorch, spikingjelly or norse, as what training here can start from.

The module is one time step: weights, normalization, pools and neurons in a chain. Its architecture becomes text (notation.py),
its weights those of the first epoch; normalization is folded into them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from snnc.models.initial import InitialLayer, load_initial
from snnc.models.notation import Architecture, MaxPart, Part, network_of, parse
from snnc.models.torch_neurons import Membrane, is_neuron, membrane_of
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.errors import ConfigError, located, one_line
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig, nearest_beta

SAMPLES = 256  # on which the means of layers are measured
IGNORED = (nn.Identity,)
POOLS = (nn.AvgPool2d, nn.MaxPool2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d)
WEIGHTS = (nn.Conv2d, nn.Linear)
TAKEN = "Conv2d, Linear, BatchNorm, AvgPool2d, MaxPool2d of spikes, Flatten, Dropout, Leaky, LIFNode, IFNode and LIFBoxCell"


@dataclass(frozen=True)
class TorchStart:
    """What training takes from a module: the architecture as text, beta, weights and biases in thresholds, and notes.

    `beta` is what most layers have; the text says that of others.

    The module was trained on `scale * raw + offset`; networks here take raw integers minus a zero point, and the first layer's
    weights and biases are changed so that it gets the same, but for padding, which is 0 of either.
    """

    model: str
    beta: float
    layers: tuple[InitialLayer, ...]
    input: Input
    notes: tuple[str, ...] = ()

    def configured(self, config: TrainConfig) -> TrainConfig:
        """Return a configuration with this architecture and beta."""
        return config.replaced(model=self.model, beta=self.beta)

    def network(self, config: TrainConfig) -> SpikingNetwork:
        """Return an untrained network that has the function of the module at full precision, to the rounding of floats."""
        classes = len(self.layers[-1].weight)
        network = network_of(
            parse(self.model), self.model, self.configured(config).replaced(weights="float"), self.input, classes
        )
        load_initial(network, self.layers, np.zeros((1, *self.input.shape), np.int64), trains=False)
        return network

    def load(self, network: SpikingNetwork, dataset: Dataset) -> None:
        """Give a fresh network of this configuration the weights, as training can keep them (see load_initial).

        Raises ConfigError if the dataset is not one that the module takes.
        """
        if (dataset.input, len(dataset.labels)) != (self.input, len(self.layers[-1].weight)):
            raise ConfigError(
                f"the module takes {self.input} and has {len(self.layers[-1].weight)} outputs, {dataset.name!r} has "
                f"{dataset.input} and {len(dataset.labels)} classes; choose the data it was made for"
            )
        few = dataset.train.first(min(SAMPLES, len(dataset.train)))
        load_initial(network, self.layers, chip_input(few, dataset.input))


@dataclass
class _Chain:
    """The layers so far, and what waits for its neurons."""

    shape: tuple[int, ...]
    parts: list[Part | MaxPart] = field(default_factory=list)
    layers: list[InitialLayer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pool: int = 1
    flat: bool = False
    last_neurons: str = ""
    part: Part | None = None  # the weights that wait
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    def take(self, name: str, module: nn.Module) -> None:
        """Take the next module. Raises ConfigError for what training does not have."""
        if is_neuron(module):
            self._neuron(name, membrane_of(module))
        elif isinstance(module, POOLS):
            self._pool(module)
        elif isinstance(module, NORMS):
            self._norm(module)
        elif isinstance(module, WEIGHTS):
            self._weights(module)
        elif isinstance(module, nn.Flatten):
            self.flat = True
        elif isinstance(module, DROPOUTS):
            self._dropout(name, module.p)
        elif not isinstance(module, IGNORED):
            raise ConfigError(f"it cannot be taken; taken are {TAKEN}")

    def _weights(self, module: Any) -> None:
        if self.part is not None:
            raise ConfigError("it follows weights without neurons in between; put neurons behind each, or join the two")
        weight = module.weight
        if isinstance(module, nn.Conv2d):
            self.part = _convolution(module, self.pool)
        else:
            if len(self.shape) == 3 and not self.flat:
                raise ConfigError("it takes an image that was not flattened; put Flatten in front")
            self.part = Part(len(weight), pool=self.pool)
        self.pool = 1
        self.weight = weight.detach().double()
        self.bias = torch.zeros(len(weight)).double() if module.bias is None else module.bias.detach().double()

    def _norm(self, module: Any) -> None:
        if self.weight is None or self.bias is None:
            raise ConfigError("it follows no weights; put it between weights and neurons")
        if module.running_mean is None:
            raise ConfigError("it has no running statistics; train it with track_running_stats=True")
        factor = 1 / torch.sqrt(module.running_var.double() + module.eps)
        factor, shift = (factor * module.weight, module.bias) if module.affine else (factor, 0)
        factor, shift = factor.detach(), shift.detach() if isinstance(shift, torch.Tensor) else shift
        self.weight = self.weight * factor.reshape(-1, *[1] * (self.weight.dim() - 1))
        self.bias = (self.bias - module.running_mean.double()) * factor + shift

    def _pool(self, module: Any) -> None:
        side, stride, padding = (_one(each) for each in (module.kernel_size, module.stride, module.padding))
        if side != stride or padding or module.ceil_mode or getattr(module, "dilation", 1) != 1:
            raise ConfigError("its pools are not square tiles; take kernel_size = stride, no padding and ceil_mode=False")
        if self.part is not None:
            raise ConfigError("it pools the input of neurons; put it behind the neurons, so that spikes are pooled")
        if isinstance(module, nn.AvgPool2d):
            self.pool *= side
        elif not self.parts or self.pool > 1:
            raise ConfigError("it pools no spikes; put it right behind neurons")
        else:
            self.parts.append(MaxPart(side))

    def _dropout(self, name: str, share: float) -> None:
        last = self.parts[-1] if self.parts and self.part is None else None
        if not isinstance(last, Part) or share >= 1:
            self.notes.append(f"module {name!r}: dropout that is not right behind neurons is left out")
            return
        self.parts[-1] = replace(last, dropout=round(share, 4))

    def _neuron(self, name: str, membrane: Membrane) -> None:
        if self.part is None or self.weight is None or self.bias is None:
            raise ConfigError("these neurons follow no weights; put weights in front")
        self.last_neurons = name
        beta = nearest_beta(membrane.keep)
        if abs(beta - membrane.keep) > 1e-6:
            self.notes.append(
                f"module {name!r}: neurons that keep {membrane.keep:g} of their membrane keep {beta:g}, as a chip can"
            )
        if membrane.note:
            self.notes.append(f"module {name!r}: {membrane.note}")
        unit = membrane.gain / membrane.threshold
        self._close(replace(self.part, beta=beta), unit * self.weight, unit * self.bias)

    def _close(self, part: Part, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.parts.append(replace(part, dropout=0.0))
        self.layers.append(InitialLayer(weight.numpy(), bias.numpy()))
        self.part = self.weight = self.bias = None
        self.flat = self.flat or part.kernel is None

    def end(self) -> None:
        """Make what comes last the read-out. Raises ConfigError if it cannot be one."""
        if self.part is not None and self.weight is not None and self.bias is not None:
            self._close(self.part, self.weight, self.bias)
            self.notes.append("the last weights become the read-out, whose membranes leak as those of the layers do")
        else:
            self.notes.append(
                f"module {self.last_neurons!r} becomes the read-out: classes are decided by its membranes, not its spikes"
            )
        final = self.parts[-1] if self.parts else None
        if len(self.layers) < 2 or not isinstance(final, Part) or final.kernel is not None:
            raise ConfigError("the module needs neurons in front of a last Linear, which becomes the read-out")

    def architecture(self) -> tuple[Architecture, float]:
        """Return the chain, and the beta that most of its layers have; the others say theirs."""
        *hidden, final = [part for part in self.parts if isinstance(part, Part)]
        common = Counter(part.beta for part in hidden).most_common(1)[0][0]
        own = [replace(part, beta=None) if isinstance(part, Part) and part.beta == common else part for part in self.parts]
        return Architecture(tuple(own[:-1]), final.pool, None if final.beta == common else final.beta), common or 1.0


def from_torch(module: nn.Module, input: Input, *, scale: float = 1.0, offset: float = 0.0) -> TorchStart:
    """Take a trained network of PyTorch as the start of a training.

    Args:
        module: one time step: an nn.Sequential, or a module whose forward pass torch.fx can trace, with neurons of snntorch
            (Leaky), spikingjelly (LIFNode, IFNode) or norse (LIFBoxCell). It is not changed.
        input: shape, range and zero point of what the chip is fed, such as `dataset.input`.
        scale: what raw samples were multiplied with for the module, such as 1 / 255; the range of samples plays no part.
        offset: what was added to them then, such as -mean / deviation.

    Raises:
        ConfigError: for what training does not have, with the name of the module inside.

    Example:
        >>> import snnc
        >>> data = snnc.load_dataset("digits")
        >>> start = snnc.from_torch(module, data.input, scale=1 / 16)  # doctest: +SKIP
        >>> config = snnc.TrainConfig(epochs_float=2, epochs_quantized=4, epochs_integer=2)
        >>> checkpoint = snnc.train(config, "model.pt", dataset=data, start=start)  # doctest: +SKIP
    """
    chain = _Chain(tuple(input.shape))
    for name, each in _modules(module):
        with located(f"module {name!r} ({type(each).__name__})"):
            chain.take(name, each)
    chain.end()
    architecture, beta = chain.architecture()
    first, *rest = chain.layers
    layers = (_on_integers(first, input, scale, offset), *rest)
    start = TorchStart(str(architecture), beta, layers, input, tuple(chain.notes))
    start.network(TrainConfig())  # whether the shapes fit together
    return start


def _on_integers(layer: InitialLayer, input: Input, scale: float, offset: float) -> InitialLayer:
    """Return the first layer for integers, raw minus zero point, in place of `scale * raw + offset`."""
    raised = (scale * input.zero_point + offset) * layer.weight.reshape(len(layer.weight), -1).sum(1)
    return InitialLayer(scale * layer.weight, layer.bias + raised)


def _convolution(module: nn.Conv2d, pool: int) -> Part:
    kernel, stride = _one(module.kernel_size), _one(module.stride)
    if module.groups != 1 or _one(module.dilation) != 1 or module.padding_mode != "zeros":
        raise ConfigError("it has groups, dilation or a padding that is not 0; take a plain convolution")
    padding = {"valid": 0, "same": kernel // 2}.get(module.padding) if isinstance(module.padding, str) else _one(module.padding)
    if padding is None or (module.padding == "same" and kernel % 2 == 0):
        raise ConfigError(f"padding {module.padding!r} of an even kernel is not the same on all sides; take an odd kernel")
    return Part(module.out_channels, kernel, padding, pool, stride)


def _one(pair: Any) -> int:
    """Return the number that both sides have. Raises ConfigError if they differ."""
    sides = set(pair) if isinstance(pair, tuple | list) else {pair}
    if len(sides) != 1:
        raise ConfigError(f"its sides differ ({tuple(pair)}); training has square kernels, strides, paddings and pools")
    return int(sides.pop())


class _Tracer(fx.Tracer):
    """Takes neurons and what PyTorch has as they are, and looks into all other modules."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_neuron(m) or isinstance(m, (*POOLS, *NORMS, *DROPOUTS, *WEIGHTS, nn.Flatten, *IGNORED))


def _modules(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of a chain in the order of the forward pass. Raises ConfigError for one that is no chain."""
    if isinstance(module, nn.Sequential):
        for name, each in module.named_children():
            yield from _modules(each, f"{prefix}{name}.") if isinstance(each, nn.Sequential) else [(f"{prefix}{name}", each)]
        return
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # noqa: BLE001 - a user's code fails in any way there is once it is traced
        raise ConfigError(
            f"the forward pass of {type(module).__name__} cannot be traced ({one_line(error)}); give one time step, without "
            "states or loops, such as an nn.Sequential"
        ) from None
    inner, last = dict(module.named_modules()), None
    for node in graph.nodes:
        if node.op == "output":
            return
        if node.op != "placeholder" and list(node.all_input_nodes) != [last]:
            raise ConfigError(f"{node.name!r} does not take what comes right before it alone; only chains are taken")
        last = node
        if node.op == "call_module":
            yield str(node.target), inner[str(node.target)]
        elif node.op in ("call_function", "call_method") and node.target in (torch.flatten, "flatten"):
            yield node.name, nn.Flatten()
        elif node.op != "placeholder":
            raise ConfigError(f"{node.name!r} is no module; taken are {TAKEN}")
