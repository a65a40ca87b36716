"""One form of input for every simulator: frames `(F, B, ...)`, F being T, or 1 where all time steps have the same input."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Network

Samples = NDArray[np.integer[Any]] | NDArray[np.bool_]
Frames = NDArray[np.integer[Any]]


def as_frames(network: Network, samples: Samples) -> Frames:
    """Return samples of chip values as frames `(F, B, *input.shape)`.

    Samples are `(B, *input.shape)`, the same at every time step, or `(T, B, *input.shape)`: time always comes first, in samples
    as in traces. Raises DataError for samples of another type, shape or range.
    """
    expected = network.input
    timed = _is_timed(network, samples.shape)
    if samples.dtype.kind not in "iub":
        raise DataError(f"samples of type {samples.dtype}; the chip takes integers, so round them first")
    if samples.size and not expected.minimum <= samples.min() <= samples.max() <= expected.maximum:
        raise DataError(
            f"samples hold {samples.min()}..{samples.max()}, the network takes {expected.minimum}..{expected.maximum}; "
            "subtract the zero point first (snnc.chip_input)"
        )
    whole: Frames = samples.astype(np.uint8) if samples.dtype.kind == "b" else samples  # type: ignore[assignment]
    return whole if timed else whole[None]


def _is_timed(network: Network, shape: tuple[int, ...]) -> bool:
    """Return whether samples have a time axis. Raises DataError for a shape that is neither `(B, ...)` nor `(T, B, ...)`."""
    steps, expected = network.timesteps, network.input.shape
    if len(shape) == len(expected) + 1 and shape[1:] == expected:
        return False
    if len(shape) == len(expected) + 2 and shape[2:] == expected:
        if shape[0] == steps:
            return True
        if shape[1] == steps:
            raise DataError(
                f"samples of shape {shape} look like (samples, time steps, ...); time comes first: swap the first two axes"
            )
    sizes = ", ".join(map(str, expected))
    raise DataError(f"samples of shape {shape}; allowed are (B, {sizes}) and ({steps}, B, {sizes})")


def over_time(network: Network, samples: Samples) -> Frames:
    """Return samples as frames of every time step, `(T, B, *input.shape)`, without copying constant ones; as `as_frames`."""
    frames = as_frames(network, samples)
    return np.broadcast_to(frames, (network.timesteps, *frames.shape[1:]))


def delayed(values: NDArray[Any], delay: int, timesteps: int) -> NDArray[Any]:
    """Return what frames `(F, ...)`, or the sums that they give, are `delay` steps later: 0 before that.

    F is `timesteps`, or 1 where all steps are the same; without a delay they stay as they are.
    """
    if not delay:
        return values
    later = np.zeros((timesteps, *values.shape[1:]), values.dtype)
    if delay < timesteps:
        later[delay:] = values[: timesteps - delay]
    return later
