"""Ranges of axes that stand still while rows arrive: they end on round numbers, so they move seldom and in one step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SECONDS = (10, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 1800, 2700, 3600)
"""Where a time axis may end; above an hour it ends on half hours."""


def round_step(span: float, parts: int = 4) -> float:
    """The largest of 1, 2, 5 times a power of ten that divides `span` (> 0) into at least `parts` parts."""
    exact = span / parts
    power = 10.0 ** math.floor(math.log10(exact))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= exact * (1 + 1e-9))


def steady(low: float, high: float, parts: int = 4) -> tuple[float, float]:
    """A range around [low, high] that ends on multiples of a round step; a part of a step is left free at each end."""
    if not high > low:
        room = abs(high) / 10 or 0.5
        low, high = low - room, high + room
    step = round_step(high - low, parts)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step + 0.02) * step


def loss_range(curves: Iterable[Floats], first: float, *, from_zero: bool = False) -> tuple[float, float]:
    """The range that shows `curves`; a run that diverges may not flatten the others: it leaves at 4 x the `first` loss.

    `first`: the highest of the runs' losses at their beginning. Zero is shown where the losses come near it, and with
    `from_zero` always: below losses that are still falling, a floor that follows them would never stand still.
    """
    low, high = extremes(curves)
    if not math.isfinite(low):
        return 0.0, 1.0
    if first > 0:
        high = min(high, max(4 * first, low))
    bottom, top = steady(low, high)
    near_zero = from_zero or low < 0.45 * high
    return (0.0, steady(0.0, high)[1]) if low >= 0 and near_zero else (bottom, top)


def percent_range(curves: Iterable[Floats], least: float = 10) -> tuple[float, float]:
    """The range that shows `curves`, in per cent; 0 to 100 before there are any.

    `least`: it spans so many points at least, so that noise between two epochs does not look like a difference.
    """
    low, high = extremes(curves)
    if not math.isfinite(low):
        return 0.0, 100.0
    middle = (low + high) / 2
    bottom, top = steady(min(low, middle - least / 2), max(high, middle + least / 2), parts=3)
    return max(bottom, -1.0), min(top, 101.0)


def log_range(curves: Iterable[Floats], decades: float = 8) -> tuple[float, float]:
    """The range that shows the positive values of `curves` on a logarithmic axis, as powers of ten."""
    positive = [values[values > 0] for values in curves]
    low, high = extremes(positive)
    if not math.isfinite(low):
        return -4.0, 0.0
    top = math.log10(high)
    bottom = max(math.log10(low), top - decades)
    room = max(0.06 * (top - bottom), 0.1)
    return bottom - room, top + room


def decades_range(curves: Iterable[Floats]) -> tuple[float, float]:
    """Decimal logarithms between which a logarithmic axis shows `curves`, on half decades, two of them at least.

    It moves seldom while rows arrive. Values at 0, below it or not finite have no place on it; 0.1 to 10 without any.
    """
    low, high = extremes([values[values > 0] for values in curves])
    if not math.isfinite(low):
        return -1.0, 1.0
    bottom, top = math.floor(2 * math.log10(low)) / 2, math.ceil(2 * math.log10(high)) / 2
    return (bottom, top) if top - bottom >= 1 else (bottom - 0.5, bottom + 0.5)


def linear_ticks(top: float) -> list[float]:
    """Round places on an axis from 0 to `top`: three to six of them, 0 included."""
    step = round_step(top, 2)
    return [step * place for place in range(int(top / step * (1 + 1e-9)) + 1)]


def log_ticks(bottom: float, top: float) -> list[float]:
    """Round places on a logarithmic axis between two powers of ten: decades, and 2 and 5 where those are few."""
    decades = range(math.floor(bottom), math.ceil(top) + 1)
    every = max(1, round((top - bottom) / 4))
    factors = (1, 2, 5) if top - bottom < 1.5 else (1,)
    ticks = [factor * 10.0**decade for decade in decades if decade % every == 0 for factor in factors]
    return [tick for tick in ticks if bottom <= math.log10(tick) <= top]


def seconds_end(longest: float) -> float:
    """Where a time axis ends that has to show `longest` seconds."""
    for end in SECONDS:
        if longest <= end:
            return float(end)
    return math.ceil(longest / 1800) * 1800.0


def extremes(curves: Iterable[Floats]) -> tuple[float, float]:
    """The lowest and highest finite value of all curves; (inf, -inf) where there is none."""
    low, high = math.inf, -math.inf
    for values in curves:
        finite = values[np.isfinite(values)]
        if len(finite):
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return low, high
