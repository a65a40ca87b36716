"""The functions of `lif_torch.py` compiled by torch.compile, for GPUs with Triton: one kernel for all steps of a layer.

What cannot be compiled runs as it is, after one warning.
"""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from snnc.toolchain.layers import lif_torch

RECOMPILATIONS = 256
COMPILED = ("moments", "fire", "gradient", "recenter", "fire_integers", "gradient_integers")


@cache
def available_on(device: str) -> bool:
    """Whether a type of device, such as cuda, has a compiler here."""
    if device != "cuda":
        return False
    from torch.utils._triton import has_triton

    return bool(has_triton())


def available(x: Tensor, surrogate: str) -> bool:
    """Whether compiled functions can take this tensor; they have every row of SURROGATES."""
    return available_on(x.device.type)


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in COMPILED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _compiled(name)


@cache
def _compiled(name: str) -> Callable[..., Any]:
    plain = getattr(lif_torch, name)
    # Every shape is compiled separately: layers x (training, evaluation) x (whole batch, last batch) x precisions.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, RECOMPILATIONS)
    torch._dynamo.config.accumulated_recompile_limit = max(
        torch._dynamo.config.accumulated_recompile_limit, RECOMPILATIONS * len(COMPILED)
    )
    compiled = torch.compile(plain, dynamic=False)
    broken = False

    def run(*arguments: Any) -> Any:
        nonlocal broken
        # Whether a gradient is wanted is no reason to compile again: these functions are inside an autograd operation.
        arguments = tuple(value.detach() if isinstance(value, Tensor) else value for value in arguments)
        if not broken:
            try:
                return compiled(*arguments)  # type: ignore[no-untyped-call]
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - a compiler can fail in any way; the plain function cannot
                broken = True
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                warnings.warn(f"torch.compile failed for {name} ({reason}); it runs uncompiled, slower", stacklevel=2)
        return plain(*arguments)

    return run
