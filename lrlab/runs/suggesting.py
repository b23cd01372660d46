"""Four ways to read an LR off a sweep's losses, as fastai published them. Arithmetic on arrays, nothing else.

`lr` and `loss`: float64 of the same shape (n,), n at least LEAST; the LRs grow, the losses are smoothed and finite.
Source: the suggestion functions of fastai's module callback.schedule, whose documentation credits valley to ESRI and
slide to Novetta. Tests compare each with fastai's own.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INTERVAL = 15
"""Updates between the two ends of the interval that `slide` moves."""

LEAST = INTERVAL + 1
"""Points without which not every method can be carried out."""

SAME_SLOPE = 0.005
"""Slopes, in loss per update, that differ by no more than this count as equal for `slide`."""


@dataclass(frozen=True)
class Found:
    """An LR and the two between which it was found: the ends of a fall, or twice the place itself."""

    lr: float
    start: float
    end: float


def valley(lr: Floats, loss: Floats) -> Found:
    """The middle of the longest fall: of the longest row of ever lower losses, what lies between them left out."""
    lengths = _falls(loss)
    end = int(np.argmax(lengths))
    start = end - int(lengths[end])
    third = (end - start) / 3
    place = start + int(third) + int(third / 2)
    return Found(float(lr[place]), float(lr[max(start, 0)]), float(lr[end]))


def steepest(lr: Floats, loss: Floats) -> Found:
    """Where the loss falls fastest against the logarithm of the LR."""
    place = int(np.argmin(np.diff(loss) / np.diff(np.log(lr))))
    return Found(float(lr[place]), float(lr[place]), float(lr[place + 1]))


def minimum(lr: Floats, loss: Floats) -> Found:
    """A tenth of the LR at which the loss is lowest; `start` and `end` are that LR."""
    lowest = float(lr[np.argmin(loss)])
    return Found(lowest / 10, lowest, lowest)


def slide(lr: Floats, loss: Floats) -> Found | None:
    """The left end of an interval that slides down from the highest LR while the slopes at its ends differ.

    It stops where they are equal to SAME_SLOPE. None where they are so from the beginning, since the losses do not rise
    there, and where they nowhere are: then it slid past the lowest LR.
    """
    slope = np.gradient(loss)
    differ = np.abs(slope[INTERVAL:] - slope[:-INTERVAL]) > SAME_SLOPE  # by the left end of the interval
    stops = np.flatnonzero(~differ)
    if not len(stops) or stops[-1] == len(differ) - 1:
        return None
    place = int(stops[-1]) + 1
    return Found(float(lr[place]), float(lr[place]), float(lr[place + INTERVAL]))


def _falls(loss: Floats) -> NDArray[np.int64]:
    """For each loss, how many make the longest row of ever lower losses that ends with it (patience sorting)."""
    lengths = np.empty(len(loss), np.int64)
    ends: list[float] = []  # of the rows of each length found so far, the highest last loss, negated
    for place, value in enumerate((-loss).tolist()):
        length = bisect_left(ends, value)
        ends[length : length + 1] = [value]
        lengths[place] = length + 1
    return lengths
