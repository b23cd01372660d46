"""Many runs as one table, a row each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lrlab.errors import NotFound
from lrlab.runs import liveness
from lrlab.runs.frames import EPOCHS, read_table
from lrlab.runs.record import RunRecord
from lrlab.runs.run import Run
from lrlab.runs.standing import best, seconds
from lrlab.schedules import label

COLUMNS = {
    "id": "str",
    "name": "str",
    "state": "str",
    "dataset": "str",
    "model": "str",
    "optimizer": "str",
    "lr": "float64",
    "schedule": "str",
    "seed": "int64",
    "best_val_accuracy": "float64",
    "best_epoch": "Int64",
    "best_by": "str",
    "epochs": "int64",
    "train_loss": "float64",
    "train_accuracy": "float64",
    "val_loss": "float64",
    "val_accuracy": "float64",
    "test_accuracy": "float64",
    "seconds": "float64",
    "created": "float64",
}
"""What `table` tells of a run, and how it is stored."""

LAST = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def table(runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run, in the order given; a run that was deleted meanwhile is left out.

    `best_epoch` is the log's number (from 0) of the best model by `best_by`, `best_val_accuracy` what it reached,
    `epochs` how many were finished; the other losses and accuracies (0 to 1) are those of the last finished epoch;
    `seconds` is the duration, `created` unix seconds. What is not known is missing.
    """
    rows = []
    for run in runs:
        try:
            rows.append(_row(run, run.record))
        except NotFound:
            continue
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _row(run: Run, record: RunRecord) -> dict[str, Any]:
    experiment, now = record.experiment, time.time()
    heartbeat = run.heartbeat
    state = liveness.state(record, heartbeat, now)
    epochs = read_table(EPOCHS, run.folder, record.attempts)
    best_epoch, best_val_accuracy = best(epochs, record.best_by)
    last = {name: epochs[name][-1].as_py() if len(epochs) else None for name in LAST}
    return {
        "id": record.id,
        "name": record.name,
        "state": state,
        "dataset": record.dataset.name,
        "model": experiment.model.name,
        "optimizer": experiment.optimizer.name,
        "lr": experiment.optimizer.lr,
        "schedule": label(experiment.schedule),
        "seed": experiment.seed,
        "best_val_accuracy": best_val_accuracy,
        "best_epoch": best_epoch,
        "best_by": record.best_by,
        "epochs": len(epochs),
        **last,
        "test_accuracy": record.result.test_accuracy,
        "seconds": seconds(record, state, heartbeat, now),
        "created": record.created,
    }
