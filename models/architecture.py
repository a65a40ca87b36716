"""What an architecture as text says: layers in order, what each takes, and the words that say so (notation.py reads them)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from snnc.toolchain.network.network import INPUT


@dataclass(frozen=True)
class Projection:
    """Further weights that give current to the neurons of a layer, which has its own from other sources."""

    sources: tuple[str, ...]
    kernel: int | None = None
    padding: int = 0
    pool: int = 1
    stride: int = 1

    def word(self) -> str:
        """Return what the layer's word has of it."""
        pool = f"AP{self.pool}" if self.pool > 1 else ""
        return f"~{pool}{_reach(self)}@{'+'.join(self.sources)}"


@dataclass(frozen=True)
class Join:
    """A shortcut: spikes of a layer, each `gain` thresholds strong (None: as the configuration says)."""

    source: str
    gain: float | None = None

    def word(self) -> str:
        """Return what the layer's word has of it: digits enough for the very float."""
        return f"~{self.source}" + ("" if self.gain is None else f"g{np.format_float_positional(self.gain, trim='-')}")


@dataclass(frozen=True)
class Part:
    """One layer: how many channels or neurons, its kernel (None: all-to-all), and the pooling in front of it.

    `sources` are those whose spikes are added up, none for the layer in front; `projections` and `joins` come on top.
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
    sources: tuple[str, ...] = ()
    projections: tuple[Projection, ...] = ()
    joins: tuple[Join, ...] = ()

    @property
    def kind(self) -> str:
        """What its name begins with."""
        return "fc" if self.kernel is None else "conv"

    def words(self) -> list[str]:
        """Return the words that `parse` reads."""
        text = f"{self.channels}{_reach(self)}"
        text += "" if self.dropout is None else f"d{_decimals(self.dropout, 4)}"
        text += _beta_text(self.beta)
        text += "" if self.threshold is None else f"t{_decimals(self.threshold, 6)}"
        text += f":{self.weights}" if self.weights else ""
        text += _from(self.sources) + "".join(
            [*(each.word() for each in self.projections), *(each.word() for each in self.joins)]
        )
        return [*([f"AP{self.pool}"] if self.pool > 1 else []), text]


@dataclass(frozen=True)
class MaxPart:
    """A population that pools the spikes of a layer, by default the one in front."""

    pool: int
    sources: tuple[str, ...] = ()
    kind = "pool"

    def words(self) -> list[str]:
        """Return the word that `parse` reads."""
        return [f"MP{self.pool}{_from(self.sources)}"]


@dataclass(frozen=True)
class Architecture:
    """The spiking layers in order, and the read-out: the pooling in front of it, its sources, and its beta (None: configured).

    A layer without sources takes the one in front; layers are named conv1, conv2, fc1, pool1 by what they are.
    """

    parts: tuple[Part | MaxPart, ...]
    last_pool: int = 1
    last_beta: float | None = None
    last_sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        words = [word for part in self.parts for word in part.words()]
        words += [f"AP{self.last_pool}"] if self.last_pool > 1 else []
        out = _beta_text(self.last_beta) + _from(self.last_sources)
        return "-".join(words + ([f"Out{out}"] if out else []))

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

    @property
    def names(self) -> list[str]:
        """The name of each layer."""
        counts, names = dict.fromkeys(("conv", "fc", "pool"), 0), []
        for part in self.parts:
            counts[part.kind] += 1
            names.append(f"{part.kind}{counts[part.kind]}")
        return names

    def named(self) -> Iterator[tuple[str, Part | MaxPart, int]]:
        """Yield the name of each layer, the layer, and the side that divides all pools behind it."""
        pools = dict[str, int]()
        for source, pool in self.taken():
            pools[source] = gcd(pools.get(source, 0), pool)
        for name, part in zip(self.names, self.parts, strict=True):
            yield name, part, pools.get(name, 1)

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield every source as often as something takes it, and the side of the pool that it is taken through."""
        last = INPUT
        for name, part in zip(self.names, self.parts, strict=True):
            yield from ((source, part.pool) for source in part.sources or (last,))
            if isinstance(part, Part):
                yield from ((source, each.pool) for each in part.projections for source in each.sources)
                yield from ((each.source, 1) for each in part.joins)
            last = name
        yield from ((source, self.last_pool) for source in self.last_sources or (last,))


def _reach(part: Part | Projection) -> str:
    if part.kernel is None:
        return "FC"
    keeps = part.kernel % 2 == 1 and part.padding == part.kernel // 2
    return f"C{part.kernel}" + ("" if keeps else f"p{part.padding}") + (f"s{part.stride}" if part.stride > 1 else "")


def _from(sources: tuple[str, ...]) -> str:
    return f"@{'+'.join(sources)}" if sources else ""


def _decimals(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _beta_text(beta: float | None) -> str:
    return "" if beta is None else f"b{_decimals(beta, 4)}"  # of which the nearest k / 4096 is beta again
