"""What a person asks of the queue: plan, submit, stop, delete, and where things stand."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from lrlab.datasets import Dataset, load_dataset, split
from lrlab.errors import LabError
from lrlab.experiments import Experiment, Finder, Rprop
from lrlab.experiments.weights import check_weights
from lrlab.home import Home
from lrlab.jobs.backend import Ended
from lrlab.jobs.launching import ensure_supervisor
from lrlab.jobs.queue import Queue
from lrlab.jobs.quotas import check_disk, check_jobs
from lrlab.jobs.settling import settle
from lrlab.process import Identity, is_alive
from lrlab.runs import (
    FINAL,
    DatasetFacts,
    Run,
    RunStatus,
    create_run,
    delete_run,
    is_out_of_sight,
    load_run,
    request_stop,
    revise,
    status,
)
from lrlab.schedules import curve, example_metrics


@dataclass(frozen=True)
class Plan:
    """What an experiment comes to on its data set; `train`, `val` and `test` count images, `updates` the whole run's.

    `by_folders`: the validation images are those of the data set's own folder, none were drawn.
    The last images of an epoch that do not fill an update are left out of it; every epoch draws them anew.
    """

    dataset: Dataset
    train: int
    val: int
    test: int
    by_folders: bool
    steps_per_epoch: int
    updates: int


@dataclass(frozen=True)
class LabStatus:
    """How many runs workers have, how many wait, and whether a worker is warm for the next."""

    running: int
    queued: int
    warm: bool


def plan(home: Home, experiment: Experiment, finder: Finder | None = None) -> Plan:
    """What `experiment` comes to, checked to the end; changes nothing. With `finder` its schedule is not looked at:
    a search has one of its own.

    LabError names the field: a data set that is not there or leaves nothing to validate on, an update of more images
    than there are to train on, a schedule whose LR or momentum leaves its range on the way, a disk without the room.
    """
    dataset = load_dataset(home, experiment.dataset)
    parts = split(dataset, experiment.validation)
    train, val, test = len(parts.train), len(parts.val), len(parts.test)
    if not val:
        raise LabError(
            f"dataset: {dataset.name} has no class of 2 images or more, so none can be held out to validate on",
            field="dataset",
        )
    if experiment.batch_size > train:
        raise LabError(
            f"batch_size: got {experiment.batch_size}, allowed: at most {train}, the number of training images",
            field="batch_size",
        )
    if experiment.images_per_update > train:
        raise LabError(
            f"accumulate: got {experiment.accumulate}, allowed: at most {train // experiment.batch_size}; "
            f"an update takes accumulate x batch_size images, and there are {train} to train on",
            field="accumulate",
        )
    steps_per_epoch = train // experiment.images_per_update
    if finder is None:
        _check_curve(experiment, steps_per_epoch)
    check_disk(home, dataset, experiment)
    updates = experiment.epochs * steps_per_epoch
    return Plan(dataset, train, val, test, parts.by_folders, steps_per_epoch, updates)


def submit(home: Home, experiment: Experiment, finder: Finder | None = None, *, owner: str = "") -> Run:
    """Checks `experiment`, makes `owner` a run, queues it and sees that a supervisor is at work; returns at once.

    With `finder` the run looks for an LR for the experiment and trains no model. LabError as `plan`, and where the
    optimiser's LR cannot be moved or pretrained weights are not to be had; then nothing was made.
    """
    planned = plan(home, experiment, finder)
    check_jobs(home, owner)
    if experiment.pretrained != "none":
        check_weights(experiment.model.name)
    if finder and isinstance(experiment.optimizer, Rprop):
        raise LabError(
            "optimizer.name: got Rprop, which looks at its LR at the first update only; the finder can move that of "
            "every other optimiser",
            field="optimizer.name",
        )
    dataset = planned.dataset
    facts = DatasetFacts(
        id=dataset.id,
        name=dataset.name,
        classes=dataset.classes,
        train=planned.train,
        val=planned.val,
        test=planned.test,
        by_folders=planned.by_folders,
    )
    with Queue(home) as queue:
        steps = finder.steps if finder else planned.steps_per_epoch
        run = create_run(home, experiment, dataset=facts, steps_per_epoch=steps, finder=finder, owner=owner)
        try:
            queue.add(run.id, experiment.device)
        except BaseException:
            delete_run(run)
            raise
    ensure_supervisor(home)
    return run


def stop(home: Home, run_id: str, *, force: bool = False) -> None:
    """Stops a run: at once where it waits, at its worker's next step where it runs; nothing where it has ended.

    A worker that neither stops nor gives a sign of life for 20 s, or twice its slowest batch, is ended; with `force` it
    is at once. Its best model and newest checkpoint stay. `force` also ends a run that `is_out_of_sight`.
    NotFound where there is no such run.
    """
    run = load_run(run_id, home)
    if run.record.state in FINAL:
        return
    request_stop(run, force=force)
    with Queue(home) as queue:
        withdrawn = queue.withdraw(run_id)
    if withdrawn:
        revise(run, lambda record: {"state": "cancelled", "ended": time.time()} if record.state == "queued" else {})
        if force and is_out_of_sight(run.record, run.heartbeat, time.time()):
            settle(run, Ended(None), "", run.record.attempts[-1].identity)
    if run.record.state not in FINAL:
        ensure_supervisor(home)  # which ends a worker that does not stop, and the run of one that is gone


def delete(home: Home, run_id: str) -> None:
    """Deletes a run and all its files; NotFound where it is not there, LabError while it waits or runs."""
    run = load_run(run_id, home)
    if run.record.state == "queued":
        raise LabError(f"run {run_id} is queued; stop it first", field="run")
    delete_run(run)
    with Queue(home) as queue:
        queue.remove(run_id)


def move(home: Home, run_id: str, place: int) -> None:
    """Gives a run that waits the place `place` in the queue (1 is next; beyond the end: the last).

    NotFound where there is no such run, LabError where it does not wait any more or the place is none.
    """
    if place < 1:
        raise LabError(f"place: got {place}, allowed: at least 1, which is next", field="place")
    run = load_run(run_id, home)
    with Queue(home) as queue:
        moved = queue.move(run_id, place)
    if not moved:
        raise LabError(f"run {run_id} does not wait any more: it is {run.state}", field="run")


def position(home: Home, run_id: str) -> int | None:
    """The place of a run in the queue (1 is next), or None where it does not wait."""
    with Queue(home) as queue:
        return queue.position(run_id)


def run_status(home: Home, run_id: str) -> RunStatus:
    """Where a run stands, its place in the queue included; NotFound where there is no such run."""
    run = load_run(run_id, home)
    return status(run, position(home, run_id) if run.record.state == "queued" else None)


def lab_status(home: Home) -> LabStatus:
    """What the lab is doing at this moment."""
    with Queue(home) as queue:
        running, queued, spare = len(queue.claimed()), queue.waiting(), queue.spare()
    return LabStatus(running, queued, spare is not None and is_alive(Identity.model_validate_json(spare)))


def _check_curve(experiment: Experiment, steps_per_epoch: int) -> None:
    try:
        metrics = example_metrics(experiment.schedule, experiment.epochs)
        drawn = curve(experiment.schedule, experiment.optimizer.lr, experiment.epochs, steps_per_epoch, metrics)
    except LabError as error:
        # The curve calls its arguments by its own names, and the schedule's fields from the schedule on.
        inside = (error.field or "").startswith("scheduler")
        known = {"lr": "optimizer.lr", "epochs": "epochs", None: "schedule"}
        field = f"schedule.{error.field}" if inside else known.get(error.field, error.field)
        raise LabError(str(error), field=field) from error
    if drawn.momentum is not None and not 0 <= drawn.momentum.min() <= drawn.momentum.max() < 1:
        wrong = int(np.argmax(~((drawn.momentum >= 0) & (drawn.momentum < 1))))
        raise LabError(
            f"schedule: the momentum is {drawn.momentum[wrong]:g} at update {wrong}, allowed: at least 0 and below 1",
            field="schedule",
        )
