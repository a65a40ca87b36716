"""The trainable network: neurons, synapses, layers, and the graph of them.

A forked process inherits torch without the threads that its parent may have started, and waits for them for ever at the first
parallel operation. With one thread it needs none, so whoever loads these layers gets that in all forks (as torch's own data
loaders do); `torch.set_num_threads` raises it again where the parent has never computed in parallel.
"""

import os

import torch

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
