"""What schedules are compared by, side by side: three numbers of a curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrlab.schedules.curve import Curve


@dataclass(frozen=True)
class Measures:
    """`area`: the sum of the LRs of all updates, the length of all steps together; two schedules of equal area give the
    weights as much way to go. `above_half`: the share of the updates (0 to 1) whose LR is above half of the highest
    one, which itself counts. `final_over_peak`: the last update's LR over the highest one, 0 to 1.

    Where the LR is 0 throughout all three are 0.
    """

    area: float
    above_half: float
    final_over_peak: float


def measures(curve: Curve) -> Measures:
    """The measures of one curve, in its own order of magnitude: nothing is rounded."""
    peak = float(curve.lr.max())
    if peak == 0:
        return Measures(0.0, 0.0, 0.0)
    above = int(np.count_nonzero(curve.lr > peak / 2))
    return Measures(float(curve.lr.sum()), above / len(curve.lr), float(curve.lr[-1]) / peak)
