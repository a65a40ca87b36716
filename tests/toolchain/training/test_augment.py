"""Augmentation: integers stay integers, every sample moves by itself, events as a whole, processes as one."""

from itertools import pairwise
from math import pi

import pytest
import torch
from torch import Tensor

from snnc.toolchain.training.augment import Moves, augmented, draw
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.seeds import generator

NOTHING = TrainConfig(shift=0)


def moved(samples: Tensor, config: TrainConfig, seed: int = 0) -> Tensor:
    return augmented(samples, draw(config, len(samples), generator(seed)))


def one_move(**changes: float) -> Moves:
    still: dict[str, float] = {"rows": 0, "columns": 0, "mirrored": False, "rotation": 0.0, "shear": 0.0}
    return Moves(**{name: torch.tensor([value]) for name, value in (still | changes).items()})


def test_shifting_moves_each_image_by_itself_and_fills_with_black() -> None:
    images = torch.arange(1, 17, dtype=torch.uint8).reshape(1, 1, 4, 4).repeat(64, 1, 1, 1)
    shifted = moved(images, NOTHING.replaced(shift=1))
    assert shifted.dtype is torch.uint8
    assert len({tuple(image.ravel().tolist()) for image in shifted}) == 9
    for image in shifted[:, 0]:
        kept = image[image != 0]
        assert len(kept) in (16, 12, 9)
        assert all(a + 1 == b for row in image.tolist() for a, b in pairwise(row) if 0 not in (a, b))


def test_nothing_asked_for_changes_nothing() -> None:
    images = torch.randint(0, 255, (5, 3, 4, 4), dtype=torch.uint8)
    assert torch.equal(moved(images, NOTHING), images)


def test_features_without_a_picture_stay_as_they_are() -> None:
    features = torch.rand(4, 10)
    assert torch.equal(moved(features, NOTHING.replaced(shift=2, flip=1.0, rotate=30.0)), features)


def test_events_move_as_a_whole() -> None:
    events = torch.zeros(5, 3, 2, 8, 8, dtype=torch.uint8)
    events[:, :, :, 4, 4] = 1
    shifted = moved(events, NOTHING.replaced(shift=2))
    places = shifted.flatten(3).argmax(3)
    assert (shifted.sum((3, 4)) == 1).all()
    assert (places == places[:, :1, :1]).all()
    assert len(set(places[:, 0, 0].tolist())) > 1


def test_mirror_images() -> None:
    images = torch.arange(6, dtype=torch.uint8).reshape(1, 1, 2, 3).repeat(200, 1, 1, 1)
    mirrored = moved(images, NOTHING.replaced(flip=0.25))
    share = (mirrored == images.flip(-1)).flatten(1).all(1).float().mean()
    assert 0.15 < float(share) < 0.35
    assert torch.equal(moved(images, NOTHING.replaced(flip=1.0)), images.flip(-1))


@pytest.mark.parametrize("shape", [(1, 2, 9, 9), (1, 2, 8, 12)])
def test_half_a_turn_is_a_mirror_image_of_both_axes(shape: tuple[int, ...]) -> None:
    images = torch.randint(0, 255, shape, dtype=torch.uint8)
    assert torch.equal(augmented(images, one_move(rotation=pi)), images.flip(-1, -2))


def test_a_quarter_turn() -> None:
    images = torch.randint(0, 255, (1, 1, 9, 9), dtype=torch.uint8)
    assert torch.equal(augmented(images, one_move(rotation=pi / 2)), images.rot90(1, (-2, -1)))


def test_shear_moves_rows_against_each_other() -> None:
    image = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
    image[..., 4] = 1
    sheared = augmented(image, one_move(shear=pi / 4))[0, 0]
    columns = sheared.argmax(1).tolist()
    assert (sheared.sum(1) == 1).all()
    assert [a - b for a, b in pairwise(columns)] in ([1] * 8, [-1] * 8)


def test_turned_events_are_still_0_or_1_and_small_turns_differ_by_sample() -> None:
    events = (torch.rand(20, 4, 2, 16, 16) < 0.3).to(torch.uint8)
    turned = moved(events, NOTHING.replaced(rotate=30.0, shear=30.0))
    assert turned.dtype is torch.uint8
    assert set(turned.unique().tolist()) == {0, 1}
    same = [torch.equal(a, b) for a, b in zip(turned, events, strict=True)]
    assert sum(same) < 5


def test_angles_and_shifts_stay_within_what_was_asked_for() -> None:
    moves = draw(NOTHING.replaced(shift=3, rotate=30.0, shear=10.0), 500, generator(1))
    assert set(moves.rows.tolist()) == set(moves.columns.tolist()) == set(range(-3, 4))
    assert 0.5 < float(moves.rotation.abs().max()) <= 30 * pi / 180
    assert 0.15 < float(moves.shear.abs().max()) <= 10 * pi / 180


def test_processes_draw_what_one_would() -> None:
    config = NOTHING.replaced(shift=3, flip=0.5, rotate=30.0)
    whole = draw(config, 12, generator(7))
    parts = [draw(config, 12, generator(7), rank, 3) for rank in range(3)]
    for name in ("rows", "columns", "mirrored", "rotation", "shear"):
        assert torch.equal(torch.stack([getattr(part, name) for part in parts], 1).flatten(), getattr(whole, name))
