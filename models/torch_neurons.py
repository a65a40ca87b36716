"""Neurons of other frameworks as what they do to a membrane: known by their type's name, so that none must be installed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from snnc.toolchain.errors import ConfigError


@dataclass(frozen=True)
class Membrane:
    """What a neuron does: v = keep * v + gain * input; it spikes at `threshold` and then resets to 0.

    `note` says what is not so and becomes so.
    """

    keep: float
    gain: float
    threshold: float
    note: str = ""


def _number(value: Any, what: str) -> float:
    values = torch.as_tensor(value, dtype=torch.float64).flatten()
    if not len(values) or bool((values != values[0]).any()):
        raise ConfigError(f"its {what} differs from neuron to neuron; give all one, as a chip has for a population")
    return float(values[0])


def _soft(resets_to: Any) -> str:
    """Return the note about a reset by subtraction, "" for a reset to 0. Raises ConfigError for a reset to another value."""
    if resets_to is None:
        return "resets by subtraction become resets to 0"
    if _number(resets_to, "v_reset"):
        raise ConfigError(f"it resets to {_number(resets_to, 'v_reset'):g}; the chip resets to 0: train with v_reset = 0")
    return ""


def _snntorch_leaky(neuron: Any) -> Membrane:
    if neuron.reset_mechanism not in ("zero", "subtract") or neuron.inhibition or neuron.state_quant:
        raise ConfigError("it has no reset, inhibition or quantized states; take reset_mechanism='zero' without the others")
    note = _soft(None if neuron.reset_mechanism == "subtract" else 0)
    keep = min(max(_number(neuron.beta, "beta"), 0.0), 1.0)
    return Membrane(keep, 1.0, _number(neuron.threshold, "threshold"), note=note)


def _spikingjelly_if(neuron: Any) -> Membrane:
    return Membrane(1.0, 1.0, _number(neuron.v_threshold, "v_threshold"), note=_soft(neuron.v_reset))


def _spikingjelly_lif(neuron: Any) -> Membrane:
    tau = _number(neuron.tau, "tau")
    gain = 1 / tau if neuron.decay_input else 1.0
    return Membrane(1 - 1 / tau, gain, _number(neuron.v_threshold, "v_threshold"), note=_soft(neuron.v_reset))


def _norse_box(neuron: Any) -> Membrane:
    _soft(neuron.p.v_reset)
    subtracts = getattr(neuron.p.reset_method, "__name__", "reset_value") == "reset_subtract"
    rate = neuron.dt * _number(neuron.p.tau_mem_inv, "tau_mem_inv")
    if leads := _number(neuron.p.v_leak, "v_leak"):
        raise ConfigError(f"its membrane starts at {leads:g} and leaks toward it; the chip's does at 0: train with v_leak = 0")
    return Membrane(1 - rate, rate, _number(neuron.p.v_th, "v_th"), _soft(None if subtracts else 0))


NEURONS: dict[tuple[str, str], Callable[[Any], Membrane]] = {
    ("snntorch", "Leaky"): _snntorch_leaky,
    ("spikingjelly", "IFNode"): _spikingjelly_if,
    ("spikingjelly", "LIFNode"): _spikingjelly_lif,
    ("norse", "LIFBoxCell"): _norse_box,
}


def is_neuron(module: nn.Module) -> bool:
    """Tell whether a module is a neuron that is known."""
    return _kind(module) in NEURONS


def membrane_of(module: nn.Module) -> Membrane:
    """Return what a neuron does to its membrane. Raises ConfigError for what the chip's neurons do not do."""
    found = NEURONS[_kind(module)](module)
    if not (0 < found.keep <= 1 and found.threshold > 0):
        raise ConfigError(
            f"it keeps {found.keep:g} of its membrane and has the threshold {found.threshold:g}; allowed are above 0 to 1, "
            "and above 0"
        )
    return found


def _kind(module: nn.Module) -> tuple[str, str]:
    return type(module).__module__.split(".", maxsplit=1)[0], type(module).__name__
