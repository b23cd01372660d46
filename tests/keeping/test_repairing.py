"""What the doctor's repairs bring back and keep aside, and what is told where one does not succeed."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from lrlab.errors import LabError
from lrlab.jobs import Queue, stop
from lrlab.keeping import examine
from lrlab.runs import update
from lrlab.runs.heartbeat import heartbeat_file

from .conftest import Lab, checkpoint
from .damaging import add, edit_log, spoil_best, told


def test_the_worker_that_nobody_saw_end(gone: Lab) -> None:
    found = list(examine(gone.home))
    assert told(found) == [
        ("repaired", f"run {gone.working.run.id}", "the worker of this run ended, and nobody wrote it down")
    ]
    assert gone.working.run.record.state == "lost"
    assert told(list(examine(gone.home))) == []


def test_a_run_of_a_machine_that_nobody_can_see_is_named(gone: Lab) -> None:
    run = gone.working.run
    (attempt,) = run.record.attempts
    update(run, attempts=(attempt.model_copy(update={"host": "container-1", "started": time.time() - 600}),))
    heartbeat_file(run.folder).unlink(missing_ok=True)
    (found,) = examine(gone.home)
    assert (found.state, found.finding.place) == ("open", f"run {run.id}")
    assert found.finding.wrong == "it was begun on 'container-1' and has been silent for 10 min"
    stop(gone.home, run.id, force=True)
    assert told(list(examine(gone.home))) == []


def test_rows_that_are_left_out_are_kept_aside(lab: Lab) -> None:
    path = lab.done.folder / "steps-1.csv"
    whole = lab.done.steps
    edit_log(lab, 5, "4,1,spoilt,0.1,0.5")
    spoilt = path.read_bytes()
    with pytest.raises(LabError, match=r"steps-1\.csv of run .* is damaged"):
        _ = lab.done.steps
    for _ in examine(lab.home):
        pass
    assert lab.done.steps.equals(whole.drop(4).reset_index(drop=True))
    assert (lab.done.folder / "set-aside" / "steps-1.csv").read_bytes() == spoilt


def test_the_best_model_is_that_of_its_epoch(lab: Lab) -> None:
    best = lab.done.best_model.read_bytes()
    spoil_best(lab)
    checkpoint(lab.done, 1, 10, epoch=0)
    for _ in examine(lab.home):
        pass
    assert lab.done.best_model.read_bytes() == best


def test_a_damaged_queue_is_built_from_the_runs(lab: Lab) -> None:
    lab.home.queue.write_bytes(b"no database" * 999)
    with pytest.raises(LabError, match=r"the queue is damaged .*: python -m lrlab doctor"):
        Queue(lab.home)
    for _ in examine(lab.home):
        pass
    with Queue(lab.home) as queue:
        created = sorted(lab.waiting, key=lambda run: run.record.created)
        assert queue.order() == [run.id for run in created]
        assert [job.run_id for job in queue.claimed()] == [lab.working.run.id], "it keeps its worker"
    assert (lab.home.root / "queue.damaged-1.sqlite").read_bytes().startswith(b"no database")


def test_a_damaged_page_of_the_queue_is_seen(lab: Lab) -> None:
    with Queue(lab.home) as queue:
        for number in range(2000):
            queue.add(f"run{number}")
    with sqlite3.connect(lab.home.queue) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with lab.home.queue.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    assert "its file is damaged" in next(one.finding.wrong for one in examine(lab.home, repair=False))


def test_a_repair_that_does_not_succeed_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    add(lab.done.folder / "steps-1.csv", b"12,3,170")

    def refuse(path: Path, size: int) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "truncate", refuse)
    (found,) = examine(lab.home)
    assert found.state == "open"
    assert found.why.startswith("[Errno 13] Permission denied")
