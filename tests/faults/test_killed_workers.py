"""Real worker processes that are killed at random moments; what they leave is gone on from to the last bit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from lrlab.home import Home
from lrlab.runs import Run
from tests.training.conftest import MakeRun, dataset, make_run, pictures
from tests.training.interrupting import assert_same

from .forked import Workers, needs_fork, workers
from .serving import LONG

__all__ = ["dataset", "make_run", "pictures", "workers"]

pytestmark = [
    needs_fork,
    pytest.mark.timeout(7200 if LONG else 600),
]

KILLS = 200 if LONG else 20
"""How often the worker is killed."""

SETTINGS = {
    "epochs": max(20, KILLS),
    "optimizer": {"name": "Adam", "lr": 0.01},
    "model": {"name": "small_cnn", "dropout": 0.3},
    "schedule": {
        "interval": "step",
        "scheduler": {"name": "OneCycleLR", "max_lr": 0.02, "total_steps": 3 * max(20, KILLS)},
    },
}


def test_kill_9_at_any_moment_leaves_no_trace(
    home: Home, workers: Workers, make_run: MakeRun, figure: Callable[[str, str], None]
) -> None:
    moments, alone, run = random.Random(1), make_run(**SETTINGS), make_run(**SETTINGS)
    began = time.monotonic()
    workers.begin(home, alone)
    assert workers.end() == 0
    update_takes = (time.monotonic() - began) / alone.record.steps
    lost = doubled = saves = 0
    unfinished: set[str] = set()
    for number in range(1, KILLS + 1):
        worker = workers.begin(home, run)
        # Some rows more than the last one left, and then any moment: in an update, a save, a validation, a start.
        # The last quarter is left: a run that ends before it is killed shows nothing.
        target = 3 * number * alone.record.steps // (4 * KILLS)
        until_rows(run, target, number)
        time.sleep(moments.uniform(0, 2 * update_takes))
        acknowledged = run.steps
        os.kill(worker, signal.SIGKILL)
        assert workers.end() == -signal.SIGKILL
        assert run.record.state == "running"
        kept = run.steps
        there = kept.reindex(acknowledged.index)
        same = (there == acknowledged) | (there.isna() & acknowledged.isna())
        lost += len(acknowledged) - int(same.all(axis="columns").sum())
        doubled += int(kept["step"].duplicated().sum())
        left = {path.name for path in (run.folder / "checkpoints").glob(".*")}
        saves += bool(left - unfinished)
        unfinished = left
    workers.begin(home, run)
    assert workers.end() == 0, run.record.cause
    assert run.record.state == "succeeded"
    begun = [one.first_step for one in run.record.attempts]
    assert len(begun) == KILLS + 1 and begun == sorted(begun) and begun[-1] > alone.record.steps // 2
    figure(
        "kill -9 of a worker",
        f"{KILLS} kills of one run of {alone.record.steps} updates, {saves} of them in a save: rows lost {lost}, rows "
        f"doubled {doubled}",
    )
    assert (lost, doubled) == (0, 0)
    assert_same(run, alone)


def until_rows(run: Run, rows: int, attempt: int) -> None:
    """Waits until `attempt` has begun and the log has so many rows."""
    end = time.monotonic() + 60
    while len(run.record.attempts) < attempt or len(run.steps) < rows:
        assert time.monotonic() < end, f"{rows} rows never came"
        time.sleep(0.01)
