"""Sums and shards across training processes (no-ops in a single process)."""

import os

import torch
from torch import Tensor, distributed


def all_reduce_sum(values: Tensor) -> Tensor:
    """Return the sum of `values` over all processes, written over them."""
    if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
        distributed.all_reduce(values)
    return values


def shard(values: Tensor, rank: int, processes: int) -> Tensor:
    """Return the part of a batch that one process of several works on: every `processes`-th row, the same number for all."""
    if processes == 1:
        return values
    return values[: len(values) - len(values) % processes][rank::processes]


def generator(*seeds: int) -> torch.Generator:
    """Return a random generator on the CPU that depends on all `seeds`, so that no state of it has to be kept."""
    mixed = len(seeds)
    for seed in seeds:
        mixed = (mixed * 1_000_003 + seed) % 2**63
    return torch.Generator().manual_seed(mixed)


def is_worker() -> bool:
    """Whether this program was started by another one to help it train: Fabric, torchrun and Slurm say so in variables."""
    return any(os.environ.get(name, "0") not in ("", "0") for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
