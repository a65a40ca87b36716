"""Lets a forked process compute with torch although its parent has used torch's threads.

A fork inherits torch without the threads that its parent started, and waits for them for ever at the first parallel operation.
With one thread it needs none, as in torch's own data loaders; `torch.set_num_threads` raises it again where the parent has
never computed in parallel.
"""

import os

import torch


def compute_alone_in_forks() -> None:
    """From now on, let every fork of this process compute with one thread."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
