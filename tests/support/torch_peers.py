"""Neurons of other frameworks on PyTorch, as modules hold them: what several tests share."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from peers import skip_without
from torch import nn


def quiet(make: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def neurons(framework: str) -> Callable[[], nn.Module]:
    skip_without(framework.split("-", maxsplit=1)[0])

    def snntorch() -> nn.Module:
        from snntorch import Leaky

        leaky: nn.Module = Leaky(beta=0.75, threshold=0.5, init_hidden=True, reset_mechanism="zero")
        return leaky

    def lif() -> nn.Module:
        from spikingjelly.activation_based.neuron import LIFNode

        node: nn.Module = LIFNode(tau=2.0, v_threshold=0.25)
        return node

    def integrate() -> nn.Module:
        from spikingjelly.activation_based.neuron import IFNode

        node: nn.Module = IFNode(v_threshold=0.75)
        return node

    def norse() -> nn.Module:
        from norse.torch import LIFBoxCell, LIFBoxParameters

        fast = LIFBoxParameters(tau_mem_inv=torch.tensor(250.0), v_th=torch.tensor(0.2))
        cell: nn.Module = LIFBoxCell(fast)
        return cell

    makers = {"snntorch": snntorch, "spikingjelly": lif, "spikingjelly-if": integrate, "norse": norse}
    return lambda: quiet(makers[framework])
