"""What a person changes about a run that is there already: it is trained on, or its LR is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.datasets import load_dataset
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Rprop
from lrlab.home import Home
from lrlab.jobs.launching import ensure_supervisor
from lrlab.jobs.queue import Queue
from lrlab.jobs.quotas import check_jobs
from lrlab.jobs.slots import device_of
from lrlab.runs import (
    FINAL,
    LRRequest,
    Run,
    RunRecord,
    checkpoints_lost,
    forget_lr_requests,
    load_run,
    locked,
    lr_requests,
    next_update,
    request_lr,
    resume_step,
    revise,
    status,
    withdraw_stop,
)
from lrlab.runs.hand import FACTOR_CAP
from lrlab.runs.planning import factor_at, scheduled_curve
from lrlab.runs.printed import mark_again
from lrlab.schedules import LR_CAP, MAX_UPDATES, number

MOST_EPOCHS = 10_000
"""More epochs that may be asked for at a time."""

LEAVING = 10.0
"""Seconds to wait until the supervisor has seen that the run's last worker is done with it."""


def resume(home: Home, run_id: str, epochs: int | None = None) -> Run:
    """Lets a run that has ended be trained on from its newest checkpoint, in the queue's turn; returns at once.

    `epochs`: so many more, 1 to 10,000, beyond those that it was to have (of a run that was stopped early: beyond those
    that it has). A run that was trained to its end needs them. One that broke off before its first checkpoint begins
    anew. LabError where there is nothing to resume, or its checkpoints were deleted; NotFound where there is no such
    run.
    """
    run = load_run(run_id, home)
    if run.record.kind != "train":
        raise LabError(f"run {run_id} looked for an LR; start another one", "run")
    return _queue_again(home, run, epochs)


def _queue_again(home: Home, run: Run, epochs: int | None) -> Run:
    run_id, state, asked = run.id, run.state, run.record
    if state not in FINAL:
        raise LabError(f"run {run_id} is {state}; only a run that has ended goes on", "run")
    _check(home, run, asked, epochs)
    check_jobs(home, run.record.owner)
    ensure_supervisor(home)
    with Queue(home) as queue:
        _wait_until_left(run, asked, queue)
        before = run.record

        def change(record: RunRecord) -> Mapping[str, Any]:
            _check_still(record, asked)  # before anything is changed: a stop may be meant for whoever was faster
            withdraw_stop(run)
            forget_lr_requests(run)  # meant for updates that never came
            return _again(record, epochs)

        revise(run, change)
        try:
            with locked(run):  # its worker begins once it has the lock, and prints nothing before the mark
                queue.add(run_id, device_of(before))
                mark_again(run.worker_log)
        except BaseException:
            revise(run, lambda record: {name: getattr(before, name) for name in _again(before, epochs)})
            raise
    ensure_supervisor(home)
    return run


def retry(home: Home, run_id: str) -> Run:
    """Lets a run that failed, was lost or cancelled be tried again, in the queue's turn; returns at once.

    It goes on from its newest checkpoint; where it broke off before the first one, and where it looks for an LR, it
    begins anew. LabError where it has not ended, was trained to its end, or its checkpoints were deleted; NotFound
    where there is no such run.
    """
    run = load_run(run_id, home)
    if run.record.state == "succeeded":
        raise LabError(f"run {run_id} succeeded; there is nothing to try again", "run")
    return _queue_again(home, run, None)


def set_lr(home: Home, run_id: str, *, value: float | None = None, factor: float | None = None) -> LRRequest:
    """Sets the LR of a run that waits or runs to `value`, or multiplies it by `factor`, from its next update on.

    Either way the rest of its schedule is multiplied: LR = factor x schedule. LabError (field "lr") where the number is
    out of range, where it would bring the LR above 1000 now or, as far as is known, later in the run, and for a run
    that has ended.
    """
    run = load_run(run_id, home)
    state, record = run.state, run.record
    if state in FINAL:
        raise LabError(f"run {run_id} has ended ({state}); its LR can be changed once it was resumed", "run")
    if record.kind != "train":
        raise LabError(f"run {run_id} looks for an LR; there is none to change", "run")
    if isinstance(record.experiment.optimizer, Rprop):
        raise LabError("lr: Rprop looks at its LR at the first update only, so nothing would change", "lr")
    if (value is None) == (factor is None):
        raise LabError("lr: allowed: either a value or a factor", "lr")
    given, highest = (value, LR_CAP) if value is not None else (factor, FACTOR_CAP)
    if given is None or not 0 < given <= highest:
        raise LabError(f"lr: got {given}, allowed: a number above 0 and at most {number(highest)}", "lr")
    _check_rest(run, record, value, factor)
    return request_lr(run, value=value, factor=factor)


def _check(home: Home, run: Run, record: RunRecord, epochs: int | None) -> None:
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise LabError(f"epochs: got {epochs}, allowed: 1 to {MOST_EPOCHS:,} more", "epochs")
    if epochs is None and record.state == "succeeded":
        how = "was stopped early" if record.result.stopped_at is not None else "was trained to its end"
        raise LabError(f"epochs: run {record.id} {how}; say how many more epochs it is to have", "epochs")
    if checkpoints_lost(run, record, status(run).step, resume_step(run)):
        raise LabError(f"run {record.id} cannot go on: its checkpoints were deleted; start it anew", "run")
    whole = record.model_copy(update=_again(record, epochs))
    if whole.steps > MAX_UPDATES:
        raise LabError(f"epochs: {whole.steps:,} updates in all, allowed: at most {MAX_UPDATES:,}", "epochs")
    try:
        load_dataset(home, record.dataset.id)
    except NotFound as error:
        raise LabError(f"dataset: {record.dataset.name!r} was deleted, so the run cannot go on", "dataset") from error


def _again(record: RunRecord, epochs: int | None) -> dict[str, Any]:
    """The fields of run.json that change when the run is to go on."""
    attempts = record.attempts
    if attempts and attempts[-1].ended is None:
        attempts = (*attempts[:-1], attempts[-1].model_copy(update={"ended": record.ended}))
    changed = {"state": "queued", "cause": "", "advice": "", "ended": None, "attempts": attempts}
    if epochs is None:
        return changed
    result = record.result.model_copy(update={"stopped_at": None, "closing": ""})
    return {**changed, **record.longer(epochs), "result": result}


def _check_still(record: RunRecord, asked: RunRecord) -> None:
    """That nobody else was faster: `record` is of the attempt that had ended when it was `asked` for another."""
    if record.state == "queued" or len(record.attempts) != len(asked.attempts):
        raise LabError(f"run {record.id} was let go on meanwhile: it is {record.state}", "run")


def _wait_until_left(run: Run, asked: RunRecord, queue: Queue) -> None:
    """Until run.json says how the run ended, and the queue has let go of it."""
    end = time.monotonic() + LEAVING
    while True:
        record = run.record
        _check_still(record, asked)
        if record.state in FINAL and run.id not in queue.run_ids():
            return
        if time.monotonic() > end:
            raise LabError(f"run {run.id} is still being ended; try again in a moment", "run")
        time.sleep(0.02)


def _check_rest(run: Run, record: RunRecord, value: float | None, factor: float | None) -> None:
    """That the LR stays in its range to the end of the run, with all that was asked for before, as far as is known."""
    step = next_update(run)
    rest = _to_come(run, record, step)
    if not len(rest):
        return
    if not rest.any():
        raise LabError("lr: the schedule is at 0 to the end of the run, and 0 times anything is 0", "lr")
    made, begin = {change.time for change in record.lr_changes}, float(rest[np.flatnonzero(rest)[0]])
    asked = [(request.value, request.factor) for _, request in lr_requests(run) if request.time not in made]
    chosen = factor_at(record, step)
    for to, times in (*asked, (value, factor)):
        chosen = chosen * times if times is not None else (to or 0.0) / begin
    highest = chosen * float(rest.max())
    if not 0 < highest <= LR_CAP:
        at = (step + int(rest.argmax())) // record.steps_per_epoch + 1
        raise LabError(
            f"lr: the schedule would bring it to {number(highest)} in epoch {at}, allowed: above 0 and at most "
            f"{LR_CAP:g}",
            "lr",
        )


def _to_come(run: Run, record: RunRecord, step: int) -> NDArray[np.float64]:
    """The schedule's LRs from update `step` on, without a person's changes.

    Where what is measured decides them: the newest one, and in a warm-up those to its end.
    """
    drawn = scheduled_curve(record)
    if drawn is not None:
        return drawn.lr[step:]
    base, warmup, logged = record.experiment.optimizer.lr, record.experiment.schedule.warmup, run.steps
    if len(logged):
        newest = float(logged["lr"].iloc[-1]) / factor_at(record, int(logged["step"].iloc[-1]))
    else:
        newest = base * warmup.start_factor if warmup else base
    rises = warmup.with_unit("step", record.steps_per_epoch).length - step if warmup else 0
    return np.linspace(newest, base, rises + 1) if rises > 0 else np.array([newest])
