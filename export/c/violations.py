"""What C source with 32-bit integers cannot hold of a network, and the options of such source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snnc.export.target import option
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.violation import Violation

MOST_SUM = 2**24  # 64 times as much, and a state of 24 bits beside it, fit 32 bits
MOST_VALUE = 2**15 - 1  # of an input, so that one product with an 8-bit weight has 23 bits


@dataclass(frozen=True)
class COptions:
    """How the source names things."""

    prefix: str = option("", "Begins all names in the source.  [default: the network's name]")

    def __post_init__(self) -> None:
        """Raise ConfigError for a prefix that begins no name in C."""
        if self.prefix and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,40}", self.prefix):
            raise ConfigError(
                f"prefix {self.prefix!r} cannot begin names in C; take a letter, then up to 40 letters, digits and '_'"
            )

    def chosen(self, network: Network) -> str:
        """Return the prefix: the one asked for, else the network's name with all that C does not allow left out."""
        name = re.sub(r"[^A-Za-z0-9]+", "_", network.name).strip("_").lower()[:40]
        return self.prefix or (name if name[:1].isalpha() else f"snn_{name}".rstrip("_"))


def check(network: Network, options: COptions = COptions()) -> Iterator[Violation]:
    """Yield everything that 32-bit arithmetic cannot hold."""
    for layer in network.layers:
        reach = 0
        for synapse in layer.synapses:
            magnitudes = np.abs(synapse.weight.astype(np.int64)).reshape(len(synapse.weight), -1).sum(1)
            reach += int(magnitudes.max()) * max(map(abs, network.ranges[synapse.source]))
        where = f"layer {layer.name!r}"
        if reach > MOST_SUM:
            problem = f"its sums can reach {reach}, 32-bit arithmetic takes {MOST_SUM}"
            yield Violation(where, problem, "use smaller weights or inputs", reach, f"0..{MOST_SUM}")
        if layer.neuron.bias_exponent > 23 or int(np.abs(layer.neuron.bias).max()) >= 2**23:
            yield Violation(where, "a bias has more than 24 bits", "rescale the layer")
