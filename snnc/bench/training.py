"""Measures one training step side by side with other variants to train the same network, in turns, in one process.

One step is forward, backward and Adam on one batch. Ours is the float phase of CIFARNet, alone; quantized, integer and twin
training are measured against it. Peers run twice: in torch's channels_last layout and with the fused Adam, as ours, and as
their documentation shows them.
"""

import ctypes
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from snnc.bench.frameworks import installed
from snnc.bench.memory import peak_mib
from snnc.bench.training_steps import Step, Work, baseline_step, our_step, same_integers
from snnc.toolchain.device import device_name, torch_device, torch_threads
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.simulate.bitsliced import cores
from snnc.toolchain.training.freed_memory import keep_freed_memory

OURS = ("snnc", "snnc quantized", "snnc integer", "snnc twin")


@dataclass(frozen=True)
class TrainingSettings:
    """The work of one step, how often it is measured, on how many threads (None: all cores), and on which device.

    `precision` "bf16" lets torch's autocast choose which operations run in bfloat16, in every variant but the integer phase.
    """

    width: float = 0.25
    batch: int = 32
    timesteps: int = 5
    rounds: int = 7
    threads: int | None = None
    device: str = "cpu"
    precision: str = "float32"

    def work(self) -> Work:
        """Return the size of one step and where it runs. Raises ConfigError for a device that is not there."""
        half = self.precision == "bf16"
        return Work(self.width, self.batch, self.timesteps, torch_device(self.device), half)


@dataclass
class Variant:
    """One variant to train: seconds of each round, and the memory one step takes beyond the built model."""

    name: str
    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def images_per_s(self, batch: int) -> float:
        """The median speed."""
        return batch / median(self.seconds)


def measure(settings: TrainingSettings, say: Callable[[str], None]) -> list[Variant]:
    """Build every variant, take a first step for its memory, then time all in turns. Raises ConfigError.

    On another device than the CPU, the integers of a forward pass are compared with those of the CPU first; a difference is a
    ConfigError, too.
    """
    if not 1e-3 <= settings.width <= 4:
        raise ConfigError(f"width {settings.width} cannot be measured; allowed are 0.001 to 4")
    work = settings.work()
    if work.device.type != "cpu" and not same_integers(work):
        raise ConfigError(f"device {settings.device!r} gives other integers than the CPU; train the integer phase on the CPU")
    variants, steps = [], {}
    with torch_threads(settings.threads or cores()):
        for name, build in _builders(work):
            say(f"building {name}")
            steps[name], peak = first_step(build, work)
            variants.append(Variant(name, peak_mib=peak))
        keep_freed_memory()  # as `snnc train` does; all variants gain by it
        for number in range(settings.rounds):
            for variant in variants:
                say(f"round {number + 1} of {settings.rounds}: {variant.name}")
                variant.seconds.append(steps[variant.name]())
    return variants


def ratios(variants: list[Variant], name: str, of: str = "snnc") -> list[float]:
    """Return how many times faster `of` was than another variant, in each round."""
    seconds = {variant.name: variant.seconds for variant in variants}
    return [theirs / ours for theirs, ours in zip(seconds[name], seconds[of], strict=True)]


def as_dict(variants: list[Variant], settings: TrainingSettings) -> dict[str, Any]:
    """Return what `snnc bench train --json` prints: medians; `ratio` is ours over theirs, peers in channels_last."""
    speeds = {variant.name: round(variant.images_per_s(settings.batch), 2) for variant in variants}
    peers = [variant.name for variant in variants if variant.name not in OURS]
    plain = {name for name in peers if name.endswith(" documented")}
    rounded = {name: round(median(ratios(variants, name)), 3) for name in [*peers, *OURS[1:]]}
    return {
        "images_per_s": speeds["snnc"],
        "ratio": {name: rounded[name] for name in peers if name not in plain},
        "ratio_documented": {name.removesuffix(" documented"): rounded[name] for name in plain},
        "step_ratio": {name.removeprefix("snnc "): rounded[name] for name in OURS[1:]},
        "peak_mib": {variant.name: round(variant.peak_mib, 1) for variant in variants},
        "speed": speeds,
        "width": settings.width,
        "batch": settings.batch,
        "timesteps": settings.timesteps,
        "device": device_name(settings.work().device),
        "precision": settings.precision,
    }


def _builders(work: Work) -> Iterator[tuple[str, Callable[[], Step]]]:
    yield "snnc", partial(our_step, work)
    for name in installed():
        yield name, partial(baseline_step, name, work)
    yield "snnc quantized", partial(our_step, work, Phase.QUANTIZED)
    yield "snnc integer", partial(our_step, work, Phase.INTEGER)
    yield "snnc twin", partial(our_step, work, method="tna")
    for name in [name for name in installed() if name != "limit"]:
        yield f"{name} documented", partial(baseline_step, name, work, as_documented=True)


def first_step(build: Callable[[], Step], work: Work) -> tuple[Step, float]:
    """Return a step and the MiB that its first run, Adam's state included, takes beyond the built model on its device."""
    step = build()
    if work.device.type != "cpu":
        before_step = torch.accelerator.memory_allocated(work.device)
        torch.accelerator.reset_peak_memory_stats(work.device)
        step()
        return step, (torch.accelerator.max_memory_allocated(work.device) - before_step) / 2**20
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
