"""What chance decides about a batch: within its ranges, as often as was asked for, and of its own numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lrlab.experiments import Augment
from lrlab.training.draws import Draws, draw

S, COUNT, BATCHES = 64, 32, 250
N = COUNT * BATCHES


def draws(augment: Augment, batches: int = BATCHES) -> list[Draws]:
    return [draw(augment, COUNT, S, seed=4, epoch=index // 50, index=index % 50) for index in range(batches)]


def near_share(values: Any, share: float) -> None:
    """Within four standard deviations of so many draws."""
    values = np.concatenate(values)
    assert len(values) == N
    assert abs(values.mean() - share) < 4 * np.sqrt(share * (1 - share) / N)


def evenly(values: Any, low: float, high: float) -> None:
    """Even over the range: each fifth of it holds a fifth of the values, within four standard deviations."""
    values = np.concatenate(values)
    assert values.min() >= low and values.max() <= high
    counts, _ = np.histogram(values, bins=5, range=(low, high))
    assert np.abs(counts / len(values) - 0.2).max() < 4 * np.sqrt(0.16 / len(values))


def test_pictures_are_turned_upside_down_as_often_as_asked() -> None:
    near_share([one.flips for one in draws(Augment(vertical_flip=0.3))], 0.3)
    assert not np.concatenate([one.flips for one in draws(Augment(vertical_flip=0), 20)]).any()
    assert np.concatenate([one.flips for one in draws(Augment(vertical_flip=1), 20)]).all()


def test_turns_go_either_way_up_to_the_angle() -> None:
    evenly([np.degrees(one.turns) for one in draws(Augment(rotation=20))], -20, 20)


@pytest.mark.parametrize(
    ("name", "reach", "low", "high"),
    [
        ("brightness", 0.4, 0.6, 1.4),
        ("contrast", 1.0, 0.0, 2.0),
        ("saturation", 0.2, 0.8, 1.2),
        ("hue", 0.1, -0.1, 0.1),
    ],
)
def test_colours_stay_in_their_range(name: str, reach: float, low: float, high: float) -> None:
    found = draws(Augment(**{name: reach}))
    assert all(set(one.colours) == {name} for one in found)
    evenly([one.colours[name] for one in found], low, high)


@pytest.mark.parametrize("scale", [0.08, 0.5, 0.9])
def test_a_resized_crop_has_the_area_and_the_shape_that_were_asked_for(scale: float) -> None:
    parts = [one.parts for one in draws(Augment(crop="resized", scale=scale))]
    left, top, width, height = (np.concatenate([getattr(one, side) for one in parts]) for side in Boxes)
    assert (left >= 0).all() and (top >= 0).all()
    assert (left + width <= 1 + 1e-12).all() and (top + height <= 1 + 1e-12).all()
    area, ratio = width * height, width / height
    assert area.min() >= scale - 1e-12 and area.max() <= 1
    assert ratio.min() >= 3 / 4 - 1e-12 and ratio.max() <= 4 / 3 + 1e-12
    assert abs(np.log(ratio).mean()) < 0.02  # as often wide as high
    room = (width < 0.99) & (height < 0.99)
    evenly([left[room] / (1 - width[room])], 0, 1)
    evenly([top[room] / (1 - height[room])], 0, 1)
    if scale < 0.1:  # where nearly every box fits, areas are even
        small = area[area < 0.55]
        evenly([small], scale, 0.55)


Boxes = ("left", "top", "width", "height")


def test_the_whole_square_is_taken_where_no_box_fits() -> None:
    parts = draw(Augment(crop="resized", scale=1.0), COUNT, S, 0, 0, 0).parts
    assert parts is not None
    for side, expected in zip(Boxes, (0, 0, 1, 1), strict=True):
        assert (getattr(parts, side) == expected).all()


def test_rectangles_are_blotted_out_as_often_and_as_large_as_torchvision_does() -> None:
    found = [one.erased for one in draws(Augment(erasing=0.4))]
    width, height = (np.concatenate([getattr(one, side) for one in found]) for side in ("width", "height"))
    there = width > 0
    near_share([there], 0.4)
    area, ratio = (width * height)[there], (width / np.where(there, height, 1))[there]
    assert area.min() >= 0.02 - 1e-12 and area.max() <= 0.33 + 1e-12
    assert ratio.min() >= 0.3 - 1e-12 and ratio.max() <= 3.3 + 1e-12
    evenly([area[area < 0.29]], 0.02, 0.29)  # the largest do not fit at every ratio
    assert draw(Augment(), COUNT, S, 0, 0, 0).erased is None


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_shares_of_mixup_have_the_moments_of_the_beta_distribution(alpha: float) -> None:
    shares = np.array([one.mix.share for one in draws(Augment(mixup=alpha), 2000) if one.mix])
    variance = 1 / (4 * (2 * alpha + 1))
    assert len(shares) == 2000
    assert abs(shares.mean() - 0.5) < 4 * np.sqrt(variance / 2000)
    assert shares.var() == pytest.approx(variance, rel=0.12)
    assert all(one.mix and one.mix.box is None for one in draws(Augment(mixup=alpha), 20))


def test_cutmix_counts_the_pixels_that_it_pastes() -> None:
    shares, whole = [], 0
    for one in draws(Augment(cutmix=1.0), 2000):
        assert one.mix and one.mix.box
        left, top, right, bottom = one.mix.box
        assert 0 <= left <= right <= S and 0 <= top <= bottom <= S
        assert one.mix.share == 1 - (right - left) * (bottom - top) / S**2
        shares.append(one.mix.share)
        whole += left > 0 and top > 0 and right < S and bottom < S and abs((right - left) - (bottom - top)) <= 1
    # With alpha 1 the area u of the box is even from 0 to 1 and its side is its root. It lies within the picture with
    # the probability E[(1 - sqrt(u))^2] = 1/6; cut off, a side is sqrt(u) - u / 4 on average, so that
    # 1 - E[(sqrt(u) - u / 4)^2] = 0.679 remains.
    assert abs(whole - 2000 / 6) < 4 * np.sqrt(2000 * 5 / 36)
    assert abs(np.mean(shares) - 0.679) < 4 * np.std(shares) / np.sqrt(2000)


def test_with_both_on_each_batch_takes_one_by_chance() -> None:
    found = draws(Augment(mixup=0.4, cutmix=1.0), 2000)
    assert all(one.mix for one in found)
    pasted = sum(one.mix.box is not None for one in found if one.mix)
    assert abs(pasted - 1000) < 4 * np.sqrt(500)
    assert draw(Augment(), COUNT, S, 0, 0, 0).mix is None


def values(one: Draws) -> bytes:
    return one.turns.tobytes() + one.colours["brightness"].tobytes()


def test_draws_depend_on_seed_epoch_and_batch_and_on_nothing_else() -> None:
    augment = Augment(rotation=10, brightness=0.5)
    np.random.seed(1)
    first = values(draw(augment, COUNT, S, 1, 2, 3))
    np.random.seed(2)
    assert values(draw(augment, COUNT, S, 1, 2, 3)) == first
    keys = [(seed, epoch, index) for seed in range(3) for epoch in range(3) for index in range(3)]
    assert len({values(draw(augment, COUNT, S, *key)) for key in keys}) == 27


PICKED: dict[str, tuple[dict[str, Any], Callable[[Draws], Any]]] = {
    "rotation": ({"rotation": 10}, lambda one: one.turns),
    "vertical_flip": ({"vertical_flip": 0.5}, lambda one: one.flips),
    "brightness": ({"brightness": 0.5}, lambda one: one.colours["brightness"]),
    "hue": ({"hue": 0.5}, lambda one: one.colours["hue"]),
    "resized crop": ({"crop": "resized"}, lambda one: one.parts and one.parts.left),
    "erasing": ({"erasing": 0.5}, lambda one: one.erased and one.erased.width),
}
ALL = {
    "rotation": 10, "vertical_flip": 0.5, "brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.5,
    "crop": "resized", "erasing": 0.5, "mixup": 1.0, "cutmix": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("name", PICKED)
def test_switching_others_on_leaves_a_change_as_it_was(name: str) -> None:
    settings, pick = PICKED[name]
    alone = pick(draw(Augment(**settings), COUNT, S, 1, 2, 3))
    beside = pick(draw(Augment(**{**ALL, **settings}), COUNT, S, 1, 2, 3))
    assert alone.tobytes() == beside.tobytes()


def test_mixup_and_cutmix_have_numbers_of_their_own() -> None:
    both = Augment(mixup=0.7, cutmix=1.3)
    for index in range(30):
        mix = draw(both, COUNT, S, 0, 0, index).mix
        assert mix
        alone = Augment(cutmix=1.3) if mix.box else Augment(mixup=0.7)
        assert draw(alone, COUNT, S, 0, 0, index).mix == mix
