"""The queue against the runs: what waits is in it, what has ended is not, and no worker is in it that is gone.

A supervisor does the same when it begins; while one is at work the rows are its own, and only the file is looked at.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial

from filelock import FileLock, Timeout

from lrlab.errors import LabError, NotFound, shown
from lrlab.home import Home
from lrlab.jobs import Ended, Job, Queue, requeue, settle
from lrlab.keeping.finding import Finding
from lrlab.process import Identity, is_alive
from lrlab.runs import FINAL, Run, is_out_of_sight, list_runs, load_run, stop_requested, worker_gone
from lrlab.runs.liveness import last_sign

PLACE = "queue"

UNWATCHED = "the worker of this run ended, and nobody wrote it down"


def check_queue(home: Home) -> Iterator[Finding]:
    """Findings about the queue; no supervisor begins while they are looked at."""
    try:
        with FileLock(home.supervisor_lock, blocking=False):
            yield from _alone(home)
    except Timeout:
        if fault := _fault(home):
            remedy = "stop the server and its supervisor, then run the doctor again: it builds the queue anew"
            yield Finding(PLACE, fault, remedy)
    for run in reversed(list_runs(home, None)):
        yield from _out_of_sight(run)


def _alone(home: Home) -> Iterator[Finding]:
    fault = _fault(home)
    if fault:
        anew = partial(_build_anew, home)
        yield Finding(PLACE, fault, "it is built anew from the runs; the old file is kept beside it", anew)
        return
    if not home.queue.exists() and not list_runs(home, None):  # a look alone makes no file
        return
    if Queue.is_earlier(home):
        yield Finding(PLACE, "an earlier lrlab wrote it", "it is brought up", lambda: Queue(home).close())
        if Queue.is_earlier(home):  # it was only looked at, and to read it is to bring it up
            return
    with Queue(home) as queue:
        for job in queue.claimed():
            yield from _claimed(home, queue, job)
        for run_id in sorted(queue.run_ids()):
            if not _waits_or_runs(home, run_id):
                remove = partial(queue.remove, run_id)
                yield Finding(PLACE, f"run {run_id} is in it and has ended or is gone", "it is taken out", remove)
        for run in reversed(list_runs(home, None)):
            if run.id not in queue.run_ids():
                yield from _unknown(queue, run)


def _claimed(home: Home, queue: Queue, job: Job) -> Iterator[Finding]:
    """A run that a worker has, where that worker is gone."""
    worker = Identity.model_validate_json(job.worker)
    if is_alive(worker):
        return
    try:
        run = load_run(job.run_id, home)
        if run.record.state in FINAL:
            return
        if run.record.state == "queued" and not stop_requested(run):
            again = partial(queue.put_back, job.run_id)
            yield Finding(f"run {run.id}", "its worker ended before it began with it", "it waits again", again)
            return
        settled = partial(_settle, queue, run, worker)
        yield Finding(f"run {run.id}", UNWATCHED, "that is written down now", settled)
    except NotFound:  # the row goes with those of all runs that are no more
        return
    except LabError as error:  # told where the runs are looked at
        yield Finding(f"run {job.run_id}", str(error), "see above")


def _unknown(queue: Queue, run: Run) -> Iterator[Finding]:
    """A run that the queue does not know: it waits again, or has ended without anybody's writing so."""
    record = run.record
    if record.state == "queued" and not stop_requested(run):
        add = partial(requeue, queue, record)
        yield Finding(f"run {run.id}", "it is queued, but not in the queue", "it waits again", add)
    elif record.state == "queued" or (record.state == "running" and worker_gone(record)):
        yield Finding(f"run {run.id}", UNWATCHED, "that is written down now", partial(_settle, queue, run))


def _out_of_sight(run: Run) -> Iterator[Finding]:
    """A stalled run that bears the name of a machine which is not this one: a container's or a copied lab's."""
    with suppress(NotFound):
        record, now = run.record, time.time()
        if is_out_of_sight(record, run.heartbeat, now):
            silent = (now - last_sign(record.attempts[-1], run.heartbeat)) / 60
            wrong = f"it was begun on {shown(record.attempts[-1].host)} and has been silent for {silent:,.0f} min"
            remedy = f"if nothing runs there any more, end it: python -m lrlab runs stop {run.id} --force"
            yield Finding(f"run {run.id}", wrong, remedy)


def _settle(queue: Queue, run: Run, worker: Identity | None = None) -> None:
    settle(run, Ended(None), "", worker)
    queue.remove(run.id)


def _waits_or_runs(home: Home, run_id: str) -> bool:
    try:
        return load_run(run_id, home).record.state not in FINAL
    except NotFound:
        return False
    except LabError:  # it may be a run of a later lrlab: not ours to judge
        return True


def _fault(home: Home) -> str:
    """What is wrong with the file itself; empty where nothing is, or where there is none. LabError of a later one."""
    if not home.queue.exists():
        return ""
    try:
        if not Queue.is_earlier(home):
            Queue(home).close()
        with closing(sqlite3.connect(home.queue)) as connection:
            said = [line for (line,) in connection.execute("PRAGMA quick_check(3)")]
    except LabError as error:
        if isinstance(error.__cause__, sqlite3.DatabaseError):
            return f"its file is damaged ({error.__cause__})"
        raise
    except sqlite3.DatabaseError as error:
        return f"its file is damaged ({error})"
    return "" if said == ["ok"] else f"its file is damaged ({'; '.join(said)})"


def _build_anew(home: Home) -> None:
    """Moves the damaged file aside and queues every run that has not ended: those at work keep their workers."""
    number = 1
    while (kept := home.root / f"queue.damaged-{number}.sqlite").exists():
        number += 1
    home.queue.rename(kept)
    for ending in ("-wal", "-shm"):
        home.queue.with_name(home.queue.name + ending).unlink(missing_ok=True)
    with Queue(home) as queue:
        for run in reversed(list_runs(home, None)):
            if run.record.state == "running":
                requeue(queue, run.record)
            for finding in _unknown(queue, run):
                if finding.repair:
                    finding.repair()
