"""Axes that end on round numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrlab.charts.ranges import (
    linear_ticks,
    log_range,
    log_ticks,
    loss_range,
    percent_range,
    round_step,
    seconds_end,
    steady,
)

NAN = math.nan


def row(*values: float) -> np.ndarray:
    return np.array(values, float)


@pytest.mark.parametrize(
    ("span", "parts", "step"), [(10, 4, 2), (1, 4, 0.2), (0.9, 4, 0.2), (100, 5, 20), (4, 4, 1), (3e-4, 4, 5e-5)]
)
def test_a_round_step_divides_into_enough_parts(span, parts, step):
    assert round_step(span, parts) == pytest.approx(step)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1.9, (0, 2)), (0.31, 1.77, (0.2, 1.8)), (37, 82, (30, 90)), (2, 2, (1.8, 2.3)), (0, 0, (-0.6, 0.6))],
)
def test_a_range_ends_on_round_numbers(low, high, expected):
    found = steady(low, high)
    assert found[0] <= low and high <= found[1]
    assert found == pytest.approx(expected, abs=0.11)


@pytest.mark.parametrize(
    ("curves", "first", "from_zero", "expected"),
    [
        ([row(1.9, 0.2)], 1.9, False, (0, 2)),
        ([row(1.9, 1.2)], 1.9, False, (1.2, 2)),  # far from zero, the differences are shown
        ([row(1.9, 1.2)], 1.9, True, (0, 2)),
        ([row(1.0, 1e9)], 1.2, False, (0, 5)),  # diverged: leaves at four times the first loss
        ([row(NAN, 1.9), row()], 1.9, True, (0, 2)),
        ([row(NAN)], NAN, False, (0, 1)),
        ([], NAN, False, (0, 1)),
    ],
)
def test_the_range_of_the_losses(curves, first, from_zero, expected):
    assert loss_range(curves, first, from_zero=from_zero) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ([], (0, 100)),
        ([row(NAN)], (0, 100)),
        ([row(36, 84)], (30, 90)),
        ([row(99.5, 100)], (94, 101)),  # never far beyond what an accuracy can be
        ([row(0, 3)], (-1, 8)),
    ],
)
def test_the_range_of_the_accuracies(curves, expected):
    found = percent_range(curves)
    assert found == pytest.approx(expected, abs=2)
    assert found[0] >= -1 and found[1] <= 101
    assert found[1] - found[0] >= 6


@pytest.mark.parametrize(
    ("top", "ticks"),
    [(0.001, [0, 5e-4, 0.001]), (0.1, [0, 0.05, 0.1]), (0.03, [0, 0.01, 0.02, 0.03]), (1, [0, 0.5, 1])],
)
def test_ticks_from_zero(top, ticks):
    assert linear_ticks(top) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("bottom", "top", "ticks"),
    [(-4, -3, [1e-4, 2e-4, 5e-4, 1e-3]), (-5.1, -2.9, [1e-5, 1e-4, 1e-3]), (-8.1, 0.1, [1e-8, 1e-6, 1e-4, 1e-2, 1])],
)
def test_ticks_on_a_logarithmic_axis(bottom, top, ticks):
    assert log_ticks(bottom, top) == pytest.approx(ticks)


def test_a_logarithmic_axis_leaves_zeros_out_and_reaches_down_eight_decades_at_most():
    bottom, top = log_range([row(0.0, 1e-3, 1e-20), row(NAN)])
    assert top == pytest.approx(-3, abs=0.6)
    assert bottom == pytest.approx(-11, abs=0.6)
    assert log_range([row(0.0)]) == (-4.0, 0.0)


@pytest.mark.parametrize(("longest", "end"), [(0, 10), (10, 10), (11, 20), (100, 120), (3601, 5400), (9000, 9000)])
def test_a_time_axis_ends_on_round_times(longest, end):
    assert seconds_end(longest) == end
