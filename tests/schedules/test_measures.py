"""The three numbers by which schedules are compared, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrlab.schedules import Curve, Measures, ScheduleSpec, curve, measures

BY_HAND: dict[str, tuple[list[float], Measures]] = {
    "fixed": ([0.1, 0.1, 0.1, 0.1], Measures(area=0.4, above_half=1.0, final_over_peak=1.0)),
    "a drop to a half, which is not above it": ([1.0, 1.0, 0.5, 0.5], Measures(3.0, 0.5, 0.5)),
    "a drop to just above a half": ([1.0, 0.5000001], Measures(1.5000001, 1.0, 0.5000001)),
    "a straight line to zero": ([1.0, 0.75, 0.5, 0.25, 0.0], Measures(2.5, 0.4, 0.0)),
    "up and down": ([0.0, 0.2, 0.4, 0.2, 0.1], Measures(0.9, 0.2, 0.25)),
    "highest at the end": ([0.1, 0.2, 0.8, 1.0], Measures(2.1, 0.5, 1.0)),
    "one update": ([0.3], Measures(0.3, 1.0, 1.0)),
    "nothing at all": ([0.0, 0.0], Measures(0.0, 0.0, 0.0)),
    "next to nothing": ([1e-300, 1e-301], Measures(1.1e-300, 0.5, 0.1)),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_worked_by_hand(case: str) -> None:
    lr, expected = BY_HAND[case]
    found = measures(Curve(np.array(lr), steps_per_epoch=1))
    assert found.area == pytest.approx(expected.area, rel=1e-12, abs=0)
    assert found.above_half == expected.above_half
    assert found.final_over_peak == pytest.approx(expected.final_over_peak, rel=1e-12)


SCHEDULES: dict[str, tuple[dict[str, Any], Measures]] = {
    # 20 epochs of 5 updates at LR 0.1; the areas of a straight line and of half a cosine are known sums
    "half of the LR after every fifth epoch": (
        {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}, Measures(0.1 * 25 * 1.875, 0.25, 0.125),
    ),
    "linear to zero, per update": (
        {"interval": "step", "scheduler": {"name": "PolynomialLR", "total_iters": 100, "power": 1.0}},
        Measures(0.1 * (100 + 1) / 2, 0.5, 0.01),
    ),
    "half a cosine, per update: the first value is one more than its mirror image": (
        {"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": 100}},
        Measures(0.1 * (100 + 1) / 2, 0.5, (1 - np.cos(np.pi / 100)) / 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SCHEDULES)
def test_of_whole_schedules(case: str) -> None:
    document, expected = SCHEDULES[case]
    found = measures(curve(ScheduleSpec.model_validate(document), 0.1, 20, 5))
    assert found.area == pytest.approx(expected.area, rel=1e-12)
    assert found.above_half == expected.above_half
    assert found.final_over_peak == pytest.approx(expected.final_over_peak, rel=1e-9)
