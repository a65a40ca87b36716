"""What a NIR file leaves open, as rules, and the rules that each framework which writes NIR follows."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import ConfigError, row

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """What a NIR file does not say: seconds per step, how a time constant decays, when a neuron spikes, how it is reset."""

    dt: float = 1e-4
    decay: Literal["euler", "exponential"] = "euler"  # keep 1 - dt / tau of the membrane, or exp(-dt / tau)
    compare: Literal[">", ">="] = ">"
    reset: Literal["zero", "subtract"] = "zero"
    reset_delay: int = 0  # steps between a spike and its reset
    ignores_r: bool = False  # r is taken as 1, and as 1 / dt in an IF

    def kept(self, node: Any) -> Floats:
        """Return the share of a membrane that one step keeps."""
        if not _leaks(node):
            return np.ones(1)
        ratio = self.dt / np.asarray(node.tau, np.float64)
        return 1 - ratio if self.decay == "euler" else np.exp(-ratio)

    def gain(self, node: Any) -> Floats:
        """Return what one unit of input adds to a membrane."""
        if self.ignores_r:
            return np.ones(1) if not _leaks(node) else 1 - self.kept(node)
        r = np.asarray(node.r, np.float64)
        return r * self.dt if not _leaks(node) else r * (1 - self.kept(node))

    def drive(self, node: Any) -> Floats:
        """Return what the leak adds to a membrane at every step."""
        return np.zeros(1) if not _leaks(node) else np.asarray(node.v_leak, np.float64) * (1 - self.kept(node))


def _leaks(node: Any) -> bool:
    return hasattr(node, "tau")  # of LIF, IF and LI, only an IF has no time constant


# Conventions of those who write NIR, as their own neurons run; no file says them. snnTorch and sinabs reset by subtraction
# unless their user chose otherwise.
WRITERS: dict[str, Rules] = {
    "spec": Rules(),
    "norse": Rules(dt=1e-3, ignores_r=True),
    "snntorch": Rules(reset="subtract", reset_delay=1),
    "spikingjelly": Rules(compare=">="),
    "sinabs": Rules(dt=1.0, decay="exponential", compare=">=", reset="subtract"),
}


def writer_rules(writer: str, stated: dict[str, Any]) -> Rules:
    """Return the conventions of a writer with those that are stated (not None) in their place.

    Raises ConfigError for an unknown writer and for a time step of 0 or less.
    """
    rules = replace(row(WRITERS, writer, "writer"), **{name: value for name, value in stated.items() if value is not None})
    if not 0 < rules.dt < np.inf:
        raise ConfigError(f"a time step of {rules.dt} s is not possible; give seconds above 0")
    return rules
