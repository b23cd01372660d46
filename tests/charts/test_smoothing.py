"""The smoothed loss is a bias-corrected mean, over a window that fits the epoch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrlab.charts import smoothing_window
from lrlab.charts.traces import smooth

from .made_runs import INF, NAN


def running_mean(loss: list[float], window: int) -> list[float]:
    """The bias-corrected mean, written as its definition."""
    mean = []
    for now in range(len(loss)):
        known = [age for age in range(now + 1) if math.isfinite(loss[now - age])]
        weights = [(1 - 1 / window) ** age for age in known]
        total = sum(weight * loss[now - age] for weight, age in zip(weights, known, strict=True))
        mean.append(total / sum(weights) if math.isfinite(loss[now]) else NAN)
    return mean


@pytest.mark.parametrize(
    "loss", [[1.0, 3.0, 2.0, 8.0], [2.0] * 6, [5.0, NAN, 1.0, 1.0], [NAN, 4.0, INF, 2.0, -INF, 3.0], [NAN, NAN], []]
)
@pytest.mark.parametrize("window", [5, 12])
def test_smoothing_is_the_bias_corrected_mean_of_what_is_finite(loss, window):
    assert smooth(np.array(loss, float), window) == pytest.approx(running_mean(loss, window), nan_ok=True)


@pytest.mark.parametrize(("spe", "window"), [(1, 5), (12, 5), (30, 10), (300, 100), (6000, 200)])
def test_the_window_is_a_third_of_an_epoch_within_bounds(spe, window):
    assert smoothing_window(spe) == window
