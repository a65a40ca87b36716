"""Random generators that depend on their seeds alone."""

import torch

from snnc.toolchain.training.seeds import generator


def test_generators_depend_on_every_seed_and_on_nothing_else() -> None:
    seeds = [(0, 1), (1, 0), (0, 2), (0, 1, 0), (0, 1, 1)]
    drawn = [torch.rand(3, generator=generator(*each)).tolist() for each in seeds]
    assert len({tuple(numbers) for numbers in drawn}) == 5
    assert torch.rand(3, generator=generator(0, 1)).tolist() == drawn[0]
    torch.manual_seed(3)
    assert torch.rand(3, generator=generator(0, 1)).tolist() == drawn[0]
