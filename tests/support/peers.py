"""Runs NIR files in the real readers: norse, snntorch and spikingjelly, each as its own documentation shows."""

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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


def run_peer(name: str, path: Path, samples: np.ndarray) -> np.ndarray:
    """Return what the output node sends, `(T, B, ...)`, for samples `(T, B, ...)`; each sample starts from rest."""
    return traced_by_peer(name, path, samples)["output"]


def skip_without(peer: str) -> None:
    """Skip a test where a reader is not installed; in CI all are."""
    if not find_spec(peer):
        assert "CI" not in os.environ, f"{peer} is not installed"
        pytest.skip(f"{peer} is not installed: make dev")


@torch.no_grad()
def traced_by_peer(name: str, path: Path, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the node "output" sends, and by node the membranes of all neurons after reset, each `(T, B, ...)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        groups = [samples] if name in TAKES_BATCHES else [samples[:, i] for i in range(samples.shape[1])]
        results = [run_from_rest(PEERS[name](path), group) for group in groups]
    if name in TAKES_BATCHES:
        return results[0]
    return {node: np.stack([result[node] for result in results], axis=1) for node in results[0]}


def run_from_rest(step: Step, frames: np.ndarray) -> dict[str, np.ndarray]:
    state, seen = None, list[dict[str, torch.Tensor]]()
    for frame in torch.from_numpy(frames).float():
        result = step(frame, state)
        output, state = result if isinstance(result, tuple) else (result, state)
        seen.append(membranes(step, state) | {"output": output})
    return {node: np.stack([values[node].numpy() for values in seen]) for node in seen[0]}


def membranes(step: Any, state: Any) -> dict[str, torch.Tensor]:
    """Return the membrane of every neuron by node: snntorch keeps them in its modules, the others in the state."""
    kept = {node: module.mem.clone() for node, module in step.named_modules() if hasattr(module, "mem")}
    states = getattr(state, "state", state)  # norse's own class, or a dictionary
    return kept or {node: getattr(held[0], "v", held[0]) for node, held in states.items() if held}
