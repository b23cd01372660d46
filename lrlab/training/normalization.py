"""What pixel values are turned into before the model sees them, and the statistics of a set of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.experiments import Experiment

Channels = tuple[float, float, float]
"""One value for red, green and blue."""

AT_ONCE = 256
"""Images whose sums are taken at a time."""


@dataclass(frozen=True)
class Normalization:
    """Each channel goes in as (value / 255 - mean) / std."""

    mean: Channels
    std: Channels


CENTRED = Normalization((0.5,) * 3, (0.25,) * 3)
"""Pictures come to about zero mean and unit spread, all values lie in [-2, 2]."""

PLAIN = Normalization((0.0,) * 3, (1.0,) * 3)

IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What torchvision's pretrained weights were trained with."""

LEAST_STD = 1 / 255
"""A channel that never changes counts as having this deviation, one level of 8 bits."""


def statistics(experiment: Experiment, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Normalization:
    """How `experiment` normalises the decoded `images`, uint8 of shape (N, P, P, 3), of which it trains on `rows`."""
    name = experiment.augment.normalization
    if name == "auto":
        name = "centred" if experiment.pretrained == "none" else "imagenet"
    if name == "dataset":
        return measured(images, rows)
    return {"centred": CENTRED, "plain": PLAIN, "imagenet": IMAGENET}[name]


def measured(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Normalization:
    """Mean and deviation (of the whole, not of a sample) of each channel over all pixels of the images `rows`.

    Exact but for the last rounding: the sums are whole numbers, which float64 holds up to 2^53; the squares of 1.4e11
    pixels stay below that.
    """
    sums, squares, count = np.zeros(3), np.zeros(3), 0
    for start in range(0, len(rows), AT_ONCE):
        values = images[rows[start : start + AT_ONCE]].reshape(-1, 3).astype(np.float64)
        sums += values.sum(axis=0)
        squares += np.square(values, out=values).sum(axis=0)
        count += len(values)
    mean = sums / count
    # In whole numbers once more: the difference of two large means would lose what a dark, even set has of spread.
    variance = [
        (count * int(square) - int(total) ** 2) / count**2 for square, total in zip(squares, sums, strict=True)
    ]
    std = np.maximum(np.sqrt(variance) / 255, LEAST_STD)
    return Normalization(_channels(mean / 255), _channels(std))


def _channels(values: NDArray[np.float64]) -> Channels:
    red, green, blue = values.tolist()
    return red, green, blue
