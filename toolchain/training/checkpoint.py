"""model.pt: configuration, weights, metrics and version of a training run, in one file that cannot run code."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from pickle import PickleError
from typing import Any

import torch
from torch import Tensor

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import FileFormatError, SnncError, TrainingError, located, one_line
from snnc.toolchain.input_file import check_input
from snnc.toolchain.interrupts import interrupts_deferred
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.network.network import Input
from snnc.toolchain.seal import Seal, seal_of_file, sealed_zip
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch
from snnc.toolchain.training.model_file import check_kept
from snnc.toolchain.training.torch_file import Unfit, check_archive, load_tensors

DAMAGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, PickleError, EOFError, OSError)
FORMAT = "snnc checkpoint"
VERSION = 7


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint; `accuracy` is that of `weights` on the test split (0..1).

    `source` is the text of the Python file that built the network, if one did; reading a checkpoint does not run it.
    `resume` is the rest of the state of an unfinished training (resume.py), None once it has ended.
    """

    config: TrainConfig
    input: Input
    labels: tuple[str, ...]
    phase: Phase
    weights: dict[str, Tensor]
    accuracy: float
    history: list[Epoch] = field(default_factory=list)
    resume: dict[str, Any] | None = None
    source: str = ""


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint; the file is complete or unchanged.

    Raises SnncError if it cannot be written, TrainingError for a resume state that could not be read again.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "snnc": version("snnc"),
        "config": checkpoint.config.as_dict(),
        "input": asdict(checkpoint.input),
        "labels": list(checkpoint.labels),
        "phase": int(checkpoint.phase),
        "weights": {name: tensor.detach().cpu() for name, tensor in checkpoint.weights.items()},
        "accuracy": checkpoint.accuracy,
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "resume": _packed(checkpoint.resume),
        **({"source": checkpoint.source} if checkpoint.source else {}),
    }
    buffer = BytesIO()
    with interrupts_deferred():  # inside torch's writer, in C++, Ctrl-C could be lost
        torch.save(content | {"digest": digest_of(content)}, buffer)
    write_atomically(path, sealed_zip(buffer.getvalue()))


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint without running anything in it. Raises FileFormatError if it is damaged or no checkpoint of ours."""
    content, seal = _load(path)
    if not isinstance(content, dict) or not _is(content.get("format"), FORMAT):
        raise FileFormatError(f"{path}: not a checkpoint of snnc; write one with `snnc train`")
    if not _is(content.get("version"), VERSION):
        found = str(content.get("version"))[:20]
        raise FileFormatError(f"{path}: version {found}, this snnc reads {VERSION}; train it again or update snnc")
    with located(str(path)):
        seal.check()
    try:
        if content.pop("digest") != digest_of(content):
            raise ValueError("the checksum does not fit the content")
        config, source = TrainConfig.from_dict(content["config"]), str(content.get("source", ""))
        check_kept(config.model, source)
        return Checkpoint(
            config=config,
            input=Input(**content["input"]),
            labels=tuple(content["labels"]),
            phase=Phase(content["phase"]),
            weights=_checked_weights(content["weights"]),
            accuracy=float(content["accuracy"]),
            history=[Epoch(**row) for row in content["history"]],
            resume=_unpacked(content["resume"]),
            source=source,
        )
    except (*DAMAGE, SnncError) as error:
        reason = one_line(error)
        raise FileFormatError(f"{path}: the checkpoint is incomplete or damaged ({reason}); train it again") from None


def _is(value: Any, expected: str | int) -> bool:
    return type(value) is type(expected) and value == expected


def _packed(state: dict[str, Any] | None) -> Tensor:
    """Return any state as bytes in a tensor, which the checksum covers and which loads without running code."""
    if state is None:
        return torch.empty(0, dtype=torch.uint8)
    buffer = BytesIO()
    torch.save(state, buffer)
    try:
        check_archive(buffer)
    except Unfit as error:
        kept = "keep tensors, numbers, texts, lists and dictionaries"
        raise TrainingError(f"the state of this training could not be read again: {error}; {kept}") from None
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def _unpacked(packed: Tensor) -> dict[str, Any] | None:
    if not packed.numel():
        return None
    state: dict[str, Any] = load_tensors(BytesIO(packed.numpy().tobytes()))
    return state


def _load(path: str | Path) -> tuple[Any, Seal]:
    """Return the content of a file of torch.save, and what its seal says."""
    try:
        check_input(path)
        with open(path, "rb") as file:
            seal = seal_of_file(file)
            seal.check(Seal.ABSENT)
            return load_tensors(file), seal
    except SnncError as error:
        raise FileFormatError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None
    except Exception as error:  # noqa: BLE001 - on damaged bytes torch's restricted unpickler fails in any way there is
        reason = f"({error})" if isinstance(error, Unfit) else "or truncated"
        raise FileFormatError(
            f"{path}: not a readable checkpoint; it is damaged {reason}, or no file of `snnc train`"
        ) from None


def _checked_weights(weights: dict[str, Any]) -> dict[str, Tensor]:
    for name, tensor in weights.items():
        if type(tensor) is not Tensor or tensor.layout is not torch.strided or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"weight {name!r} is no dense tensor of finite numbers")
    return weights


def digest_of(content: dict[str, Any]) -> str:
    """Return a SHA-256 over all that a checkpoint holds, whatever its file looks like."""
    digest = hashlib.sha256()
    arrays = {**content["weights"], "resume": content["resume"]}
    digest.update(json.dumps({name: value for name, value in content.items() if name not in ("weights", "resume")}).encode())
    for name, tensor in arrays.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
