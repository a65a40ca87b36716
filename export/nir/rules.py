"""What a NIR file leaves open, as rules, and the rules that each framework which writes NIR follows."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

import numpy as np

from snnc.toolchain.errors import ConfigError, row


@dataclass(frozen=True)
class Rules:
    """What a NIR file does not say: seconds per step, how a time constant decays, when a neuron spikes, how it is reset."""

    dt: float = 1e-4
    decay: Literal["euler", "exponential"] = "euler"  # keep 1 - dt / tau of the membrane, or exp(-dt / tau)
    compare: Literal[">", ">="] = ">"
    reset: Literal["zero", "subtract"] = "zero"
    reset_delay: int = 0  # steps between a spike and its reset
    gain: Literal["file", "unit", "normalized"] = "file"  # an input adds what r says, or 1, or 1 - what a step keeps
    start: Literal["zero", "leak", "reset"] = "zero"  # where membranes begin
    early_decay: bool = False  # a synaptic current decays in the step in which its input arrives
    tau_unit: float = 1.0  # seconds in which the file counts time constants


# Conventions of those who write NIR, as their own neurons run; no file says them. snnTorch, sinabs and rockpool reset by
# subtraction unless their user chose otherwise.
WRITERS: dict[str, Rules] = {
    "spec": Rules(),
    "norse": Rules(dt=1e-3, gain="normalized", start="leak"),
    "snntorch": Rules(reset="subtract", reset_delay=1),
    "spikingjelly": Rules(compare=">=", start="reset"),
    "sinabs": Rules(dt=1.0, decay="exponential", compare=">=", reset="subtract", gain="unit"),
    "rockpool": Rules(dt=1e-3, decay="exponential", compare=">=", reset="subtract", gain="unit", early_decay=True),
}
# What may be stated in place of a writer's own, and the values it may have; any for none.
STATED: dict[str, tuple[Any, ...]] = {"dt": (), "reset_delay": (0, 1)} | {
    name: get_args(kind) for name, kind in get_type_hints(Rules).items() if get_args(kind)
}
AUTO = "auto"  # tries them all, see writers.py


def writer_rules(writer: str, stated: dict[str, Any]) -> Rules:
    """Return the conventions of a writer with those that are stated (not None) in their place.

    Raises ConfigError for an unknown writer or convention, for a value that it does not have, and for a time step of 0 or less.
    """
    known = row(WRITERS, writer, "writer")
    given = {name: value for name, value in stated.items() if value is not None}
    for name, value in given.items():
        if name not in STATED:
            raise ConfigError(f"convention {name!r} is unknown; allowed are {', '.join(STATED)}")
        if STATED[name] and value not in STATED[name]:
            raise ConfigError(f"convention {name!r} is {value!r}; allowed are {', '.join(map(repr, STATED[name]))}")
    rules = replace(known, **given)
    if isinstance(rules.dt, str) or not 0 < rules.dt < np.inf:
        raise ConfigError(f"a time step of {rules.dt} s is not possible; give seconds above 0")
    return rules
