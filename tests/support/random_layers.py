"""Random inputs of one layer of neurons, for the tests of all that computes them."""

import torch
from torch import Tensor

from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.surrogate import SURROGATES


def drawn(seed: int, *, like_training: bool = False) -> tuple[Tensor, Tensor, Tensor, Neurons]:
    """Draw an input, a shift, weights of the spikes in the loss, and neurons."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.float32 if like_training else torch.float64
    steps, batch, channels = (int(torch.randint(1, most, (), generator=generator)) for most in (7, 5, 40))
    size = [(), (3, 5), (1, 1), (7, 2)][seed % 4]
    frames = steps if seed % 3 else 1
    x = torch.randn(frames, batch + 1, channels, *size, generator=generator, dtype=kind) * 2 + 0.5
    shift = torch.randn(channels, generator=generator, dtype=kind) * 0.5 + 0.5
    weights = torch.randn(steps, *x.shape[1:], generator=generator, dtype=kind)
    beta = [0.5, 0.25, 1.0][seed % 3 - 1]
    return x, shift, weights, Neurons(steps, beta, list(SURROGATES)[seed % len(SURROGATES)])
