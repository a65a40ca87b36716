"""Devices of PyTorch by name, checked before anything runs on them; threads of the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snnc.toolchain.errors import ConfigError, one_line


def torch_device(name: str) -> torch.device:
    """Return the device cpu, cuda, cuda:1, mps ... Raises ConfigError if it is not there or cannot hold a number."""
    try:
        device = torch.device(name)
        float(torch.ones((), device=device))
    except (RuntimeError, AssertionError, ImportError, TypeError) as error:
        raise ConfigError(f"device {name!r} cannot be used: {one_line(error)}; try cpu") from None
    return device


def device_name(device: torch.device) -> str:
    """Return a device as people know it: the card's own name where it has one."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that there is no memory left: on a GPU it has a type, on a CPU only a text."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error) or "not enough memory" in str(error)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads within."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
