"""Sums and shards of several processes."""

import torch

from snnc.toolchain.distributed import all_reduce_sum, shard


def test_alone_a_process_is_its_own_total() -> None:
    values = torch.tensor([1.0, 2.0])
    assert all_reduce_sum(values) is values


def test_parts_are_of_one_size_and_disjoint() -> None:
    parts = [shard(torch.arange(11), rank, 3).tolist() for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
