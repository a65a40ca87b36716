"""The three phases of training."""

from enum import IntEnum


class Phase(IntEnum):
    """The arithmetic of the forward pass; each phase of training builds on the one before."""

    FLOAT = 1  # full precision
    QUANTIZED = 2  # ternary or binary weights in the forward pass, statistics live
    INTEGER = 3  # statistics frozen, everything rounded: the forward pass computes the chip's integers
