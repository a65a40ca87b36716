"""Architectures written as text, such as 128C3-256C3-AP2-512C3-1024FC: what papers print, and what a checkpoint can hold.

`16C3` is a convolution of 16 channels and a 3 x 3 kernel whose padding keeps the size, `16C3p0` one without padding, `AP2`
average pooling of 2 x 2, and `64FC` a layer of 64 neurons. A read-out follows, which `-Out` may name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig

CONVOLUTION = re.compile(r"([1-9]\d{0,4})C([1-9]\d?)(?:p(\d{1,2}))?", re.ASCII)
POOL = re.compile(r"AP([1-9]\d{0,2})", re.ASCII)
DENSE = re.compile(r"([1-9]\d{0,4})FC", re.ASCII)
OUT = "Out"
MOST_LAYERS = 1000
ALLOWED = "16C3 (a convolution), 16C3p0 (its padding), AP2 (average pooling), 64FC (neurons), joined by -"


@dataclass(frozen=True)
class Part:
    """One layer of a chain: how many channels or neurons, its kernel (None: all-to-all), and the pooling in front of it."""

    channels: int
    kernel: int | None = None
    padding: int = 0
    pool: int = 1


@dataclass(frozen=True)
class Architecture:
    """The spiking layers of a chain, and the pooling in front of its read-out."""

    parts: tuple[Part, ...]
    last_pool: int = 1

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        words = []
        for part in self.parts:
            words += [f"AP{part.pool}"] if part.pool > 1 else []
            if part.kernel is None:
                words.append(f"{part.channels}FC")
            else:
                keeps = part.kernel % 2 == 1 and part.padding == part.kernel // 2
                words.append(f"{part.channels}C{part.kernel}" + ("" if keeps else f"p{part.padding}"))
        return "-".join(words + ([f"AP{self.last_pool}"] if self.last_pool > 1 else []))


def is_notation(text: str) -> bool:
    """Tell whether a text is meant as a notation, not as a name: its first word is one of the notation's."""
    return any(pattern.fullmatch(text.split("-", maxsplit=1)[0]) for pattern in (CONVOLUTION, POOL, DENSE))


def parse(text: str) -> Architecture:
    """Return the architecture of a text. Raises ConfigError, naming the word, for one that it cannot have."""
    words = text.split("-")
    if len(words) > MOST_LAYERS:
        raise ConfigError(f"model: {len(words):,} words; allowed are {MOST_LAYERS:,}")
    parts, pool = list[Part](), 1
    for word in words[:-1] if words[-1] == OUT else words:
        if found := DENSE.fullmatch(word):
            parts.append(Part(int(found[1]), pool=pool))
        elif parts and parts[-1].kernel is None and (POOL.fullmatch(word) or CONVOLUTION.fullmatch(word)):
            raise ConfigError(f"model {text!r}: {word!r} comes after FC, where there is no image; put it in front")
        elif found := POOL.fullmatch(word):
            pool *= int(found[1])
            continue
        elif found := CONVOLUTION.fullmatch(word):
            parts.append(Part(int(found[1]), int(found[2]), _padding(text, word, found), pool))
        else:
            raise ConfigError(f"model {text!r}: {word!r} is unknown; allowed are {ALLOWED}")
        pool = 1
    if not parts:
        raise ConfigError(f"model {text!r}: it has no layer of neurons; allowed are {ALLOWED}")
    return Architecture(tuple(parts), pool)


def _padding(text: str, word: str, found: "re.Match[str]") -> int:
    if found[3] is not None:
        return int(found[3])
    if int(found[2]) % 2 == 0:
        raise ConfigError(f"model {text!r}: no padding keeps the size behind an even kernel; state it, such as {word}p0")
    return int(found[2]) // 2


def from_notation(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of the text `config.model`, whose channels are as it says: `config.width` plays no part.

    The first layer, the spike encoder, and the read-out keep 8 bits. Raises ConfigError for a text that is no architecture, or
    one that does not fit the input.
    """
    architecture = parse(config.model)
    network = SpikingNetwork(config.model, config.timesteps, input)
    neurons = Neurons(config.timesteps, config.beta, config.surrogate)
    last = INPUT
    behind = [*(part.pool for part in architecture.parts[1:]), architecture.last_pool]
    for (name, part), tile in zip(_named(architecture.parts), behind, strict=True):
        tile = tile if part.kernel is not None else 1  # a pool behind a convolution sees whole patches only
        geometry = Geometry(kernel=part.kernel, padding=part.padding, pool=part.pool, tile=tile)
        synapses = Synapses(network.shape(last), part.channels, geometry)
        weights = "float" if last == INPUT else config.weights
        dropout = config.dropout if part.kernel is None else 0.0
        layer = SpikingLayer(name, {last: synapses}, neurons, weights=weights, delta=config.delta, dropout=dropout)
        last = network.add(layer)
    average = Geometry(pool=architecture.last_pool)
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, average)}, neurons))
    return network


def _named(parts: Iterable[Part]) -> list[tuple[str, Part]]:
    counts = {"conv": 0, "fc": 0}
    named = []
    for part in parts:
        kind = "fc" if part.kernel is None else "conv"
        counts[kind] += 1
        named.append((f"{kind}{counts[kind]}", part))
    return named
