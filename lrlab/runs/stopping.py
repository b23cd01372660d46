"""Early stopping, counted and told: when a run that gets no better ends, and what the schedule still had in store.

Pure values, so that a page can foresee from the log what the worker will do. Values number epochs from 0, as the log
does; sentences number them from 1, as people do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.experiments import EarlyStopping
from lrlab.runs.planning import planned_curve
from lrlab.runs.record import RunRecord
from lrlab.schedules import ReduceLROnPlateau, ScheduleSpec, number

FALLEN = 0.95
"""An LR below this share of today's has fallen; less is no reason to wait."""


@dataclass
class Patience:
    """Counts epochs without an improvement. `value` and `epoch` are those of the last improvement, None before."""

    settings: EarlyStopping
    value: float | None = None
    epoch: int | None = None
    waited: int = 0
    """Epochs in a row without an improvement."""

    def see(self, epoch: int, value: float) -> bool:
        """Takes the monitored `value` of `epoch`; True where the run has to end. A value that is no number is no
        improvement."""
        if epoch < self.settings.start_from_epoch:
            return False
        if self._improves(value):
            self.value, self.epoch, self.waited = value, epoch, 0
            return False
        self.waited += 1
        return self.waited >= self.settings.patience

    def _improves(self, value: float) -> bool:
        if not np.isfinite(value):
            return False
        if self.value is None:
            return True
        gain = value - self.value if self.settings.monitor == "val_accuracy" else self.value - value
        return gain > self.settings.min_delta


@dataclass(frozen=True)
class Fall:
    """A fall of the LR from `before` to `after`: at update `update` where it is `sudden`, else until then."""

    update: int
    before: float
    after: float
    sudden: bool


def next_fall(lr: NDArray[np.float64], update: int, steps_per_epoch: int) -> Fall | None:
    """The next fall of the planned LR (one for each update of the run) after `update`; None where none comes.

    A step down after which the LR falls no further for more than an epoch is told by itself; a gradual fall, or one in
    small steps, as a whole, down to the update where the LR falls no further.
    """
    now, rest = float(lr[update]), lr[update + 1 :]
    below = np.flatnonzero(rest < FALLEN * now)
    if not len(below):
        return None
    first = update + 1 + int(below[0])
    if lr[first] < FALLEN * lr[first - 1] and lr[first : first + steps_per_epoch + 1].min() == lr[first]:
        return Fall(first, now, float(lr[first]), sudden=True)
    rises = np.flatnonzero(np.diff(lr[first:]) > 0)
    falling = lr[first : first + int(rises[0]) + 1] if len(rises) else lr[first:]
    lowest = first + int(np.argmin(falling))
    return Fall(lowest, now, float(lr[lowest]), sudden=False)


@dataclass(frozen=True)
class Course:
    """A run's schedule: its spec, the planned LR of every update (empty where not known), the updates of an epoch."""

    spec: ScheduleSpec
    lr: NDArray[np.float64]
    steps_per_epoch: int

    def ahead(self, epoch: int) -> Fall | None:
        """The next fall of the planned LR after `epoch`; None where none is known to come."""
        done = (epoch + 1) * self.steps_per_epoch
        return next_fall(self.lr, done - 1, self.steps_per_epoch) if done < len(self.lr) else None

    def told(self, fall: Fall) -> str:
        """Where a fall goes, as it follows on "fall" or "fallen"."""
        when = f"{'at' if fall.sudden else 'by'} epoch {fall.update // self.steps_per_epoch + 1}"
        return f"from {number(fall.before)} to {number(fall.after)} {when}"


def course_of(record: RunRecord) -> Course:
    """The run's schedule with a person's changes of the LR and the epochs that were asked for later."""
    drawn = planned_curve(record)
    return Course(record.experiment.schedule, drawn.lr if drawn else np.zeros(0), record.steps_per_epoch)


def closing(course: Course, patience: Patience, epoch: int) -> str:
    """Why the run ended after `epoch`, and what the LR would still have done, in sentences."""
    text = f"Stopped early after epoch {epoch + 1}: {_unimproved(patience, 'had')}."
    plateau, waits = course.spec.scheduler, patience.settings.patience
    if isinstance(plateau, ReduceLROnPlateau) and plateau.patience >= waits:
        return (
            f"{text} The LR could not fall before: ReduceLROnPlateau lowers it after {plateau.patience + 1} "
            f"such epochs, and early stopping waits for {waits}."
        )
    fall = course.ahead(epoch)
    if fall is None:
        return text
    text += f" The LR would have fallen {course.told(fall)}."
    # So long that the epoch with the fallen LR is still trained and can improve.
    seen = patience.epoch if patience.epoch is not None else patience.settings.start_from_epoch - 1
    return f"{text} A patience of {fall.update // course.steps_per_epoch - seen} would have waited for that."


def outlook(course: Course, settings: EarlyStopping, values: Sequence[float], more_from: int | None = None) -> str:
    """A sentence on a run under way whose next epoch may be its last; empty where that is not near.

    `values`: the monitored column of the epochs so far, from epoch 0. `more_from`: as the run's record has it; where
    the run was stopped early then, it was given new patience.
    """
    if settings.monitor == "none" or not len(values):
        return ""
    patience, ended = Patience(settings), False
    for epoch, value in enumerate(values):
        if ended and epoch == more_from:
            patience.waited = 0
        ended = patience.see(epoch, value)
    if ended or not patience.waited or patience.waited + 1 < settings.patience:
        return ""
    text = f"{_unimproved(patience, 'has')}; another such epoch ends the run"
    fall = course.ahead(len(values) - 1)
    return f"{text}, though the LR is to fall {course.told(fall)}." if fall else f"{text}."


def _unimproved(patience: Patience, has: str) -> str:
    settings = patience.settings
    least = f" by more than {number(settings.min_delta)}" if settings.min_delta else ""
    epochs = "1 epoch" if patience.waited == 1 else f"{patience.waited} epochs"
    since = f" since epoch {patience.epoch + 1}" if patience.epoch is not None else ""
    return f"{settings.monitor} {has} not improved{least} for {epochs}{since}"
