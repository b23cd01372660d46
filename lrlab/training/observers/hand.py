"""A person's hand on the LR: taken up between two updates, and done again at the same update after an interruption."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lrlab.runs import LRChange, LRRequest, Run, RunRecord, lr_requests, revise
from lrlab.schedules import LR_CAP, number
from lrlab.training.loop import Loop, Observer

_log = logging.getLogger(__name__)


class Hand(Observer):
    """Multiplies the schedule's LR as a person asked, from the update after the request on.

    A change is written into run.json before it is made. Those that an earlier attempt made at updates that are still
    to come are made again there, unless a person asks anew before: then the later ones are no part of the run any more.
    `allowed` raises where run.json, as it is when a change is to be written, is not this worker's to write any more.
    """

    def __init__(self, run: Run, allowed: Callable[[RunRecord], None] = lambda record: None) -> None:
        record = run.record
        self._allowed = allowed
        self._run, self._steps, self._changes = run, record.steps, record.lr_changes

    def look(self, loop: Loop) -> None:
        """Makes the changes that are due at the next update; to be called before the first one too.

        Nothing between the last update of an epoch and the end of its validation, where the schedule may still be
        stepped: an LR that is asked for is reckoned from the one that the next update would have.
        """
        step = loop.step + 1
        if step >= self._steps or (loop.done == loop.updates_per_epoch and loop.score is None):
            return
        for change in self._changes:
            if change.step == step:
                loop.schedule.factor = change.factor
        for path, request in lr_requests(self._run):
            known = any(change.time == request.time for change in self._changes)
            if not known and not self._make(loop, step, request):
                break  # in the order in which they were asked for
            path.unlink(missing_ok=True)

    def after_update(self, loop: Loop) -> None:
        self.look(loop)

    def after_epoch(self, loop: Loop) -> None:
        self.look(loop)

    def _make(self, loop: Loop, step: int, request: LRRequest) -> bool:
        """Whether the change was made: an LR of 0, which nothing multiplies to another, is waited for to pass."""
        before = loop.schedule.factor
        scheduled = loop.rates.lr / before
        if request.factor is not None:
            factor = request.factor * before
        elif scheduled > 0 and request.value is not None:
            factor = request.value / scheduled
        else:
            return False
        if scheduled * factor > LR_CAP:
            _log.warning("an LR of %s was asked for; allowed: at most %g", number(scheduled * factor), LR_CAP)
            factor = LR_CAP / scheduled
        change = LRChange(step=step, factor=factor, time=request.time, lr=scheduled * factor)

        def changed(record: RunRecord) -> dict[str, object]:
            self._allowed(record)
            return {"lr_changes": (*(one for one in record.lr_changes if one.step <= step), change)}

        self._changes = revise(self._run, changed).lr_changes
        loop.schedule.factor = factor
        _log.info("from update %d on the LR is %s x the schedule: %s", step, number(factor), number(change.lr))
        return True
