"""Runs NIR files in the real readers: norse, snntorch and spikingjelly, each as its own documentation shows."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Step = Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]


def load_norse(path: Path) -> Step:
    import nir
    import norse.torch

    step: Step = norse.torch.from_nir(nir.read(path), dt=0.001)
    return step


def load_snntorch(path: Path) -> Step:
    import nir
    from snntorch.import_nir import import_from_nir

    step: Step = import_from_nir(nir.read(path))
    return step


def load_spikingjelly(path: Path) -> Step:
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    step: Step = import_from_nir(str(path))
    return step


PEERS: dict[str, Callable[[Path], Step]] = {
    "norse": load_norse,
    "snntorch": load_snntorch,
    "spikingjelly": load_spikingjelly,
}
TAKES_BATCHES = {"spikingjelly"}  # the others flatten from dimension 0 on, as NIR says, which would take the batch with it


@torch.no_grad()
def run_peer(name: str, path: Path, samples: np.ndarray) -> np.ndarray:
    """Return what the output node sends, `(T, B, ...)`, for samples `(T, B, ...)`; each sample starts from rest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        groups = [samples] if name in TAKES_BATCHES else [samples[:, i] for i in range(samples.shape[1])]
        results = [run_from_rest(PEERS[name](path), group) for group in groups]
    return results[0] if name in TAKES_BATCHES else np.stack(results, axis=1)


def run_from_rest(step: Step, frames: np.ndarray) -> np.ndarray:
    state, outputs = None, []
    for frame in torch.from_numpy(frames).float():
        result = step(frame, state)
        output, state = result if isinstance(result, tuple) else (result, state)
        outputs.append(output.numpy())
    return np.stack(outputs)
