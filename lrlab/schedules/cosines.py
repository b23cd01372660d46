"""CosineAnnealingLR and CosineAnnealingWarmRestarts, and cosines of evenly spaced angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules import spec as specs
from lrlab.schedules.leaves import Absolute, Floats, Leaf, counts

ROW = 512
"""So many angles share one row in `cosines`."""


STEEP = 1000
"""Where a cosine rises to more than so many times its beginning, its last bit shows in what it begins with."""


def cosines(first: float, n: int, period: float, *, steep: bool = False) -> Floats:
    """cos(pi k / period) for k = first, first + 1, ..., shape (n,). `steep`: to the last bit C's, which torch uses.

    Computed from the cosines and sines of a row and of the rows' beginnings, which is five times faster than n cosines
    and as exact, to about 1e-14, as the angles are.
    """
    if steep:
        return np.array([math.cos(math.pi * (first + k) / period) for k in range(n)])
    if n <= 2 * ROW or first + n > 32 * period:
        return np.asarray(np.cos(np.pi * (first + np.arange(n)) / period))
    rows = -(-n // ROW)
    begin = np.pi * (first + ROW * np.arange(rows)) / period
    within = np.pi * np.arange(ROW) / period
    # A product of two pairs in one pass: (cos, sin) of the rows' beginnings by (cos, -sin) within a row.
    rows_of = np.stack([np.cos(begin), np.sin(begin)], axis=1)
    return np.asarray((rows_of @ np.stack([np.cos(within), -np.sin(within)])).ravel()[:n])


class Cosine(Leaf[specs.CosineAnnealingLR]):
    """The one scheduler that moves the LR along a line: r x (LR - eta_min) + eta_min, and LR + a after a low point."""

    def _initial(self) -> None:
        pass

    def closed_at_zero(self) -> float:
        low = self.spec.eta_min
        return low + (self.base - low) * (1 + math.cos(0.0)) / 2

    def heights(self, first: int, n: int) -> Floats:
        """`height` at each counter. Near a low point the last bit of the cosine is most of the sum, so it is C's there,
        as torch's is; NumPy's may differ in it."""
        heights = np.asarray(1 + np.cos(np.pi * counts(first, n) / self.spec.T_max))
        for place in np.flatnonzero(heights < 1e-5):
            heights[place] = self.height(first + int(place))
        return heights

    def is_restart(self, first: int, n: int) -> NDArray[np.bool_]:
        """Whether a call is the first after a low point."""
        period = 2 * self.spec.T_max
        restarts = np.zeros(n, dtype=bool)
        restarts[(self.spec.T_max + 1 - first) % period :: period] = True
        return restarts

    def height(self, count: int) -> float:
        """1 + cos(pi k / T_max) at one counter, as torch computes it."""
        return 1 + math.cos(math.pi * count / self.spec.T_max)

    @property
    def restart(self) -> float:
        """What is added to the LR in the first call after a low point."""
        return (self.base - self.spec.eta_min) * (1 - math.cos(math.pi / self.spec.T_max)) / 2

    def lines(self, first: int, n: int) -> tuple[Floats, Floats, Floats]:
        """r, m and a of each call: the LR becomes r x (LR - m) + m + a."""
        heights, restarts = self.heights(first - 1, n + 1), self.is_restart(first, n)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(restarts, 1.0, heights[1:] / heights[:-1])
        return ratios, np.where(restarts, 0.0, self.spec.eta_min), np.where(restarts, self.restart, 0.0)


class WarmRestarts(Absolute[specs.CosineAnnealingWarmRestarts]):
    def values(self, first: int, n: int) -> Floats:
        low = self.spec.eta_min
        heights = self._cosines(first, n, steep=low > STEEP * self.base)
        heights += 1
        heights *= (self.base - low) / 2
        heights += low
        return heights

    def _cosines(self, first: int, n: int, *, steep: bool) -> Floats:
        length, times = self.spec.T_0, self.spec.T_mult
        if times == 1:
            cycle = cosines(0, min(length, first + n), length, steep=steep)
            return np.resize(np.roll(cycle, -(first % length)), n) if length < first + n else cycle[first:]
        parts, start, end = [], 0, first + n
        while start < end:
            low, high = max(start, first), min(start + length, end)
            if high > low:
                parts.append(cosines(low - start, high - low, length, steep=steep))
            start, length = start + length, length * times
        return np.concatenate(parts)
