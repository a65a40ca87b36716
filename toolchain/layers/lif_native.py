"""T steps of normalized LIF and of the chip's LIF over a layer in C: the functions of `lif_torch.py`, for float32 on a CPU.

A layer is cut into slabs whose number depends on its shape only, so that results do not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor

from snnc.toolchain.errors import EngineError
from snnc.toolchain.layers.surrogate import SURROGATES
from snnc.toolchain.native.library import REMEDY, UNKNOWN_SURROGATE, Kernel, SlabStruct, load_kernel
from snnc.toolchain.network import lif

SLABS = 16
WORTH_A_THREAD = 2**15  # values in a layer; below that, handing work over costs more than it gains


def available(x: Tensor, surrogate: str) -> bool:
    """Whether the C functions can take this tensor and have this row of SURROGATES."""
    known = SURROGATES[surrogate].number is not None
    return known and x.dtype is torch.float32 and x.device.type == "cpu" and kernel() is not None


@cache
def kernel() -> Kernel | None:
    """Return the kernel that was built, or None."""
    try:
        return load_kernel()
    except EngineError:
        return None


def moments(x: Tensor, center: Tensor) -> Tensor:
    """Return the sums of `x - center` and of its square over all but the channels: `(2, C)` float64."""
    return _run("moments", x, len(x), [x, center], sums=2)


def fire(x: Tensor, scale: Tensor, offset: Tensor, timesteps: int, beta: float) -> Tensor:
    """Return the spikes of LIF neurons of threshold 1 whose input is `x * scale + offset` (arXiv 2409.15849, eq. 1)."""
    spikes = x.new_empty(timesteps, *x.shape[1:])
    _run("fire", x, timesteps, [x, scale, offset, spikes], beta=beta)
    return spikes


def gradient(
    x: Tensor, grad: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, beta: float, carry: float, surrogate: str
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the normalized input, and per channel its sum and that of its product with `x - mean`.

    `carry` is the share of a membrane's gradient that flows to the step before: beta, or 0 where it is cut.
    """
    result = torch.empty_like(x)
    arrays = [x, grad, scale, offset, mean, result]
    sums = _run("backward", x, len(grad), arrays, sums=2, beta=beta, carry=carry, surrogate=SURROGATES[surrogate].number)
    return result, sums.to(x)


def recenter(x: Tensor, grad: Tensor, scale: Tensor, mean: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return `scale * (grad - first - (x - mean) * second)`, written over `grad`."""
    _run("recenter", x, len(x), [x, grad, scale, mean, first, second])
    return grad


def fire_integers(x: Tensor, bias: Tensor, timesteps: int, dv: int, vth: int) -> tuple[Tensor, Tensor]:
    """Return spikes and membranes after reset (int32) as the chip computes them; `bias` is in weight units."""
    spikes = x.new_empty(timesteps, *x.shape[1:])
    membranes = torch.empty_like(spikes, dtype=torch.int32)
    _run("fire_integers", x, timesteps, [x, _shifted(bias), spikes, membranes], **_chip(dv, vth))
    return spikes, membranes


def gradient_integers(
    x: Tensor, grad: Tensor, bias: Tensor, dv: int, vth: int, carry: float, surrogate: str
) -> tuple[Tensor, Tensor]:
    """Return the gradients of the current and, per channel, of the bias, both in weight units; `carry` as for `gradient`."""
    result = torch.empty_like(x)
    arrays, number = [x, grad, _shifted(bias), result], SURROGATES[surrogate].number
    sums = _run("backward_integers", x, len(grad), arrays, sums=1, carry=carry, surrogate=number, **_chip(dv, vth))
    return result, sums[0].to(x)


def _shifted(bias: Tensor) -> Tensor:
    return bias.to(torch.int32) << lif.UNIT_SHIFT


def _chip(dv: int, vth: int) -> dict[str, Any]:
    return {"keep": lif.DECAY_UNITY - dv, "threshold": vth << lif.UNIT_SHIFT, "unit": max(vth, 1)}


def _run(name: str, x: Tensor, timesteps: int, arrays: list[Tensor], *, sums: int = 0, **settings: Any) -> Tensor:
    """Call a C function on all slabs of a layer and return the sums over them: `(sums, C)` float64.

    Raises EngineError if the kernel was not built or lacks the surrogate, MemoryError if it has no memory to work in.
    """
    function, channels = load_kernel().training[name], x.shape[-1]
    rows = x[0].numel() // channels
    slabs = max(1, min(SLABS, rows, timesteps * x[0].numel() // WORTH_A_THREAD))
    added = torch.zeros(slabs, max(sums, 1), channels, dtype=torch.float64)
    arrays = [array.contiguous() for array in arrays]
    pointers = [array.data_ptr() for array in arrays]

    def work(own: range) -> None:
        for slab in own:
            edges = (rows * slab // slabs, rows * (slab + 1) // slabs)
            part = SlabStruct(rows, *edges, len(x), timesteps, channels, **settings)
            status = function(part, *pointers, *[added[slab].data_ptr()] * bool(sums))
            if status == UNKNOWN_SURROGATE:
                raise EngineError(f"the C kernel has no surrogate gradient of number {part.surrogate}; {REMEDY}")
            if status:
                raise MemoryError(f"no memory for {timesteps} steps of {channels} channels")

    _in_threads(work, slabs)
    return added.sum(0)


def _in_threads(work: Callable[[range], None], slabs: int) -> None:
    threads = min(torch.get_num_threads(), slabs)
    shares = [range(slabs * i // threads, slabs * (i + 1) // threads) for i in range(threads)]
    others = [_pool(threads - 1).submit(work, share) for share in shares[1:]] if threads > 1 else []
    work(shares[0])
    for other in others:
        other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "lif")
