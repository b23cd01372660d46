"""The time left, worked out by hand: 10 epochs of 4 updates of 1 s, and 2 s of validation after each.

second   1  2  3  4 | 6 | 7  8  9 10 | 12 | ...      (an update or a validation ends)
update   0  1  2  3 | v | 4  5  6  7 | v  | ...
"""

from __future__ import annotations

import numpy as np
import pytest

from lrlab.runs.pace import Progress, Work, pace, seconds_left

WORK = Work(epochs=10, steps_per_epoch=4, val=0.25, test=0)


def done(updates: int, validations: int, *, window: int = 800, first: float | None = 1.0, start: int = 0) -> Progress:
    """A run that has done so much of the timeline above; this attempt began with update `start`."""
    steps = np.arange(start, updates)[-window:]
    return Progress(
        epoch=steps // 4,
        time=1.0 + steps + 2.0 * (steps // 4),
        updates=updates,
        epochs=validations,
        epoch_times=6.0 * np.arange(-(-start // 4) + 1, validations + 1),
        first=first,
    )


@pytest.mark.parametrize(
    ("progress", "now", "expected"),
    [
        (done(1, 0), 1.0, None),  # one update has an end and no beginning
        (done(2, 0), 2.0, None),  # one second measured
        # Two seconds measured; validation not yet: a quarter as many images, a third of the work: 1/3 s each.
        (done(3, 0), 3.0, 37 * 1 + 10 * (4 * 0.25 / 3)),
        (done(4, 1), 6.0, 9 * 6.0),  # a whole epoch measured
        (done(8, 2), 12.0, 8 * 6.0),
        (done(7, 1), 9.0, 33 * 1 + 9 * 2),  # inside an epoch
        (done(7, 1), 9.5, 33 * 1 + 9 * 2 - 0.5),  # half of the next update is over
        (done(7, 1), 99.0, 33 * 1 + 9 * 2 - 1),  # it takes longer than foreseen: the others are still to come
        (done(8, 1), 11.5, 32 * 1 + 9 * 2 - 1.5),  # validating
        (done(40, 10), 60.0, 0.0),
        (done(40, 10), 99.0, 0.0),
        (done(40, 10, window=3), 60.0, 0.0),
        (done(25, 6, window=3), 37.0, 15 * 1 + 4 * 2),  # a window that begins inside an epoch
        (done(23, 5, window=3), 33.0, 17 * 1 + 5 * 2),  # one that shows no validation: the epochs' times tell
        (done(7, 1, window=3), 9.0, 33 * 1 + 9 * 2),
        (done(29, 7, start=18, first=None), 43.0, 11 * 1 + 3 * 2),  # resumed inside an epoch
        (done(20, 4, start=18, first=None), 28.0, None),
    ],
)
def test_seconds_left(progress, now, expected):
    assert seconds_left(progress, WORK, now) == (None if expected is None else pytest.approx(expected))


def test_a_test_at_the_end_is_foreseen_from_the_validation():
    work = Work(epochs=10, steps_per_epoch=4, val=0.25, test=0.5)  # twice the images: 4 s
    assert seconds_left(done(8, 2), work, 12.0) == pytest.approx(8 * 6 + 4)
    assert seconds_left(done(40, 10), work, 61.0) == pytest.approx(3)
    assert seconds_left(done(40, 10), work, 99.0) == 0


def test_one_update_an_epoch():
    work = Work(epochs=10, steps_per_epoch=1, val=0.25, test=0)
    steps = np.arange(4)
    progress = Progress(steps, 1 + 3.0 * steps, 4, 4, 3 + 3.0 * steps, first=1.0)
    # The first cycle lacks its update: (2 + 3 + 3 + 3); of the newest three none does.
    assert seconds_left(progress, work, 12.0) == pytest.approx(6 * 3)


def test_of_a_search_in_its_last_sweep_a_part_of_the_update_under_way_is_over():
    work, steps = Work(epochs=2, steps_per_epoch=4, val=0, test=0), np.arange(6)
    progress = Progress(steps // 4, 1.0 + steps + 2.0 * (steps // 4), 6, 2, np.array([]), first=1.0)
    assert seconds_left(progress, work, 8.0) == pytest.approx(2)
    assert seconds_left(progress, work, 8.5) == pytest.approx(1.5)


def test_the_newest_epochs_count():
    before = done(24, 6)  # at 36 s; then twice as fast
    after = Progress(
        epoch=np.concatenate([before.epoch, np.repeat([6, 7, 8], 4)]),
        time=np.concatenate([before.time, *(36 + 3 * epoch + 0.5 * np.arange(1, 5) for epoch in range(3))]),
        updates=36,
        epochs=8,
        epoch_times=np.concatenate([before.epoch_times, [39.0, 42.0]]),
        first=1.0,
    )
    measured = pace(after, WORK)
    assert measured.update == pytest.approx(0.5)
    # Of the newest three, two took a second, and the one before them two.
    assert measured.between == pytest.approx((2.0 + 1.0 + 1.0) / 3)
