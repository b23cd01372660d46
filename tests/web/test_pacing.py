"""How often views are looked at, from what looking takes."""

from __future__ import annotations

import pytest

from lrlab.web.pacing import LONGEST, SHARE, Pace

TICK = 0.5


@pytest.mark.parametrize(
    ("views", "seconds", "interval"),
    [
        (0, 0.0, TICK),
        (1, 0.005, TICK),
        (4, 0.005, TICK),  # 20 ms of every half second are 4 % of a core
        (30, 0.002, 0.06 / SHARE),
        (20, 0.005, 0.10 / SHARE),
        (1, 0.090, 0.09 / SHARE),  # one view of very long runs gives way too
        (30, 1.0, LONGEST),
    ],
)
def test_looking_takes_its_share_of_a_core_and_no_more(views: int, seconds: float, interval: float) -> None:
    pace = Pace(TICK)
    for view in range(views):
        pace.took(view, seconds)
    assert pace.interval == pytest.approx(interval)


def test_a_view_that_nobody_watches_any_more_costs_nothing() -> None:
    pace = Pace(TICK)
    for view in range(30):
        pace.took(view, 0.01)
    assert pace.interval > TICK
    for view in range(30):
        pace.forget(view)
    assert pace.interval == TICK


def test_one_slow_look_is_soon_forgotten() -> None:
    pace = Pace(TICK)
    pace.took("view", 0.3)
    for _ in range(20):
        pace.took("view", 0.001)
    assert pace.interval == TICK
