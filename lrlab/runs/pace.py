"""How fast a run goes and when it will end, from the times at which its updates and epochs were finished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MEASURED = 2.0
"""Seconds of updates, or else one whole epoch, that must have been measured before an end is named."""

FORWARD = 1 / 3
"""The share of an update that is its forward pass, which is all that validation does: backward costs about twice as
much. Used only until the first validation has been measured."""

RECENT_EPOCHS = 3
"""The newest epochs that the pace is taken from."""


@dataclass(frozen=True)
class Work:
    """What a run has to do: `epochs` times `steps_per_epoch` updates and a validation, then one test.

    `val` and `test`: their images, as shares of the images that an epoch trains on.
    """

    epochs: int
    steps_per_epoch: int
    val: float
    test: float


@dataclass(frozen=True)
class Progress:
    """What the newest attempt has done, in unix seconds.

    `epoch`, `time`: of its newest updates, at least one, shape (n,). `updates`, `epochs`: how many the run has finished
    (validation included), whoever did them. `epoch_times`: when this attempt finished its epochs, shape (m,).
    `first`: when it finished the first update of the first of them; None where it began inside an epoch.
    """

    epoch: Integers
    time: Floats
    updates: int
    epochs: int
    epoch_times: Floats
    first: float | None

    def validated(self, work: Work) -> bool:
        """Whether the newest epoch is over, validation included, and no update of the next one is done."""
        return self.updates == self.epochs * work.steps_per_epoch


@dataclass(frozen=True)
class Pace:
    """Seconds per update, and seconds that an epoch takes beside its updates: validation, saving, whatever there is."""

    update: float
    between: float


def pace(done: Progress, work: Work) -> Pace | None:
    """The pace measured so far, or None until it can be."""
    between_rows, new_epoch = np.diff(done.time), np.diff(done.epoch) > 0
    updates = between_rows[~new_epoch][-RECENT_EPOCHS * max(1, work.steps_per_epoch - 1) :]
    if len(updates) == 0:  # one update an epoch: nothing tells it from what lies between
        cycles = between_rows[-RECENT_EPOCHS:]
        return Pace(0.0, float(cycles.mean())) if len(cycles) else None
    update = float(updates.mean())
    between = list(between_rows[new_epoch] - update)
    if done.validated(work) and len(done.epoch_times):
        between.append(done.epoch_times[-1] - done.time[-1])
    if not between:  # an epoch has more updates than we were shown
        between = list(_cycles(done, update) - work.steps_per_epoch * update)
    if between:
        return Pace(update, max(0.0, float(np.mean(between[-RECENT_EPOCHS:]))))
    if updates.sum() < MEASURED:
        return None
    return Pace(update, work.steps_per_epoch * update * work.val * FORWARD)


def _cycles(done: Progress, update: float) -> Floats:
    """Seconds from the end of one epoch to the end of the next, for the epochs of this attempt."""
    if done.first is None:
        return np.diff(done.epoch_times)
    return np.diff(np.concatenate([[done.first - update], done.epoch_times]))


def seconds_left(done: Progress, work: Work, now: float) -> float | None:
    """The seconds from `now` (unix) until the run has done all its work at its present pace; None until measurable."""
    measured = pace(done, work)
    if measured is None:
        return None
    test = measured.between * work.test / work.val if work.val else 0.0
    updates, validations = work.epochs * work.steps_per_epoch - done.updates, work.epochs - done.epochs
    left = updates * measured.update + validations * measured.between + test
    # Part of what is under way now is over already: as long as it has been going on, at most what it should take.
    if updates == validations == 0:
        under_way = test
    elif done.updates == (done.epochs + 1) * work.steps_per_epoch:
        under_way = measured.between
    else:
        under_way = measured.update
    last = float(max([done.time[-1], *done.epoch_times[-1:]]))
    return max(0.0, left - min(max(0.0, now - last), under_way))
