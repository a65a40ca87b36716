"""Augmentation of a batch on its device: shifts, mirror images, rotation and shear, drawn for each sample by itself.

Values stay the integers they were: shifting and mirroring move pixels, rotation and shear take the nearest one. Events
`(B, T, C, H, W)` move as a whole. What moves in from outside is 0, black in an image.
"""

from dataclasses import dataclass
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

from snnc.toolchain.distributed import shard
from snnc.toolchain.training.config import TrainConfig


@dataclass(frozen=True)
class Moves:
    """One draw for each sample of a batch `(B,)`: rows and columns to shift by, whether to mirror, angles in radians."""

    rows: Tensor
    columns: Tensor
    mirrored: Tensor
    rotation: Tensor
    shear: Tensor


def draw(config: TrainConfig, count: int, random: torch.Generator, rank: int = 0, processes: int = 1) -> Moves:
    """Draw for the `count` samples of a whole batch and return the part of one process, so that none depends on the others."""
    rows, columns = torch.randint(-config.shift, config.shift + 1, (2, count), generator=random)
    mirrored = torch.rand(count, generator=random) < config.flip
    angles = [(torch.rand(count, generator=random) * 2 - 1) * (most * pi / 180) for most in (config.rotate, config.shear)]
    return Moves(*(shard(drawn, rank, processes) for drawn in (rows, columns, mirrored, *angles)))


def augmented(samples: Tensor, moves: Moves) -> Tensor:
    """Return samples `(B, C, H, W)` or `(B, T, C, H, W)`, moved; others, `(B, features)`, as they are."""
    if samples.dim() == 5:
        return augmented(samples.flatten(1, 2), moves).reshape(samples.shape)
    if samples.dim() != 4:
        return samples
    if moves.rotation.any() or moves.shear.any():
        samples = _turned(samples, moves)
    if moves.mirrored.any():
        mirrored = moves.mirrored.to(samples.device).view(-1, 1, 1, 1)
        samples = torch.where(mirrored, samples.flip(-1), samples)
    if moves.rows.any() or moves.columns.any():
        samples = _shifted(samples, moves)
    return samples


def _shifted(images: Tensor, moves: Moves) -> Tensor:
    count, channels, height, width = images.shape
    reach = int(torch.stack([moves.rows, moves.columns]).abs().max())
    padded = F.pad(images, [reach] * 4)
    rows, columns = ((part + reach).to(images.device).unsqueeze(1) for part in (moves.rows, moves.columns))
    rows = rows + torch.arange(height, device=images.device)
    columns = columns + torch.arange(width, device=images.device)
    which = torch.arange(count, device=images.device).view(-1, 1, 1, 1)
    of_channels = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return padded[which, of_channels, rows[:, None, :, None], columns[:, None, None]]


def _turned(images: Tensor, moves: Moves) -> Tensor:
    """Rotate and shear (along the rows) about the center, to the nearest pixel."""
    cosine, sine, slant = moves.rotation.cos(), moves.rotation.sin(), moves.shear.tan()
    aspect = images.shape[-2] / images.shape[-1]  # of the unit square that torch's grids live in
    zero = torch.zeros_like(cosine)
    rows = [[cosine, (cosine * slant - sine) * aspect, zero], [sine / aspect, sine * slant + cosine, zero]]
    matrix = torch.stack([torch.stack(row, 1) for row in rows], 1).to(images.device)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    turned = F.grid_sample(images.float(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return turned.to(images.dtype)
