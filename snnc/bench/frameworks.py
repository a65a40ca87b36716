"""Other ways to train the same network, for `snnc bench train`: the ReLU limit, and the frameworks that are installed.

All are CIFARNet of `models/cifarnet.py` with batch normalization behind its convolutions, LIF neurons that keep half of their
membrane and reset to 0, and a boxcar surrogate gradient. The encoder's convolution runs once for each image. Each framework
is used in the way that was fastest for it when measured: all steps folded into the batch, or a loop over time.
"""

import logging
import math
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = (128, 256, 512, 1024, 512)  # at width 1
FEATURES = (1024, 512)
POOLED = (2, 3)  # the convolutions behind a 2 x 2 average pooling
IMAGE = (3, 32, 32)
CLASSES = 10

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
Steps = Callable[[Tensor], Tensor]


class Baseline(nn.Module):
    """CIFARNet but for its neurons: logits `(B, 10)` from images `(B, 3, 32, 32)`."""

    def __init__(self, width: float, timesteps: int):
        """Build weights and normalization."""
        super().__init__()
        self.timesteps = timesteps
        channels = [IMAGE[0], *(max(1, round(out * width)) for out in CHANNELS)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels[i], channels[i + 1], 3, padding=1, bias=False) for i in range(len(CHANNELS))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(out) for out in channels[1:])
        features = [channels[-1] * 64, *(max(1, round(out * width)) for out in FEATURES), CLASSES]
        self.dense = nn.ModuleList(nn.Linear(features[i], features[i + 1], bias=False) for i in range(len(features) - 1))
        for linear in self.dense:  # torch's default leaves all these neurons silent, and every gradient 0
            nn.init.normal_(linear.weight, std=3.6 * linear.in_features**-0.5)  # type: ignore[arg-type, operator]

    def current(self, layer: int, x: Tensor) -> Tensor:
        """Return the input of a layer's neurons from the spikes `(N, ...)` of the layer before."""
        if layer >= len(CHANNELS):
            return self.dense[layer - len(CHANNELS)](x.flatten(1))  # type: ignore[no-any-return]
        if layer in POOLED:
            x = F.avg_pool2d(x, 2)
        return self.norms[layer](self.convolutions[layer](x))  # type: ignore[no-any-return]

    @property
    def hidden(self) -> int:
        """The number of layers with neurons."""
        return len(CHANNELS) + len(FEATURES)


class Folded(Baseline):
    """All time steps in one batch `(T * B, ...)`; `neurons` turns `(T, B, ...)` into spikes."""

    def __init__(self, width: float, timesteps: int, neurons: Callable[[], Steps]):
        """Give every layer neurons of its own."""
        super().__init__(width, timesteps)
        made = [neurons() for _ in range(self.hidden)]
        self.neurons = made
        self.owned = nn.ModuleList(each for each in made if isinstance(each, nn.Module))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        first = self.current(0, images)
        spikes = self.neurons[0](first.unsqueeze(0).expand(self.timesteps, *first.shape))
        for layer in range(1, self.hidden):
            current = self.current(layer, spikes.flatten(0, 1))
            spikes = self.neurons[layer](_over_time(current, self.timesteps))
        return _over_time(self.current(self.hidden, spikes.flatten(0, 1)), self.timesteps).sum(0)


def _over_time(x: Tensor, timesteps: int) -> Tensor:
    return x.reshape(timesteps, -1, *x.shape[1:])


class Looped(Baseline):
    """The whole network step after step; `neurons` takes one step's input and a state."""

    def __init__(self, width: float, timesteps: int, neurons: Callable[[], Step]):
        """Give every layer neurons of its own; `as_documented` computes the encoder's convolution again at every step."""
        super().__init__(width, timesteps)
        self.neurons = [neurons() for _ in range(self.hidden)]
        self.as_documented = False

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        first = self.current(0, images)
        states: list[Any] = [None] * self.hidden
        logits = torch.zeros((), device=images.device)
        for t in range(self.timesteps):
            if t and self.as_documented:
                first = self.current(0, images)
            spikes, states[0] = self.neurons[0](first, states[0])
            for layer in range(1, self.hidden):
                spikes, states[layer] = self.neurons[layer](self.current(layer, spikes), states[layer])
            logits = logits + self.current(self.hidden, spikes)
        return logits


def limit(width: float, timesteps: int) -> Baseline:
    """Return the network with ReLU in place of its neurons: what its convolutions and products alone cost."""
    return Folded(width, timesteps, lambda: F.relu)


def spikingjelly(width: float, timesteps: int) -> Baseline:
    """Return it with spikingjelly's LIFNode in multi-step mode, torch backend."""
    return Folded(width, timesteps, spikingjelly_neurons)


def spikingjelly_neurons() -> Steps:
    """Return spikingjelly's neurons over `(T, ...)`, from rest."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    node = neuron.LIFNode(
        tau=2.0, decay_input=False, v_reset=0.0, surrogate_function=surrogate.Rect(alpha=1.0), detach_reset=True, step_mode="m"
    )

    def run(current: Tensor) -> Tensor:
        functional.reset_net(node)
        return node(current)  # type: ignore[no-any-return]

    return run


def snntorch(width: float, timesteps: int) -> Baseline:
    """Return it with snntorch's Leaky, in a loop over time as its documentation shows."""
    return Looped(width, timesteps, snntorch_neurons)


def snntorch_neurons() -> Step:
    """Return snntorch's neurons."""
    import snntorch as snn
    from snntorch import surrogate

    def boxcar(membrane: Tensor, grad: Tensor, spikes: Tensor) -> Tensor:
        return grad * (membrane.abs() < 0.5).float()

    leaky = snn.Leaky(beta=0.5, threshold=1.0, spike_grad=surrogate.custom_surrogate(boxcar), reset_mechanism="zero")

    def run(current: Tensor, membrane: Any) -> tuple[Tensor, Any]:
        return leaky(current, leaky.reset_mem() if membrane is None else membrane)  # type: ignore[no-any-return]

    return run


def norse(width: float, timesteps: int) -> Baseline:
    """Return it with norse's LIFBoxCell, lifted over time."""
    return Looped(width, timesteps, norse_neurons)


def norse_neurons() -> Step:
    """Return norse's neurons, whose membrane and threshold are half as large: v = v / 2 + x / 2."""
    import norse.torch
    from norse.torch.functional.lif_box import LIFBoxParameters

    half = torch.as_tensor(0.5)
    parameters = LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0), v_th=half, method="triangle", alpha=torch.as_tensor(1.0))
    return norse.torch.LIFBoxCell(parameters)  # type: ignore[no-any-return]


def sinabs(width: float, timesteps: int) -> Baseline:
    """Return it with sinabs' LIF, one spike a step, reset to 0."""
    return Folded(width, timesteps, sinabs_neurons)


def sinabs_neurons() -> Steps:
    """Return sinabs' neurons, which take the batch first."""
    import sinabs.layers
    from sinabs.activation import MembraneReset, SingleSpike

    class Boxcar:
        def __call__(self, membrane: Tensor, threshold: float) -> Tensor:
            return ((membrane - threshold).abs() < 0.5).float()

    lif = sinabs.layers.LIF(
        tau_mem=1 / math.log(2), norm_input=False, spike_fn=SingleSpike, reset_fn=MembraneReset(), surrogate_grad_fn=Boxcar()
    )
    lif.tau_mem.requires_grad_(False)

    def run(current: Tensor) -> Tensor:
        lif.reset_states()
        return lif(current.transpose(0, 1)).transpose(0, 1)  # type: ignore[no-any-return]

    return run


FRAMEWORKS: dict[str, Callable[[float, int], Baseline]] = {
    "limit": limit,
    "spikingjelly": spikingjelly,
    "snntorch": snntorch,
    "norse": norse,
    "sinabs": sinabs,
}


def installed() -> list[str]:
    """Return the rows of FRAMEWORKS that can run here."""
    return [name for name in FRAMEWORKS if name == "limit" or find_spec(name) is not None]


def build_baseline(name: str, width: float, timesteps: int, *, as_documented: bool = False) -> Baseline:
    """Build a row of FRAMEWORKS, ready to train: in torch's channels_last layout, or as its documentation shows it."""
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)  # norse lets torch look for it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the frameworks say of torch and of themselves
        baseline = FRAMEWORKS[name](width, timesteps).train()
    if not as_documented:
        baseline.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return baseline
    if isinstance(baseline, Looped):
        baseline.as_documented = True
    return baseline
