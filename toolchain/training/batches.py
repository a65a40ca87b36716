"""A dataset on the training device, and the batches of an epoch: nothing is loaded while a step runs.

Samples stay the small integers they are (a byte a pixel), and become floats batch by batch. Those to decode are read by a
thread, a batch ahead of the one that trains.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from snnc.toolchain.data.dataset import Dataset, Split, check_samples
from snnc.toolchain.data.streamed import OnDisk
from snnc.toolchain.distributed import shard
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

Chosen = TypeVar("Chosen")


@dataclass
class DeviceSplit:
    """One split as tensors on a device: raw integers `(N, ...)`, which may stay on disk, and labels `(N,)`.

    Events are kept sample by sample, `(N, T, ...)`, and only here: batches are drawn along the first axis.
    """

    raw: Any  # Tensor, or OnDisk, which is indexed alike
    labels: Tensor
    input: Input

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.labels)

    def as_input(self, raw: Tensor) -> Tensor:
        """Return what the network is fed: integers `(B, ...)`, or `(T, B, ...)` of events, minus the zero point."""
        values = raw.to(torch.int32) - self.input.zero_point
        return values if tuple(raw.shape[1:]) == tuple(self.input.shape) else values.transpose(0, 1)

    def batches(self, size: int, rank: int = 0, processes: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs and labels of all samples in order, those of one process."""
        span = size * processes
        parts = [slice(start + rank, start + span, processes) for start in range(0, len(self) - rank, span)]
        for part, raw in self.read((part, part) for part in parts):
            yield self.as_input(raw), self.labels[part]

    def taken(self, which: Tensor | slice) -> Tensor:
        """Return the raw integers of some samples, on the device."""
        if isinstance(self.raw, OnDisk):
            read = self.raw.taken(which if isinstance(which, slice) else which.cpu().numpy())
            return torch.from_numpy(read).to(self.labels.device)
        held: Tensor = self.raw[which if isinstance(which, slice) else which.to(self.raw.device)]
        return held

    def read(self, batches: Iterable[tuple[Chosen, Tensor | slice]]) -> Iterator[tuple[Chosen, Tensor]]:
        """Yield what was said of each batch and its raw integers; those to decode are read while the batch before is used."""
        if not (isinstance(self.raw, OnDisk) and self.raw.read_ahead):
            yield from ((said, self.taken(which)) for said, which in batches)
            return
        pool, waiting = ThreadPoolExecutor(1), []
        try:
            for said, which in batches:
                waiting.append((said, pool.submit(self.taken, which)))
                if len(waiting) > 1:
                    before, reading = waiting.pop(0)
                    yield before, reading.result()
            for before, reading in waiting:
                yield before, reading.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    @property
    def held_bytes(self) -> int:
        """The memory that the samples take as long as the training lasts."""
        return 0 if isinstance(self.raw, OnDisk) else int(self.raw.numel() * self.raw.element_size())


def on_device(split: Split, input: Input, device: torch.device) -> DeviceSplit:
    """Move a split to a device. Raises DataError if its samples are not what the network takes."""
    check_samples(split, input)
    if isinstance(split.samples, OnDisk):
        return DeviceSplit(split.samples, torch.from_numpy(split.labels).to(device), input)
    raw = np.ascontiguousarray(split.samples.swapaxes(0, 1) if split.timed else split.samples)
    return DeviceSplit(torch.from_numpy(raw).to(device), torch.from_numpy(split.labels).to(device), input)


@dataclass
class Data:
    """A dataset as tensors on the training device."""

    train: DeviceSplit
    test: DeviceSplit


def load_on_device(dataset: Dataset, device: torch.device) -> Data:
    """Move both splits to a device. Raises DataError."""
    return Data(on_device(dataset.train, dataset.input, device), on_device(dataset.test, dataset.input, device))


def steps_per_epoch(config: TrainConfig, samples: int, processes: int = 1) -> int:
    """Return the number of batches that each process works on in an epoch."""
    return len(list(_order(config, samples, processes, torch.Generator())))


def batches_of_epoch(
    config: TrainConfig, samples: int, random: torch.Generator, rank: int = 0, processes: int = 1
) -> Iterator[tuple[Tensor, int]]:
    """Yield, in random order, the samples that one process takes of each batch, and the size of the whole batch.

    `batch_size` is that of one process. A rest of fewer than two samples for each, which have no variance, is left out.
    """
    for chosen in _order(config, samples, processes, random):
        yield shard(chosen, rank, processes), len(chosen)


def _order(config: TrainConfig, samples: int, processes: int, random: torch.Generator) -> Iterator[Tensor]:
    whole = torch.split(torch.randperm(samples, generator=random), config.batch_size * processes)
    return (chosen for chosen in whole if len(chosen) // processes > 1)
