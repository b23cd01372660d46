"""What chance decides about a batch beside its images' order, shifts and mirrorings: turns, colours, boxes, mixing.

It depends on (seed, epoch, index of the batch) alone, and each change has numbers of its own: switching one on leaves
the others as they were. Drawn in NumPy on the CPU, so that it is the same on every device. B images of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.experiments import Augment

Floats = NDArray[np.float64]

CROP_RATIO = (3 / 4, 4 / 3)
"""Width to height of a resized crop."""

ERASED, ERASED_RATIO = (0.02, 0.33), (0.3, 3.3)
"""The share of the picture that random erasing blots out, and width to height of its rectangle; torchvision's."""

TRIES = 10
"""So many boxes are drawn for each image, of which the first that fits is taken; torchvision's number."""


@dataclass(frozen=True)
class Boxes:
    """A box in each image: its corner and its sides, of shape (B,), as shares of the picture's side."""

    left: Floats
    top: Floats
    width: Floats
    height: Floats


@dataclass(frozen=True)
class Mix:
    """How each image of a batch is mixed with the one before it, the first with the last.

    `share`: what remains of the image itself and so of its label, 0 to 1. `box`: the part (left, top, right, bottom, in
    pixels) that cutmix takes from the other; None for mixup, which blends the two.
    """

    share: float
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Draws:
    """`turns`: radians, counter-clockwise. `parts`: what a resized crop shows of the cached square; None for other
    crops. `colours`: by the names of Augment's fields, those that are on. `erased`: None where erasing is off; a box
    without sides blots out nothing. All of shape (B,).
    """

    flips: NDArray[np.bool_]
    """Top to bottom."""
    turns: Floats
    parts: Boxes | None
    colours: Mapping[str, Floats]
    erased: Boxes | None
    mix: Mix | None


def draw(augment: Augment, count: int, image_size: int, seed: int, epoch: int, index: int) -> Draws:
    """The draws for batch `index` of epoch `epoch`: `count` images of `image_size` px."""
    key = (seed, epoch, index)
    random = np.random.default_rng((*key, 1))  # [seed, epoch] alone gives the epoch's order
    flip, turn, brightness, contrast, saturation, hue, erases = random.random((7, count))
    for_part, for_erased = random.random((2, 2 * TRIES + 2, count))
    return Draws(
        flips=flip < augment.vertical_flip,
        turns=np.radians(augment.rotation) * _either_way(turn),
        parts=_boxes(for_part, (augment.scale, 1.0), CROP_RATIO, whole=True) if augment.crop == "resized" else None,
        colours={
            name: middle + reach * _either_way(drawn)
            for name, drawn, middle, reach in (
                ("brightness", brightness, 1, augment.brightness),
                ("contrast", contrast, 1, augment.contrast),
                ("saturation", saturation, 1, augment.saturation),
                ("hue", hue, 0, augment.hue),
            )
            if reach
        },
        erased=_some(_boxes(for_erased, ERASED, ERASED_RATIO), erases < augment.erasing) if augment.erasing else None,
        mix=_mix(augment, image_size, random.random(3), key),
    )


def _either_way(drawn: Floats) -> Floats:
    """From [0, 1) to [-1, 1)."""
    return 2 * drawn - 1


def _boxes(drawn: Floats, area: tuple[float, float], ratio: tuple[float, float], *, whole: bool = False) -> Boxes:
    """For each image the first of its boxes that fits: of `area`, of a `ratio` of width to height that is as likely as
    its inverse. Where none fits, the `whole` picture or none of it."""
    areas = area[0] + (area[1] - area[0]) * drawn[:TRIES]
    low, high = np.log(ratio)
    ratios = np.exp(low + (high - low) * drawn[TRIES : 2 * TRIES])
    widths, heights = np.sqrt(areas * ratios), np.sqrt(areas / ratios)  # (TRIES, B)
    fits = (widths <= 1) & (heights <= 1)
    first, images = fits.argmax(axis=0), np.arange(drawn.shape[1])
    found = fits[first, images]
    width, height = (np.where(found, sides[first, images], float(whole)) for sides in (widths, heights))
    return Boxes(drawn[-2] * (1 - width), drawn[-1] * (1 - height), width, height)


def _some(boxes: Boxes, which: NDArray[np.bool_]) -> Boxes:
    return Boxes(boxes.left, boxes.top, boxes.width * which, boxes.height * which)


def _mix(augment: Augment, image_size: int, drawn: Floats, key: tuple[int, ...]) -> Mix | None:
    which, across, down = drawn
    if augment.mixup and not (augment.cutmix and which < 0.5):
        return Mix(np.random.default_rng((*key, 2)).beta(augment.mixup, augment.mixup), None)
    if not augment.cutmix:
        return None
    share = np.random.default_rng((*key, 3)).beta(augment.cutmix, augment.cutmix)
    # The box has the other image's share of the area, its middle lies anywhere, and what sticks out is cut off; the
    # share is counted after that (arXiv 1905.04899).
    half = np.sqrt(1 - share) / 2
    left, right, top, bottom = (
        round(image_size * min(max(float(edge), 0.0), 1.0))
        for edge in (across - half, across + half, down - half, down + half)
    )
    return Mix(1 - (right - left) * (bottom - top) / image_size**2, (left, top, right, bottom))
