"""A curve as the outline of a small picture: SVG path data of few points that look like all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import thin

Floats = NDArray[np.float64]

MOST = 2000
"""Updates looked at; of more, the lowest and the highest of each part."""

TOLERANCE = 0.25
"""How far, in the picture's units, the outline may lie from the curve."""


def outline(lr: Floats, width: float, height: float) -> str:
    """Path data ("M0 80L12.5 3...") of `lr`, one value an update, in a picture of `width` x `height`.

    0 is the lower edge and the highest value the upper one; a curve of zeros lies on the lower edge. Update u holds its
    LR from u to u + 1: a staircase, where its treads are wide enough to be seen.
    """
    rows = thin(lr, MOST)
    highest = float(lr[rows].max()) or 1.0
    y = height - height * lr[rows] / highest
    if len(lr) <= width:
        x, y = np.stack([rows, rows + 1], axis=1).ravel(), np.repeat(y, 2)
    else:
        x = np.concatenate([[0], rows[1:-1] + 0.5, [len(lr)]])
    kept = _kept(np.stack([x * (width / len(lr)), y], axis=1))
    return "M" + "L".join(f"{_short(across)} {_short(down)}" for across, down in kept)


def _kept(points: Floats) -> Floats:
    """Those of `points`, shape (n, 2), whose straight joins come within TOLERANCE of all (Douglas and Peucker 1973)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    open_parts = [(0, len(points) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        start, way = points[first], points[last] - points[first]
        away = points[first + 1 : last] - start
        length = float(np.hypot(*way))
        off = np.abs(away[:, 0] * way[1] - away[:, 1] * way[0]) / length if length else np.hypot(away[:, 0], away[:, 1])
        farthest = int(off.argmax())
        if off[farthest] > TOLERANCE:
            middle = first + 1 + farthest
            keep[middle] = True
            open_parts += [(first, middle), (middle, last)]
    return points[keep]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
