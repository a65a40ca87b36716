"""Architectures written as text, such as 128C3-256C3-AP2-512C3-1024FC: what papers print, and what a checkpoint can hold.

`16C3` is a convolution of 16 channels and a 3 x 3 kernel whose padding keeps the size, `16C3p0` one without padding, `16C3s2`
one of stride 2, `AP2` average pooling of 2 x 2, `MP2` max pooling of spikes, and `64FC` a layer of 64 neurons. `d0.5` behind a
layer is its dropout, `b0.9` its beta, `t0.5` its threshold, `:binary` its weights. A read-out follows, which `-Out` may name
(`-Outb0.9` with a beta of its own).

A layer takes the one in front, or what `@` names: `16C3@conv1+conv2` has one kernel for the added spikes of the first two
convolutions. `~` adds to its neurons' current: `16C3~conv1g0.5` spikes of conv1, half a threshold each (a shortcut without
weights), `16C3~C1s2@conv1` a second convolution.
"""

import re
from dataclasses import replace
from math import prod

from snnc.models.architecture import Architecture, Join, MaxPart, Part, Projection
from snnc.models.layer_neurons import neurons_of
from snnc.models.shortcuts import shortcuts_from
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
KERNEL = r"C([1-9]\d?)(?:p(\d{1,2}))?(?:s([1-9]\d?))?"
CONVOLUTION = re.compile(r"([1-9]\d{0,4})" + KERNEL + BEHIND, re.ASCII)
POOL = re.compile(r"AP([1-9]\d{0,2})", re.ASCII)
MAX_POOL = re.compile(r"MP([1-9]\d{0,2})", re.ASCII)
DENSE = re.compile(r"([1-9]\d{0,4})FC" + BEHIND, re.ASCII)
PROJECTION = re.compile(f"(?:{POOL.pattern})?(?:{KERNEL}|FC)@(.+)", re.ASCII)
SHORTCUT = re.compile(r"([a-z]+\d+)(?:g(\d{1,4}(?:\.\d{1,30})?))?", re.ASCII)
HYPHEN = re.compile(r"-(?![a-z])", re.ASCII)  # weights may have a hyphen in their name
OUT = re.compile("Out" + BETA, re.ASCII)
MOST_LAYERS = 1000
ALLOWED = (
    "16C3 (a convolution), 16C3p0 (its padding), 16C3s2 (its stride), AP2 (average pooling), MP2 (max pooling of spikes), 64FC "
    "(neurons), d0.5, b0.9, t0.5 and :binary behind a layer (its dropout, beta, threshold and weights), @conv1+conv2 (what it "
    "takes), ~conv1g1 and ~C1@conv1 (a shortcut and a projection into it), joined by -"
)


def is_notation(text: str) -> bool:
    """Tell whether a text is meant as a notation, not as a name: its first word is one of the notation's."""
    first = re.split("[@~]", HYPHEN.split(text, maxsplit=1)[0])[0]
    return any(pattern.fullmatch(first) for pattern in (CONVOLUTION, POOL, MAX_POOL, DENSE))


def parse(text: str) -> Architecture:
    """Return the architecture of a text. Raises ConfigError, naming the word, for one that it cannot have."""
    words = HYPHEN.split(text)
    if len(words) > MOST_LAYERS:
        raise ConfigError(f"model: {len(words):,} words; allowed are {MOST_LAYERS:,}")
    with located(f"model {text!r}"):
        reader = _Reader()
        out = OUT.fullmatch(words[-1].partition("@")[0])
        for word in words[:-1] if out else words:
            reader.take(word)
        return reader.end(words[-1] if out else "", _beta(out[1]) if out else None)


def own_betas(text: str) -> dict[str, float]:
    """Return what layers of a model keep that say so themselves, by a name for people; {} of a model that is no text."""
    return {f"beta of {name}": beta for name, beta in parse(text).betas.items()} if is_notation(text) else {}


class _Reader:
    """The layers so far, and the pools in front of the next."""

    def __init__(self) -> None:
        self.parts, self.names, self.pools = list[Part | MaxPart](), list[str](), list[str]()

    @property
    def pool(self) -> int:
        """The side of the pools that wait."""
        return prod(int(word[2:]) for word in self.pools)

    def take(self, word: str) -> None:
        """Take the next word. Raises ConfigError."""
        if POOL.fullmatch(word):
            self.pools.append(word)
            return
        head, *added = word.split("~")
        head, sources = _split(head)
        self._check(word, sources)
        self._check_images(self.pools, sources)
        part = self._part(word, head, sources)
        self.parts.append(self._with_added(word, part, added) if added else part)
        self.names, self.pools = Architecture(tuple(self.parts)).names, []

    def end(self, word: str, beta: float | None) -> Architecture:
        """Return the architecture; `word` is that of the read-out, "" without one. Raises ConfigError."""
        if not self.parts:
            raise ConfigError(f"it has no layer of neurons; allowed are {ALLOWED}")
        _, sources = _split(word)
        self._check(word, sources)
        self._check_images(self.pools, sources)
        found = Architecture(tuple(self.parts), self.pool, beta, sources)
        taken = {source for source, _ in found.taken()}
        for name in self.names:
            if name not in taken:
                raise ConfigError(f"nothing takes the spikes of {name!r}; leave it out, or name it behind an @ or a ~")
        return found

    def _part(self, word: str, head: str, sources: tuple[str, ...]) -> Part | MaxPart:
        if found := DENSE.fullmatch(head):
            return _with_behind(Part(int(found[1]), pool=self.pool, sources=sources), found.groups()[1:])
        if found := MAX_POOL.fullmatch(head):
            self._check_images([word], sources)
            if not self.parts or self.pools or INPUT in sources or len(sources) > 1:
                raise ConfigError(f"{word!r} takes spikes of one layer; put it right behind neurons")
            return MaxPart(int(found[1]), sources)
        if found := CONVOLUTION.fullmatch(head):
            self._check_images([word], sources)
            kernel, padding, stride = _kernel(word, *found.groups()[1:4])
            return _with_behind(Part(int(found[1]), kernel, padding, self.pool, stride, sources=sources), found.groups()[4:])
        raise ConfigError(f"{word!r} is unknown; allowed are {ALLOWED}")

    def _with_added(self, word: str, part: Part | MaxPart, added: list[str]) -> Part:
        if isinstance(part, MaxPart):
            raise ConfigError(f"{word!r}: nothing can be added to a max pool; put the ~ behind a layer with weights")
        weighted = part.sources or (self.names[-1] if self.names else INPUT,)
        for text in added:
            if found := PROJECTION.fullmatch(text):
                pool, kernel, padding, stride, names = found.groups()
                sources = tuple(names.split("+"))
                self._check(word, (*weighted, *sources), "give it one kernel")
                weighted += sources
                side, around, step = (None, 0, 1) if kernel is None else _kernel(word, kernel, padding, stride)
                projection = Projection(sources, side, around, int(pool or 1), step)
                part = replace(part, projections=(*part.projections, projection))
            elif found := SHORTCUT.fullmatch(text):
                joins = (*part.joins, Join(found[1], _number(found[2])))
                self._check(word, tuple(each.source for each in joins), "give it twice the gain")
                part = replace(part, joins=joins)
            else:
                raise ConfigError(f"{word!r}: {'~' + text!r} is unknown; allowed are ~conv1, ~conv1g0.5, ~C1s2@conv1, ~FC@fc1")
        return part

    def _check(self, word: str, sources: tuple[str, ...], remedy: str = "take it once") -> None:
        known = (INPUT, *self.names)
        for source in sources:
            if source not in known:
                raise ConfigError(f"{word!r}: {source!r} is no layer in front of it; allowed are {', '.join(known)}")
            if sources.count(source) > 1:
                raise ConfigError(f"{word!r} takes {source!r} more than once; {remedy}")

    def _check_images(self, words: list[str], sources: tuple[str, ...]) -> None:
        if words and any(source.startswith("fc") for source in sources or self.names[-1:]):
            raise ConfigError(f"{words[0]!r} comes after FC, where there is no image; put it in front")


def _split(head: str) -> tuple[str, tuple[str, ...]]:
    """Return a word without what it takes, and that; nothing if it does not say so."""
    head, named, sources = head.partition("@")
    return head, tuple(sources.split("+")) if named else ()


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


def _kernel(word: str, kernel: str, padding: str | None, stride: str | None) -> tuple[int, int, int]:
    """Return kernel, padding and stride. Raises ConfigError if no padding keeps the size and none is stated."""
    side = int(kernel)
    if padding is None and side % 2 == 0:
        raise ConfigError(f"{word!r}: no padding keeps the size behind an even kernel; state it, such as C{kernel}p0")
    return side, side // 2 if padding is None else int(padding), int(stride or 1)


def from_notation(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of the text `config.model`, whose channels are as it says: `config.width` plays no part.

    Layers that take the input, the spike encoders, and the read-out keep 8 bits, unless the text says otherwise of the former.
    Raises ConfigError for a text that is no architecture, or one that does not fit the input.
    """
    return network_of(parse(config.model), config.model, config, input, classes)


def network_of(architecture: Architecture, name: str, config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build the network of an architecture, and name it. Raises ConfigError if it does not fit the input."""
    network = SpikingNetwork(name, config.timesteps, input)
    last = INPUT
    for layer, part, tile in architecture.named():
        sources = part.sources or (last,)
        if isinstance(part, MaxPart):
            last = network.add(MaxPool(layer, sources[0], network.shape(sources[0]), part.pool, neurons_of(config)))
        else:
            last = network.add(_layer(network, config, layer, replace(part, sources=sources), tile))
    sources = architecture.last_sources or (last,)
    with located(f"model {name!r}, layer 'readout'"):
        synapses = _shared(network, sources, classes, Geometry(pool=architecture.last_pool))
        neurons = neurons_of(config, architecture.last_beta)
    network.add(ReadOut("readout", synapses, neurons))
    return network


def _layer(network: SpikingNetwork, config: TrainConfig, name: str, part: Part, tile: int) -> SpikingLayer:
    synapses = dict[str, Synapses]()
    with located(f"model {network.architecture!r}, layer {name!r}"):
        neurons = neurons_of(config, part.beta, part.threshold)
        kernels: list[Part | Projection] = [part, *part.projections]
        for each in kernels:
            # A pool behind a convolution sees whole patches only.
            geometry = Geometry(each.kernel, each.padding, each.pool, tile if each.kernel is not None else 1, each.stride)
            synapses |= _shared(network, each.sources, part.channels, geometry)
        gains = {each.source: config.gain if each.gain is None else each.gain for each in part.joins}
        shortcuts = shortcuts_from(network, gains, synapses[part.sources[0]].output_shape)
    return SpikingLayer(
        name,
        synapses,
        neurons,
        weights=part.weights or ("float" if INPUT in synapses else config.weights),
        delta=config.delta,
        dropout=(config.dropout if part.kernel is None else 0.0) if part.dropout is None else part.dropout,
        shortcuts=shortcuts,
    )


def _shared(network: SpikingNetwork, sources: tuple[str, ...], out: int, geometry: Geometry) -> dict[str, Synapses]:
    """Return one kernel for the added values of all sources. Raises ConfigError if their shapes differ."""
    shapes = {source: network.shape(source) for source in sources}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{source!r} has {shape}" for source, shape in shapes.items())
        raise ConfigError(f"only spikes of one shape are added, {listed}; give these layers the same channels and sides")
    return dict.fromkeys(sources, Synapses(shapes[sources[0]], out, geometry))
