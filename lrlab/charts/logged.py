"""What runs of this lab have measured, for the question what ReduceLROnPlateau would have done with it.

A curve is asked for at every movement of a slider, so each run is read once and then only where its log has grown,
and of that only the rows per epoch.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from lrlab.errors import LabError, NotFound
from lrlab.home import lab_home
from lrlab.runs import Run, RunRecord, Tail, load_run, no_run
from lrlab.schedules import Composition, Logged, ReduceLROnPlateau

MOST = 16
"""So many runs are remembered."""

COLUMNS = {"min": "val_loss", "max": "val_accuracy"}
CALLED = {"min": "validation loss", "max": "validation accuracy"}


@dataclass(frozen=True)
class Measured:
    """What a run has logged of one metric, one value an epoch, and the run's own LR and epoch length."""

    values: tuple[float, ...]
    lr: float
    steps_per_epoch: int


Sight = Callable[[RunRecord], bool]
_sight: list[Sight] = []


def limit_to(sight: Sight | None) -> None:
    """From now on a run is there only where `sight` says so of its record (None: every run is).

    A server sets it once. It is asked at every look for whoever the process works at that moment: what leads here from
    a slider is pure and knows no person.
    """
    _sight[:] = [sight] if sight else []


_lock = Lock()  # a Tail serves one thread at a time, and pages and the route run in several
_tails: OrderedDict[Path, tuple[Run, Tail]] = OrderedDict()
_read: dict[tuple[Path, str], Measured] = {}


def measured(run_id: str, mode: str) -> Measured:
    """The validation loss of a run (mode "min") or its accuracy ("max").

    NotFound where there is no such run, LabError where it has logged none; their field is "metric.run".
    """
    try:
        run = load_run(run_id, lab_home())
        if not all(sight(run.record) for sight in _sight):
            raise no_run(run_id)
    except NotFound as error:
        raise NotFound(str(error), field="metric.run") from error
    with _lock:
        _, tail = _tails.setdefault(run.folder, (run, Tail(run, steps=False)))
        _tails.move_to_end(run.folder)
        while len(_tails) > MOST:
            gone, _ = _tails.popitem(last=False)
            for known in COLUMNS:
                _read.pop((gone, known), None)
        if tail.poll():
            for known in COLUMNS:
                _read.pop((run.folder, known), None)
        if (run.folder, mode) not in _read:
            column = tail.epochs[COLUMNS[mode]]
            record = run.record
            found = Measured(
                tuple(column.to_numpy(float).tolist()), record.experiment.optimizer.lr, record.steps_per_epoch
            )
            _read[run.folder, mode] = found
        found = _read[run.folder, mode]
    if not any(map(math.isfinite, found.values)):
        raise LabError(f"metric: this run has logged no {CALLED[mode]}", field="metric.run")
    return found


def logged_metric(composition: Composition) -> tuple[float, ...] | None:
    """What the run that the composition's metric names has logged, one value an epoch; None where it needs none."""
    scheduler, metric = composition.schedule.scheduler, composition.metric
    if not isinstance(scheduler, ReduceLROnPlateau) or not isinstance(metric, Logged):
        return None
    return measured(metric.run, scheduler.mode).values
