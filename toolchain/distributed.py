"""Sums and shards across training processes (no-ops in a single process)."""

import os

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


def is_worker() -> bool:
    """Whether another process launched this one as a worker; Fabric, torchrun and Slurm set environment variables for that."""
    return any(os.environ.get(name, "0") not in ("", "0") for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
