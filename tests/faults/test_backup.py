"""Backups of a lab while a real worker trains in it: no acknowledged row is lost, and what is restored trains on.

Each backup is taken at a moment that chance decides, some inside a checkpoint's save, and restored into a home of its
own. There the run is looked at, and some are resumed: they end with the very log and weights of the run that nobody
disturbed, to the last bit.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lrlab import jobs
from lrlab.home import Home
from lrlab.jobs import Queue
from lrlab.keeping import back_up, examine, restore
from lrlab.runs import Run, list_runs, load_run, resume_step
from tests.training.conftest import MakeRun, dataset, make_run, pictures
from tests.training.interrupting import assert_same

from .forked import Workers, needs_fork, workers

__all__ = ["dataset", "make_run", "pictures", "workers"]

pytestmark = needs_fork

SETTINGS = {
    "epochs": 20,
    "optimizer": {"name": "Adam", "lr": 0.01},
    "model": {"name": "small_cnn", "dropout": 0.3},
    "schedule": {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.02, "total_steps": 60}},
}


@pytest.mark.usefixtures("woken")
@pytest.mark.timeout(3600)
def test_a_backup_while_a_run_trains(
    home: Home,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: Workers,
    figure: Callable[[str, str], None],
    long: bool,
) -> None:
    count, resumed = (60, 4) if long else (6, 1)
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)
    alone, run = make_run(**SETTINGS), make_run(**SETTINGS)
    began = time.monotonic()
    begin(workers, home, alone)
    end(workers, alone)
    pause = min(0.4, (time.monotonic() - began) / count)

    moments, restored, lost, took = random.Random(3), [], 0, []
    begin(workers, home, run)
    for number in range(count):
        if run.record.state == "succeeded":  # more backups than a run lasts
            end(workers, run)
            run = make_run(**SETTINGS)
            begin(workers, home, run)
        time.sleep(moments.uniform(0, pause))
        acknowledged, epochs = run.steps, run.epochs
        before = time.monotonic()
        back_up(home, tmp_path / f"{number}.zip")
        took.append(time.monotonic() - before)
        other = Home(tmp_path / f"lab{number}")
        restore(tmp_path / f"{number}.zip", other)
        (tmp_path / f"{number}.zip").unlink()
        there = load_run(run.id, other)
        lost += missing(acknowledged, there.steps) + missing(epochs, there.epochs)
        assert_frame_equal(load_run(alone.id, other).steps, alone.steps)
        assert resume_step(there) <= len(there.steps), "no checkpoint is ahead of its log"
        assert not list(examine(other, repair=False, thorough=True))
        if there.record.state == "lost":
            restored.append((other, there))
    assert lost == 0

    end(workers, run)

    for other, there in restored[:: max(1, len(restored) // resumed)][:resumed]:
        jobs.resume(other, there.id)
        with Queue(other) as queue:
            queue.remove(there.id)  # the worker here is ours, not a supervisor's
        begin(workers, other, there)
        end(workers, there)
        assert len(there.record.attempts) == 2
        assert_same(there, load_run(alone.id, other))
    figure(
        "backup while a run trains",
        f"{count} backups of a run at work ({max(took):.2f} s at most, {len(restored)} of them before its end), "
        f"{lost} acknowledged rows lost; {resumed} restored elsewhere and resumed, logs and weights to the last bit "
        "those of the undisturbed run",
    )


def missing(acknowledged: pd.DataFrame, restored: pd.DataFrame) -> int:
    """How many rows of the one are not, value for value, in the other."""
    common = restored.head(len(acknowledged))
    kept = (common == acknowledged.head(len(common))) | (common.isna() & acknowledged.head(len(common)).isna())
    return len(acknowledged) - int(kept.all(axis="columns").sum())


def begin(workers: Workers, home: Home, run: Run) -> None:
    """Gives `run` to a worker and waits until it has made some updates."""
    rows, latest = len(run.steps) + 3, time.monotonic() + 60
    workers.begin(home, run)
    while len(run.steps) < rows:
        assert time.monotonic() < latest, f"{rows} rows never came"
        time.sleep(0.01)


def end(workers: Workers, run: Run) -> None:
    """Waits until the worker has ended, which is to have succeeded."""
    assert workers.end() == 0, run.record.cause


def test_missing_counts_rows_that_are_gone_or_other() -> None:
    rows = pd.DataFrame({"step": [0, 1, 2], "loss": [1.0, float("nan"), 0.5]})
    assert missing(rows, rows) == 0
    assert missing(rows, rows.head(2)) == 1
    assert missing(rows, rows.assign(loss=[1.0, float("nan"), 0.6])) == 1
    assert missing(rows.head(1), rows) == 0


@pytest.mark.timeout(3600)
def test_backups_of_a_lab_that_is_changed_all_the_time(
    home: Home,
    start_run: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str, str], None],
    long: bool,
) -> None:
    """Another process makes, renames and deletes runs and reorders the queue while backups are taken."""
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)
    count = 50 if long else 8
    meddler = subprocess.Popen([sys.executable, "-c", MEDDLE], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert meddler.stdout
    try:
        assert meddler.stdout.readline() == b"begun\n"
        sound = seen = 0
        for number in range(count):
            done = back_up(home, tmp_path / f"{number}.zip")
            other = Home(tmp_path / f"lab{number}")
            restore(done.path, other)
            done.path.unlink()
            assert len(list_runs(other, None)) == done.runs
            sound += not list(examine(other, repair=False, thorough=True))
            seen += done.runs
        assert meddler.poll() is None, "it meddled to the end"
    finally:
        meddler.kill()
        meddler.communicate()
    assert sound == count
    figure(
        "backup of a lab that is changed",
        f"{sound} of {count} backups sound ({seen} runs in them), while another process made, renamed, deleted and "
        "reordered runs without a pause",
    )


MEDDLE = """
import random
from lrlab.experiments import Experiment
from lrlab.home import lab_home
from lrlab.jobs import Queue
from lrlab.runs import DatasetFacts, create_run, delete_run, open_log, update
home, chance, runs = lab_home(), random.Random(1), []
facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
def one():
    run = create_run(home, Experiment(dataset="coffee"), dataset=facts, steps_per_epoch=5)
    runs.append(run)
    with Queue(home) as queue:
        queue.add(run.id, "cpu")
for _ in range(10):
    one()
print("begun", flush=True)
while True:
    deed, run = chance.randrange(4), chance.choice(runs)
    if deed == 0 or len(runs) < 5:
        one()
    elif deed == 1 and len(runs) > 5:
        with Queue(home) as queue:
            queue.remove(run.id)
        runs.remove(run)
        delete_run(run)
    elif deed == 2:
        update(run, name=f"name {chance.random()}")
    elif deed == 3:
        with Queue(home) as queue:
            queue.move(run.id, 1)
"""
