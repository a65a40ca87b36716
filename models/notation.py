"""Architectures written as text, such as 128C3-256C3-AP2-512C3-1024FC: what papers print, and what a checkpoint can hold.

`16C3` is a convolution of 16 channels and a 3 x 3 kernel whose padding keeps the size, `16C3p0` one without padding, `16C3s2`
one of stride 2, `AP2` average pooling of 2 x 2, `MP2` max pooling of spikes, and `64FC` a layer of 64 neurons. `d0.5` behind a
layer is its dropout, `b0.9` its beta, `t0.5` its threshold, `:binary` its weights. A read-out follows, which `-Out` may name
(`-Outb0.9` with a beta of its own).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from snnc.models.layer_neurons import neurons_of
from snnc.toolchain.errors import ConfigError, located
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.lif import DECAY_UNITY
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig, nearest_beta

BETA = r"(?:b(1|0(?:\.\d{1,12})?))?"
# Dropout, beta, threshold and weights.
BEHIND = r"(?:d(0(?:\.\d{1,4})?))?" + BETA + r"(?:t(\d{1,2}(?:\.\d{1,6})?))?(?::([a-z]+(?:-[a-z]+)*))?"
CONVOLUTION = re.compile(r"([1-9]\d{0,4})C([1-9]\d?)(?:p(\d{1,2}))?(?:s([1-9]\d?))?" + BEHIND, re.ASCII)
POOL = re.compile(r"AP([1-9]\d{0,2})", re.ASCII)
MAX_POOL = re.compile(r"MP([1-9]\d{0,2})", re.ASCII)
DENSE = re.compile(r"([1-9]\d{0,4})FC" + BEHIND, re.ASCII)
JOIN = re.compile(r"-(?![a-z])", re.ASCII)  # weights may have a hyphen in their name
OUT = re.compile("Out" + BETA, re.ASCII)
MOST_LAYERS = 1000
ALLOWED = (
    "16C3 (a convolution), 16C3p0 (its padding), 16C3s2 (its stride), AP2 (average pooling), MP2 (max pooling of spikes), 64FC "
    "(neurons), d0.5, b0.9, t0.5 and :binary behind a layer (its dropout, beta, threshold and weights), joined by -"
)


@dataclass(frozen=True)
class Part:
    """One layer of a chain: how many channels or neurons, its kernel (None: all-to-all), and the pooling in front of it.

    Dropout, weights, beta and threshold are those of the configuration where they are None; beta is k / 4096.
    """

    channels: int
    kernel: int | None = None
    padding: int = 0
    pool: int = 1
    stride: int = 1
    dropout: float | None = None
    weights: str | None = None
    beta: float | None = None
    threshold: float | None = None

    @property
    def kind(self) -> str:
        """What its name begins with."""
        return "fc" if self.kernel is None else "conv"

    def words(self) -> list[str]:
        """Return the words that `parse` reads."""
        text = f"{self.channels}FC"
        if self.kernel is not None:
            keeps = self.kernel % 2 == 1 and self.padding == self.kernel // 2
            stride = f"s{self.stride}" if self.stride > 1 else ""
            text = f"{self.channels}C{self.kernel}" + ("" if keeps else f"p{self.padding}") + stride
        text += "" if self.dropout is None else f"d{_decimals(self.dropout, 4)}"
        text += _beta_text(self.beta)
        text += "" if self.threshold is None else f"t{_decimals(self.threshold, 6)}"
        text += f":{self.weights}" if self.weights else ""
        return [*([f"AP{self.pool}"] if self.pool > 1 else []), text]


@dataclass(frozen=True)
class MaxPart:
    """A population that pools the spikes of the layer in front."""

    pool: int
    kind = "pool"

    def words(self) -> list[str]:
        """Return the word that `parse` reads."""
        return [f"MP{self.pool}"]


@dataclass(frozen=True)
class Architecture:
    """The spiking layers of a chain, the pooling in front of its read-out, and the read-out's beta (None: of configuration)."""

    parts: tuple[Part | MaxPart, ...]
    last_pool: int = 1
    last_beta: float | None = None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        words = [word for part in self.parts for word in part.words()]
        words += [f"AP{self.last_pool}"] if self.last_pool > 1 else []
        return "-".join(words + ([] if self.last_beta is None else ["Out" + _beta_text(self.last_beta)]))

    def scaled(self, width: float) -> "Architecture":
        """Return the architecture with all channels and neurons scaled, at least one each."""
        scaled = (
            replace(part, channels=max(1, round(part.channels * width))) if isinstance(part, Part) else part
            for part in self.parts
        )
        return replace(self, parts=tuple(scaled))

    @property
    def betas(self) -> dict[str, float]:
        """The betas that layers and the read-out have of their own, by name."""
        own = {name: part.beta for name, part, _ in self.named() if isinstance(part, Part)} | {"readout": self.last_beta}
        return {name: beta for name, beta in own.items() if beta is not None}

    def named(self) -> Iterator[tuple[str, Part | MaxPart, int]]:
        """Yield the name of each layer, the layer, and the side of the pool behind it."""
        counts = dict.fromkeys(("conv", "fc", "pool"), 0)
        behind = [*(part.pool for part in self.parts[1:]), self.last_pool]
        for part, tile in zip(self.parts, behind, strict=True):
            counts[part.kind] += 1
            yield f"{part.kind}{counts[part.kind]}", part, tile


def _decimals(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _beta_text(beta: float | None) -> str:
    return "" if beta is None else f"b{_decimals(beta, 4)}"  # of which the nearest k / 4096 is beta again


def is_notation(text: str) -> bool:
    """Tell whether a text is meant as a notation, not as a name: its first word is one of the notation's."""
    return any(pattern.fullmatch(JOIN.split(text, maxsplit=1)[0]) for pattern in (CONVOLUTION, POOL, MAX_POOL, DENSE))


def parse(text: str) -> Architecture:
    """Return the architecture of a text. Raises ConfigError, naming the word, for one that it cannot have."""
    words = JOIN.split(text)
    if len(words) > MOST_LAYERS:
        raise ConfigError(f"model: {len(words):,} words; allowed are {MOST_LAYERS:,}")
    parts, pool = list[Part | MaxPart](), 1
    out = OUT.fullmatch(words[-1])
    for word in words[:-1] if out else words:
        if found := POOL.fullmatch(word):
            _check_image(text, word, parts)
            pool *= int(found[1])
            continue
        parts.append(_part(text, word, parts, pool))
        pool = 1
    if not parts:
        raise ConfigError(f"model {text!r}: it has no layer of neurons; allowed are {ALLOWED}")
    return Architecture(tuple(parts), pool, _beta(out[1]) if out else None)


def own_betas(text: str) -> dict[str, float]:
    """Return what layers of a model keep that say so themselves, by a name for people; {} of a model that is no text."""
    return {f"beta of {name}": beta for name, beta in parse(text).betas.items()} if is_notation(text) else {}


def _part(text: str, word: str, parts: list[Part | MaxPart], pool: int) -> Part | MaxPart:
    if found := DENSE.fullmatch(word):
        return _with_behind(Part(int(found[1]), pool=pool), found.groups()[1:])
    if found := MAX_POOL.fullmatch(word):
        _check_image(text, word, parts)
        if not parts or pool > 1:
            raise ConfigError(f"model {text!r}: {word!r} takes spikes; put it right behind a layer of neurons")
        return MaxPart(int(found[1]))
    if found := CONVOLUTION.fullmatch(word):
        _check_image(text, word, parts)
        part = Part(int(found[1]), int(found[2]), _padding(text, word, found), pool, int(found[4] or 1))
        return _with_behind(part, found.groups()[4:])
    raise ConfigError(f"model {text!r}: {word!r} is unknown; allowed are {ALLOWED}")


def _check_image(text: str, word: str, parts: list[Part | MaxPart]) -> None:
    if parts and parts[-1].kind == "fc":
        raise ConfigError(f"model {text!r}: {word!r} comes after FC, where there is no image; put it in front")


def _with_behind(part: Part, behind: tuple[str | None, ...]) -> Part:
    dropout, beta, threshold, weights = behind
    return replace(part, dropout=_number(dropout), beta=_beta(beta), threshold=_number(threshold), weights=weights)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _beta(text: str | None) -> float | None:
    if text is None:
        return None
    if not round((beta := float(text)) * DECAY_UNITY):
        raise ConfigError(f"beta b{text} is outside 1 / {DECAY_UNITY} to 1; give the share of the membrane that a step keeps")
    return nearest_beta(beta)


def _padding(text: str, word: str, found: "re.Match[str]") -> int:
    if found[3] is not None:
        return int(found[3])
    if int(found[2]) % 2 == 0:
        raise ConfigError(
            f"model {text!r}: no padding keeps the size behind an even kernel; state it, such as {found[1]}C{found[2]}p0"
        )
    return int(found[2]) // 2


def from_notation(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of the text `config.model`, whose channels are as it says: `config.width` plays no part.

    The first layer, the spike encoder, and the read-out keep 8 bits, unless the text says otherwise of the first. Raises
    ConfigError for a text that is no architecture, or one that does not fit the input.
    """
    return network_of(parse(config.model), config.model, config, input, classes)


def network_of(architecture: Architecture, name: str, config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of an architecture, and name it. Raises ConfigError if it does not fit the input."""
    network = SpikingNetwork(name, config.timesteps, input)
    last = INPUT
    for layer, part, tile in architecture.named():
        shape = network.shape(last)
        if isinstance(part, MaxPart):
            last = network.add(MaxPool(layer, last, shape, part.pool, neurons_of(config)))
            continue
        tile = tile if part.kernel is not None else 1  # a pool behind a convolution sees whole patches only
        geometry = Geometry(part.kernel, part.padding, part.pool, tile, part.stride)
        synapses = {last: Synapses(shape, part.channels, geometry)}
        weights = part.weights or ("float" if last == INPUT else config.weights)
        dropout = (config.dropout if part.kernel is None else 0.0) if part.dropout is None else part.dropout
        with located(f"model {name!r}, layer {layer!r}"):
            neurons = neurons_of(config, part.beta, part.threshold)
        last = network.add(SpikingLayer(layer, synapses, neurons, weights=weights, delta=config.delta, dropout=dropout))
    average = Geometry(pool=architecture.last_pool)
    network.add(
        ReadOut("readout", {last: Synapses(network.shape(last), classes, average)}, neurons_of(config, architecture.last_beta))
    )
    return network
