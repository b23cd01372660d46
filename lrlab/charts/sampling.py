"""Which updates of a curve are drawn: about a thousand, and every jump and every extreme among them.

A screen has fewer columns than a run has updates. What is left out lies on the way between two updates that are drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import thin

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST = 1000
"""So many updates are drawn of one curve."""

JUMP = 4.0
"""A change this many times as large as the ones before and after it is a jump."""


def drawn_rows(values: Floats, most: int = MOST) -> Rows:
    """The updates to draw of `values`, in order: at most about `most`, the first and the last among them.

    All of them where they are few. Of a staircase every corner, of a smooth curve every jump and every turn, with
    evenly spread ones to hover over; where these are too many, the lowest and the highest value of each column.
    """
    n = len(values)
    if n <= most:
        return np.arange(n)
    change = np.diff(values)
    corners = np.flatnonzero(change) + 1
    if len(corners) <= most:
        return _with_spread(corners, n, most)
    needed = np.union1d(_jumps(change), _turns(change))
    return _with_spread(needed, n, most) if len(needed) <= most // 2 else thin(values, most)


def _with_spread(rows: Rows, n: int, most: int) -> Rows:
    return np.union1d(rows, np.linspace(0, n - 1, max(most - len(rows), most // 5)).astype(np.int64))


def _jumps(change: Floats) -> Rows:
    """The updates on both sides of each change that stands out from its neighbours."""
    size = np.abs(change)
    around = np.zeros_like(size)
    around[1:] = size[:-1]
    np.maximum(around[:-1], size[1:], out=around[:-1])
    # What is far below a pixel is no jump, however still it is around it.
    at = np.flatnonzero((size > JUMP * around) & (size > 1e-6 * size.max()))
    return np.concatenate([at, at + 1])


def _turns(change: Floats) -> Rows:
    """Where the curve turns: the ends of every stretch on which it neither rises nor falls between the two."""
    moving = np.flatnonzero(np.abs(change) > 1e-12 * np.abs(change).max())
    up = change[moving] > 0
    turned = np.flatnonzero(up[1:] != up[:-1])
    return np.concatenate([moving[turned] + 1, moving[turned + 1]])
