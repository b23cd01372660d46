"""What pixel values are turned into before the model sees them, and the statistics of a set of images.

N images of the data set, B of a batch, P side of the cached squares, S side that the model sees, in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lrlab.datasets import Progress
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


class Normalizer:
    """Carries out a Normalization on pictures of `image_size` px on `device`; (B, 3, S, S), channels last, come out."""

    def __init__(self, normalization: Normalization, image_size: int, device: torch.device) -> None:
        mean, std = normalization.mean, normalization.std
        self._of_shares = [torch.tensor(values, device=device)[:, None, None] for values in (mean, std)]
        self._mean: Tensor | float
        self._std: Tensor | float
        if len(set(mean)) == len(set(std)) == 1:
            self._mean, self._std = 255 * mean[0], 255 * std[0]
        else:
            # A whole line of pixels, (S, 3): numbers that lie together are worked on together, three at a time are not.
            self._mean, self._std = (
                (255 * torch.tensor(values, dtype=torch.float64)).float().expand(image_size, 3).contiguous().to(device)
                for values in (mean, std)
            )

    def of_bytes(self, pixels: Tensor) -> Tensor:
        """Of uint8 of shape (B, S, S, 3)."""
        # (B, S, S, 3) in memory is (B, 3, S, S) channels last.
        return pixels.to(torch.float32).sub_(self._mean).div_(self._std).permute(0, 3, 1, 2)

    def of_shares(self, images: Tensor) -> Tensor:
        """Of float32 of shape (B, 3, S, S), 0 to 1, which is written over."""
        mean, std = self._of_shares
        return images.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def statistics(
    experiment: Experiment,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    progress: Progress = lambda what, done, total: None,
) -> Normalization:
    """How `experiment` normalises the decoded `images`, uint8 of shape (N, P, P, 3), of which it trains on `rows`."""
    if experiment.normalization == "dataset":
        return measured(images, rows, progress)
    return {"centred": CENTRED, "plain": PLAIN, "imagenet": IMAGENET}[experiment.normalization]


def measured(
    images: NDArray[np.uint8], rows: NDArray[np.int64], progress: Progress = lambda what, done, total: None
) -> Normalization:
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
        progress("measuring the colours of the images", min(start + AT_ONCE, len(rows)), len(rows))
    mean = sums / count
    # In whole numbers once more: the difference of two large means would lose what a dark, even set has of spread.
    variance = [(count * int(square) - int(total) ** 2) / count**2 for square, total in zip(squares, sums, strict=True)]
    std = np.maximum(np.sqrt(variance) / 255, LEAST_STD)
    return Normalization(_channels(mean / 255), _channels(std))


def _channels(values: NDArray[np.float64]) -> Channels:
    red, green, blue = values.tolist()
    return red, green, blue
