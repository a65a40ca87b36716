"""Random streams that need no state: every epoch draws from a generator of its own."""

import torch


def generator(*seeds: int) -> torch.Generator:
    """Return a random generator on the CPU that depends on all `seeds`, so that no state of it has to be kept."""
    mixed = len(seeds)
    for seed in seeds:
        mixed = (mixed * 1_000_003 + seed) % 2**63
    return torch.Generator().manual_seed(mixed)
