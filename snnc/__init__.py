"""snnc: from PyTorch training to a neuromorphic chip, with proof that what runs is what was trained.

Importing this loads neither torch nor Lava; each name is loaded when it is first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnc.export import TARGETS, read_network
    from snnc.models import MODELS, build_model, load_model
    from snnc.toolchain.data.table import DATASETS, load_dataset
    from snnc.toolchain.errors import SnncError
    from snnc.toolchain.lower import lower
    from snnc.toolchain.network.network import Input, Layer, Lif, Network
    from snnc.toolchain.network.synapse import Conv, Dense
    from snnc.toolchain.simulate.reference import simulate
    from snnc.toolchain.training.config import TrainConfig
    from snnc.training import train
    from snnc.verification.engines import Subject, verify

_HOMES = {
    "snnc.verification.engines": ("Subject", "verify"),
    "snnc.export": ("TARGETS", "read_network"),
    "snnc.models": ("MODELS", "build_model", "load_model"),
    "snnc.toolchain.training.config": ("TrainConfig",),
    "snnc.toolchain.data.table": ("DATASETS", "load_dataset"),
    "snnc.toolchain.errors": ("SnncError",),
    "snnc.toolchain.lower": ("lower",),
    "snnc.toolchain.network.network": ("Input", "Layer", "Lif", "Network"),
    "snnc.toolchain.simulate.reference": ("simulate",),
    "snnc.toolchain.network.synapse": ("Conv", "Dense"),
    "snnc.training": ("train",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = version("snnc")
__all__ = [
    "DATASETS",
    "MODELS",
    "TARGETS",
    "Conv",
    "Dense",
    "Input",
    "Layer",
    "Lif",
    "Network",
    "SnncError",
    "Subject",
    "TrainConfig",
    "build_model",
    "load_dataset",
    "load_model",
    "lower",
    "read_network",
    "simulate",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home when it is first used (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'snnc' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
