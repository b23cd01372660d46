"""The outline of a small picture: the corners of a curve where they belong, and never far from the curve."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lrlab.charts.thumbnail import MOST, TOLERANCE, outline
from lrlab.schedules import CATALOGUE, Composition, ScheduleSpec, curve, starting

WIDTH, HEIGHT = 240.0, 80.0


def corners(path: str) -> np.ndarray:
    assert re.fullmatch(r"M[-0-9. L]+", path)
    return np.array([[float(part) for part in point.split()] for point in path[1:].split("L")])


@pytest.mark.parametrize(
    ("lr", "path"),
    [
        ([0.1], "M0 0L240 0"),
        ([0.1] * 50, "M0 0L240 0"),
        ([0.0] * 3, "M0 80L240 80"),
        # Two of four updates at the height, two at half of it.
        ([0.2, 0.2, 0.1, 0.1], "M0 0L120 0L120 40L240 40"),
        ([0.0, 1.0], "M0 80L120 80L120 0L240 0"),
    ],
)
def test_worked_by_hand(lr, path):
    assert outline(np.array(lr), WIDTH, HEIGHT) == path


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_update_lies_on_the_outline(name):
    interval = CATALOGUE[name].intervals[-1]
    spec = ScheduleSpec(interval=interval, scheduler=starting(name, interval, 20, 30))
    lr = curve(spec, 0.001, 20, 30, Composition(schedule=spec).metrics()).lr
    points = corners(outline(lr, WIDTH, HEIGHT))
    assert (np.diff(points[:, 0]) >= 0).all()
    assert points[:, 1].min() == 0
    across = (np.arange(len(lr)) + 0.5) * WIDTH / len(lr)
    drawn = np.interp(across, points[:, 0], points[:, 1])
    true = HEIGHT - HEIGHT * lr / lr.max()
    # Coordinates are rounded to a tenth, which across a steep stretch is more than a tenth of its height.
    rise = np.abs(np.gradient(true, across))
    assert (np.abs(drawn - true) <= (TOLERANCE + 0.1) * (1 + rise)).all()
    assert len(points) < 60


def test_a_long_run_is_drawn_with_its_peaks():
    lr = np.full(400_000, 0.1)
    lr[123_456] = 0.3
    points = corners(outline(lr, WIDTH, HEIGHT))
    assert len(lr) > MOST
    assert len(points) < 10
    assert points[points[:, 1].argmin(), 0] == pytest.approx(WIDTH * 123_456 / 400_000, abs=0.2)
