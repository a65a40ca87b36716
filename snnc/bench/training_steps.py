"""One training step of CIFARNet, ours or another's, as `snnc bench train` times it: forward, backward, Adam on one batch."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from snnc.bench.frameworks import CLASSES, IMAGE, build_baseline
from snnc.models.cifarnet import cifarnet
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.methods.method import adam
from snnc.toolchain.training.trainer import ParallelNetworks

PIXELS = Input(IMAGE, minimum=-128, maximum=127, zero_point=128)
LEARNING_RATE = 1e-4  # small, so that all rounds measure the same network

CPU = torch.device("cpu")

Step = Callable[[], float]


@dataclass(frozen=True)
class Work:
    """The size of one step."""

    width: float
    batch: int
    timesteps: int
    device: torch.device = CPU
    half: bool = False  # operations that autocast knows run in bfloat16; the integer phase leaves it itself


def our_step(work: Work, phase: Phase = Phase.FLOAT, method: str = "baseline") -> Step:
    """Return a function that takes one step of ours and tells its seconds; the method's twins learn along."""
    row, config = METHODS[method], TrainConfig(method=method)
    networks = [_network(work, phase)]
    networks += [_network(work, Phase.FLOAT) for _ in row.networks(config)]
    module = ParallelNetworks(networks).to(work.device)
    optimizer = row.optimizer(module, LEARNING_RATE, config, work.batch)
    return _timed(work, optimizer, lambda x, labels: row.loss(module(x), labels, config.method_settings).total)


def baseline_step(name: str, work: Work, *, as_documented: bool = False) -> Step:
    """Return a function that takes one step of a row of FRAMEWORKS and tells its seconds.

    It has our layout and our Adam, or else those of its documentation.
    """
    baseline = build_baseline(name, work.width, work.timesteps, as_documented=as_documented).to(work.device)
    plain = as_documented
    optimizer = torch.optim.Adam(baseline.parameters(), lr=LEARNING_RATE) if plain else adam(baseline, LEARNING_RATE)
    return _timed(work, optimizer, lambda x, labels: F.cross_entropy(baseline(x), labels), channels_last=not plain)


def _network(work: Work, phase: Phase) -> SpikingNetwork:
    # delta: at its start, Kaiming's initialization leaves no weight beyond the default of 0.1 in wide layers.
    config = TrainConfig(width=work.width, timesteps=work.timesteps, delta=0.01, dropout=0.0)
    network = cifarnet(config, PIXELS, CLASSES).train()
    network.lay_out()
    if phase is Phase.INTEGER:
        with torch.no_grad():
            network(torch.randint(-128, 128, (work.batch, *IMAGE)))  # statistics to fold
    network.set_phase(phase)
    return network


def _timed(
    work: Work,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    channels_last: bool = True,
) -> Step:
    images = torch.randint(-128, 128, (work.batch, *IMAGE)).float().to(work.device)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (work.batch,)).to(work.device)

    def step() -> float:
        wait_for(work.device)
        started = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(work.device.type, torch.bfloat16, enabled=work.half):
            found = loss(images, labels)
        found.backward()
        optimizer.step()
        wait_for(work.device)
        return time.perf_counter() - started

    return step


def wait_for(device: torch.device) -> None:
    """Wait until a device has done all that it was given; a CPU has."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def same_integers(work: Work) -> bool:
    """Return whether a forward pass of the integer phase gives the CPU's spikes and membranes on the device, to the bit."""
    network = _network(work, Phase.INTEGER)
    samples = torch.randint(-128, 128, (work.batch, *IMAGE)).numpy()
    ours = network.trace(samples)
    theirs = network.to(work.device).trace(samples)
    return all(
        np.array_equal(here[name], there[name])
        for here, there in ((ours.spikes, theirs.spikes), (ours.membranes, theirs.membranes))
        for name in here
    )
