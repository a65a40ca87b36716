"""What processes share: totals, their parts of a batch, and random numbers that need no state."""

import torch

from snnc.toolchain.distributed import all_reduce_sum, generator, shard


def test_alone_a_process_is_its_own_total() -> None:
    values = torch.tensor([1.0, 2.0])
    assert all_reduce_sum(values) is values


def test_parts_are_of_one_size_and_disjoint() -> None:
    parts = [shard(torch.arange(11), rank, 3).tolist() for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


def test_generators_depend_on_every_seed_and_on_nothing_else() -> None:
    seeds = [(0, 1), (1, 0), (0, 2), (0, 1, 0), (0, 1, 1)]
    drawn = [torch.rand(3, generator=generator(*each)).tolist() for each in seeds]
    assert len({tuple(numbers) for numbers in drawn}) == 5
    assert torch.rand(3, generator=generator(0, 1)).tolist() == drawn[0]
    torch.manual_seed(3)
    assert torch.rand(3, generator=generator(0, 1)).tolist() == drawn[0]
