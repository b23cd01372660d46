"""The LR that a run is going to use: its schedule, beyond its planned end too, and a person's hand on it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.errors import LabError
from lrlab.runs.checkpoints import resume_step
from lrlab.runs.record import LRChange, RunRecord
from lrlab.runs.run import Run
from lrlab.schedules import Curve, Fixed, ReduceLROnPlateau, ScheduleSpec, ahead, ahead_of_plateau, curve

KEPT = 32 * 1024 * 1024
"""Bytes of all curves that are kept, those that were asked for last: a lesson's runs are hundreds of short ones."""

MOST_KEPT = 1_000_000
"""Updates of the longest curve that is kept, in 8 MB, or 16 where the momentum moves; a longer one is computed
whenever it is asked for."""


def planned_curve(record: RunRecord, lr: float | None = None) -> Curve | None:
    """The LR of every update of the run, `record.steps` of them; None where there is no curve to know it from.

    It has the changes that a person made, and what the schedule does in the epochs asked for beyond its end. `lr`: the
    base LR of a parameter group (default: the run's own). None where the schedule watches what is measured, or leaves
    its bounds.
    """
    drawn = scheduled_curve(record, lr)
    return drawn and replace(drawn, lr=drawn.lr * factors(record.lr_changes, len(drawn.lr)))


def scheduled_curve(record: RunRecord, lr: float | None = None) -> Curve | None:
    """`planned_curve` without a person's changes; its arrays are not to be changed."""
    return _scheduled(_plan(record, lr))


class _Plan(NamedTuple):
    """All that the LR of a run follows from, but a person's changes."""

    schedule: ScheduleSpec
    lr: float
    scale: float
    epochs: int
    more_epochs: int
    steps_per_epoch: int

    @property
    def updates(self) -> int:
        return (self.epochs + self.more_epochs) * self.steps_per_epoch


def _plan(record: RunRecord, lr: float | None = None) -> _Plan:
    experiment = record.experiment
    base = experiment.optimizer.lr
    own = base if lr is None else lr
    return _Plan(experiment.schedule, own, own / base, experiment.epochs, record.more_epochs, record.steps_per_epoch)


def _scheduled(plan: _Plan) -> Curve | None:
    """The curve; one that is watched is asked for at every look, and computed once unless it is very long."""
    if plan.updates > MOST_KEPT:
        return _computed(plan)
    with _keeping:
        if plan in _kept:
            _kept.move_to_end(plan)
            return _kept[plan]
    drawn = _computed(plan)
    with _keeping:
        _kept[plan] = drawn
        room = KEPT
        for known in reversed(list(_kept)):
            room -= _size(_kept[known])
            if room < 0:
                del _kept[known]
    return drawn


def _size(drawn: Curve | None) -> int:
    """Bytes, with a KB for the plan."""
    arrays = (drawn.lr, drawn.momentum) if drawn else ()
    return 1024 + sum(array.nbytes for array in arrays if array is not None)


def _computed(plan: _Plan) -> Curve | None:
    more = max(0, plan.more_epochs)
    try:
        drawn = curve(plan.schedule, plan.lr, plan.epochs, plan.steps_per_epoch, scale=plan.scale, more_epochs=more)
    except LabError:
        # The log shows what was used; that the schedule leaves its bounds is the run's own failure to tell.
        return None
    if plan.more_epochs >= 0:
        return drawn
    kept = slice(plan.updates)  # copied, lest the part keep the whole in memory
    momentum = None if drawn.momentum is None else drawn.momentum[kept].copy()
    return replace(drawn, lr=drawn.lr[kept].copy(), momentum=momentum)


_kept: OrderedDict[_Plan, Curve | None] = OrderedDict()
_keeping = threading.Lock()


def factors(changes: Sequence[LRChange], updates: int) -> NDArray[np.float64]:
    """What a person multiplied the schedule's LR by, for each of `updates` updates: 1 before the first change."""
    found = np.ones(updates)
    for change in changes:
        found[change.step :] = change.factor
    return found


def factor_at(record: RunRecord, step: int) -> float:
    """What the schedule's LR is multiplied by in update `step`."""
    return next((change.factor for change in reversed(record.lr_changes) if change.step <= step), 1.0)


def factor_of(record: RunRecord, step: int, *, value: float | None = None, factor: float | None = None) -> float | None:
    """What the schedule's LR is multiplied by where a person sets the LR to `value`, or multiplies it by `factor`.

    From update `step` on; an LR of 0 is passed over, since it is set where the schedule first is above it. None where
    the schedule's own LR is not known.
    """
    if factor is not None:
        return factor * factor_at(record, step)
    drawn = scheduled_curve(record)
    rest = drawn.lr[step:] if drawn else np.zeros(0)
    return value / float(rest[np.flatnonzero(rest)[0]]) if value is not None and rest.any() else None


def next_update(run: Run) -> int:
    """The update that the worker of `run` makes next, as far as is known: what is asked for now counts from there."""
    record, beat = run.record, run.heartbeat
    begun = record.attempts[-1] if record.state == "running" and record.attempts else None
    if begun is None:
        return resume_step(run)
    if beat is None or beat.step is None or beat.time < begun.started:
        return begun.first_step
    return max(begun.first_step, beat.step + 1)


def what_comes(record: RunRecord, step: int, factor: float | None = None) -> str:
    """What the LR does from update `step` on, in a sentence; empty where no update is left.

    `factor`: what the schedule's LR is to be multiplied by from there on (default: what it is multiplied by).
    """
    if step >= record.steps:
        return ""
    return _told(record, step, factor_at(record, step) if factor is None else factor)


def what_comes_now(record: RunRecord, step: int) -> str:
    """`what_comes` in a run that is at update `step`, in words that stay the same for a while.

    It is said from the first update of the stair that the LR stands on. Of an LR that moves with every update it is
    said from the epoch's first one, or from a person's last change.
    """
    step = min(step, record.steps - 1)
    begun = step // record.steps_per_epoch * record.steps_per_epoch
    since = max([begun, *(change.step for change in record.lr_changes if change.step <= step)])
    drawn = scheduled_curve(record)
    if drawn is not None:
        stair = since + int(np.flatnonzero(np.diff(drawn.lr[since : step + 1], prepend=np.nan))[-1])
        since = stair if stair < step else since
    return _told(record, since, factor_at(record, since))


def _told(record: RunRecord, step: int, factor: float) -> str:
    plateau = record.experiment.schedule.scheduler
    if isinstance(plateau, ReduceLROnPlateau):
        return ahead_of_plateau(plateau, record.experiment.watched, None, factor)
    return _ahead(_plan(record), step, factor)


@lru_cache(maxsize=64)
def _ahead(plan: _Plan, step: int, factor: float) -> str:
    drawn = _scheduled(plan)
    return ahead(factor * drawn.lr, step, plan.steps_per_epoch) if drawn else ""


def beyond(record: RunRecord) -> str:
    """What the LR does in the epochs asked for beyond the schedule's planned end; empty where there are none."""
    experiment = record.experiment
    if record.more_epochs <= 0:
        return ""
    first, last = experiment.epochs, record.epochs - 1
    which = f"Epochs {first + 1} to {last + 1} lie" if last > first else f"Epoch {first + 1} lies"
    text = f"{which} beyond the schedule's planned end. "
    if isinstance(experiment.schedule.scheduler, ReduceLROnPlateau | Fixed):
        return text + what_comes(record, first * record.steps_per_epoch)
    drawn = planned_curve(record)
    if drawn is None:
        return ""
    # From the last planned update on, so that the sentence tells how the LR goes on from there.
    return text + ahead(drawn.lr, first * record.steps_per_epoch - 1, record.steps_per_epoch)
