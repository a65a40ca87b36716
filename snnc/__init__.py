"""snnc: from PyTorch training to a neuromorphic chip, with proof that what runs is what was trained.

    config = snnc.TrainConfig(seed=1)
    snnc.train(config, "model.pt")                              # twin-network training
    model, checkpoint = snnc.load_model("model.pt")
    network = snnc.lower(model, checkpoint.labels)              # integers only
    snnc.export(network, "loihi2", "model.net")                 # read back and compared
    data = snnc.load_dataset(config.data)
    verdict = snnc.verify(network, data.test, model=model, engines=["fast", "torch"])
    print(verdict.equal, verdict.first_difference)

Samples and traces have one axis order everywhere: `(B, ...)`, the same at every time step, or time first, `(T, B, ...)`.
Importing this loads neither torch nor Lava; each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from snnc import plot
    from snnc.adopting import random_samples
    from snnc.building import build_model
    from snnc.export import TARGETS, export, read_network
    from snnc.export.lava.user_graph import lava_process
    from snnc.export.target import Stated
    from snnc.graph_start import GraphStart, from_nir
    from snnc.models import MODELS, load_model
    from snnc.models.from_torch import TorchStart, from_torch
    from snnc.toolchain.data.dataset import Dataset, Split, chip_input
    from snnc.toolchain.data.from_pairs import dataset_of
    from snnc.toolchain.data.samples_file import read_samples
    from snnc.toolchain.data.table import DATASETS, load_dataset
    from snnc.toolchain.errors import SnncError
    from snnc.toolchain.layers.lif_autograd import Neurons
    from snnc.toolchain.layers.max_pool import MaxPool
    from snnc.toolchain.layers.shortcut import Shortcut
    from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.layers.synapses import Geometry, Synapses
    from snnc.toolchain.lower import lower
    from snnc.toolchain.network.chips import CHIPS
    from snnc.toolchain.network.network import Input, Layer, Lif, Network
    from snnc.toolchain.network.synapse import Conv, Dense
    from snnc.toolchain.simulate.reference import simulate
    from snnc.toolchain.simulate.trace import Trace
    from snnc.toolchain.training.config import TrainConfig
    from snnc.toolchain.training.methods import METHODS
    from snnc.training import train
    from snnc.verification.engines import ENGINES, Engine
    from snnc.verification.recorded import RecordedVerdict, verify_recording
    from snnc.verification.recording import Recording, read_recording
    from snnc.verification.traces import save_predictions, save_traces
    from snnc.verification.verdict import Verdict
    from snnc.verification.verify import verify

_HOMES = {
    "snnc.adopting": ("random_samples",),
    "snnc.building": ("build_model",),
    "snnc.export": ("TARGETS", "export", "read_network"),
    "snnc.export.lava.user_graph": ("lava_process",),
    "snnc.export.target": ("Stated",),
    "snnc.verification.recorded": ("RecordedVerdict", "verify_recording"),
    "snnc.verification.recording": ("Recording", "read_recording"),
    "snnc.graph_start": ("GraphStart", "from_nir"),
    "snnc.models": ("MODELS", "load_model"),
    "snnc.models.from_torch": ("TorchStart", "from_torch"),
    "snnc.toolchain.data.dataset": ("Dataset", "Split", "chip_input"),
    "snnc.toolchain.data.samples_file": ("read_samples",),
    "snnc.toolchain.data.from_pairs": ("dataset_of",),
    "snnc.toolchain.data.table": ("DATASETS", "load_dataset"),
    "snnc.toolchain.errors": ("SnncError",),
    "snnc.toolchain.layers.lif_autograd": ("Neurons",),
    "snnc.toolchain.layers.max_pool": ("MaxPool",),
    "snnc.toolchain.layers.shortcut": ("Shortcut",),
    "snnc.toolchain.layers.spiking_layer": ("ReadOut", "SpikingLayer"),
    "snnc.toolchain.layers.spiking_network": ("SpikingNetwork",),
    "snnc.toolchain.layers.synapses": ("Geometry", "Synapses"),
    "snnc.toolchain.lower": ("lower",),
    "snnc.toolchain.network.chips": ("CHIPS",),
    "snnc.toolchain.network.network": ("Input", "Layer", "Lif", "Network"),
    "snnc.toolchain.network.synapse": ("Conv", "Dense"),
    "snnc.toolchain.simulate.reference": ("simulate",),
    "snnc.toolchain.simulate.trace": ("Trace",),
    "snnc.toolchain.training.config": ("TrainConfig",),
    "snnc.toolchain.training.methods": ("METHODS",),
    "snnc.training": ("train",),
    "snnc.verification.engines": ("ENGINES", "Engine"),
    "snnc.verification.traces": ("save_predictions", "save_traces"),
    "snnc.verification.verdict": ("Verdict",),
    "snnc.verification.verify": ("verify",),
}
_MODULES = ("plot",)  # public as a whole
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CHIPS",
    "DATASETS",
    "ENGINES",
    "METHODS",
    "MODELS",
    "TARGETS",
    "Conv",
    "Dataset",
    "Dense",
    "Engine",
    "Geometry",
    "GraphStart",
    "Input",
    "Layer",
    "Lif",
    "MaxPool",
    "Network",
    "Neurons",
    "ReadOut",
    "RecordedVerdict",
    "Recording",
    "Shortcut",
    "SnncError",
    "SpikingLayer",
    "SpikingNetwork",
    "Split",
    "Stated",
    "Synapses",
    "TorchStart",
    "Trace",
    "TrainConfig",
    "Verdict",
    "build_model",
    "chip_input",
    "dataset_of",
    "export",
    "from_nir",
    "from_torch",
    "lava_process",
    "load_dataset",
    "load_model",
    "lower",
    "plot",
    "random_samples",
    "read_network",
    "read_recording",
    "read_samples",
    "save_predictions",
    "save_traces",
    "simulate",
    "train",
    "verify",
    "verify_recording",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("snnc")
    if name in _MODULES:
        return import_module(f"snnc.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'snnc' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
