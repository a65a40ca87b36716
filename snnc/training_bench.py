"""Measures one training step side by side with other ways to train the same network, in turns, in one process.

One step is forward, backward and Adam on one batch. Ours is the float phase of CIFARNet, alone; quantised, integer and twin
training are measured against it. Peers run twice: in torch's channels_last layout and with the fused Adam, as ours, and as
their documentation shows them.
"""

import ctypes
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.models import build_model
from snnc.peak_memory import peak_mib
from snnc.toolchain.config import TrainConfig
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.fast import cores
from snnc.toolchain.layers import Phase
from snnc.toolchain.learner import Together, adam
from snnc.toolchain.methods import METHODS
from snnc.toolchain.network import Input
from snnc.toolchain.spiking_network import SpikingNetwork
from snnc.toolchain.training_rivals import CLASSES, IMAGE, build_rival, installed

PIXELS = Input(IMAGE, minimum=-128, maximum=127, zero_point=128)
OURS = {"snnc": "", "snnc quantised": "ternary weights", "snnc integer": "the chip's integers", "snnc twin": "tna"}

Step = Callable[[], float]


@dataclass(frozen=True)
class Settings:
    """The work of one step, how often it is measured, and on how many threads (None: all cores)."""

    width: float = 0.25
    batch: int = 32
    timesteps: int = 5
    rounds: int = 7
    threads: int | None = None


@dataclass
class Way:
    """One way to train: seconds of each round, and the memory one step takes beyond the built model."""

    name: str
    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def images_per_s(self, batch: int) -> float:
        """The median speed."""
        return batch / median(self.seconds)


def measure(settings: Settings, say: Callable[[str], None]) -> list[Way]:
    """Build every way, take a first step for its memory, then time all in turns. Raises ConfigError."""
    if not 1e-3 <= settings.width <= 4:
        raise ConfigError(f"width {settings.width} cannot be measured; allowed are 0.001 to 4")
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads or cores())
    try:
        steps: dict[str, Step] = {}
        ways = []
        for name, build in _builders(settings):
            say(f"building {name}")
            steps[name], peak = _first_step(build)
            ways.append(Way(name, peak_mib=peak))
        for number in range(settings.rounds):
            for way in ways:
                say(f"round {number + 1} of {settings.rounds}: {way.name}")
                way.seconds.append(steps[way.name]())
    finally:
        torch.set_num_threads(before)
    return ways


def ratios(ways: list[Way], name: str, of: str = "snnc") -> list[float]:
    """Return how many times faster `of` was than another way, in each round."""
    seconds = {way.name: way.seconds for way in ways}
    return [theirs / ours for theirs, ours in zip(seconds[name], seconds[of], strict=True)]


def as_dict(ways: list[Way], settings: Settings) -> dict[str, Any]:
    """Return what `snnc bench train --json` prints: medians; `ratio` is ours over theirs, peers in channels_last."""
    speeds = {way.name: round(way.images_per_s(settings.batch), 2) for way in ways}
    peers = [way.name for way in ways if way.name not in OURS]
    plain = {name for name in peers if name.endswith(" documented")}
    rounded = {name: round(median(ratios(ways, name)), 3) for name in [*peers, *list(OURS)[1:]]}
    return {
        "images_per_s": speeds["snnc"],
        "ratio": {name: rounded[name] for name in peers if name not in plain},
        "ratio_documented": {name.removesuffix(" documented"): rounded[name] for name in plain},
        "step_ratio": {name.removeprefix("snnc "): rounded[name] for name in list(OURS)[1:]},
        "peak_mib": {way.name: round(way.peak_mib, 1) for way in ways},
        "speed": speeds,
        "width": settings.width,
        "batch": settings.batch,
        "timesteps": settings.timesteps,
    }


def _builders(settings: Settings) -> Iterator[tuple[str, Callable[[], Step]]]:
    width, steps = settings.width, settings.timesteps
    yield "snnc", lambda: _step(Together([_ours(settings)]), settings, "baseline")
    for name in installed():
        yield name, lambda name=name: _step(build_rival(name, width, steps), settings)  # type: ignore[misc]
    yield "snnc quantised", lambda: _step(Together([_ours(settings, Phase.QUANTISED)]), settings, "baseline")
    yield "snnc integer", lambda: _step(Together([_ours(settings, Phase.INTEGER)]), settings, "baseline")
    yield "snnc twin", lambda: _step(Together([_ours(settings), _ours(settings)]), settings, "tna")
    for name in [name for name in installed() if name != "limit"]:
        plain = f"{name} documented"
        yield plain, lambda name=name: _step(build_rival(name, width, steps, as_documented=True), settings, plain=True)  # type: ignore[misc]


def _ours(settings: Settings, phase: Phase = Phase.FLOAT) -> SpikingNetwork:
    # delta: at its start, Kaiming's initialisation leaves no weight beyond the default of 0.1 in wide layers.
    config = TrainConfig(width=settings.width, timesteps=settings.timesteps, delta=0.01, dropout=0.0)
    network = build_model(config, PIXELS, CLASSES).train()
    for weight in network.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    if phase is Phase.INTEGER:
        with torch.no_grad():
            network(torch.randint(-128, 128, (settings.batch, *IMAGE)))  # statistics to fold
    network.enter(phase)
    return network


def _step(module: nn.Module, settings: Settings, method: str | None = None, *, plain: bool = False) -> Step:
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4) if plain else adam(module, 1e-4)
    images = torch.randint(-128, 128, (settings.batch, *IMAGE)).float()
    if not plain:
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (settings.batch,))

    def loss(x: Tensor) -> Tensor:
        if method is None:
            return F.cross_entropy(module(x), labels)
        return METHODS[method].loss(module(x), labels, 1e-3).total

    def step() -> float:
        started = time.perf_counter()
        optimizer.zero_grad()
        loss(images).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return time.perf_counter() - started

    return step


def _first_step(build: Callable[[], Step]) -> tuple[Step, float]:
    """Return a step and the MiB that its first run, Adam's state included, takes beyond the built model."""
    step = build()
    _give_memory_back()
    with peak_mib() as peak:
        before = _resident_mib()
        step()
        grown = peak() - before
    return step, grown


def _give_memory_back() -> None:
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


def _resident_mib() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError, IndexError):
        return 0.0
