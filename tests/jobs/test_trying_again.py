"""A run that is tried again: what that changes beside run.json and when, and what it leaves where it is refused."""

from __future__ import annotations

import socket
import time

import pytest
from filelock import FileLock, Timeout

from lrlab.errors import LabError
from lrlab.jobs import changing, retry
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import Attempt, last_lines, lr_requests, request_lr, request_stop, stop_requested, update
from lrlab.runs.printed import AGAIN


@pytest.fixture
def run(make_run, monkeypatch):
    """One that failed, and said why; its images are not looked for."""
    monkeypatch.setattr(changing, "load_dataset", lambda home, name: None)
    made = make_run()
    begun = Attempt(number=1, started=time.time(), identity=identity(), host=socket.gethostname())
    update(made, state="failed", attempts=(begun,), ended=time.time())
    made.worker_log.write_text("MemoryError\n")
    return made


def test_the_slower_of_two_takes_back_nothing_that_was_asked_of_the_faster(home, run, monkeypatch):
    def the_other_is_faster_at_the_last_moment(run, asked, queue):
        update(run, state="queued")
        request_stop(run)
        request_lr(run, factor=0.5)

    monkeypatch.setattr(changing, "_wait_until_left", the_other_is_faster_at_the_last_moment)
    with pytest.raises(LabError, match="was let go on meanwhile: it is queued"):
        retry(home, run.id)
    assert stop_requested(run) and len(lr_requests(run)) == 1


def test_where_the_queue_refuses_what_the_run_said_last_is_still_told(home, run, monkeypatch):
    def refuse(queue, run_id, device):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Queue, "add", refuse)
    with pytest.raises(OSError):
        retry(home, run.id)
    assert (run.record.state, last_lines(run.worker_log)) == ("failed", "MemoryError")


def test_its_worker_begins_behind_the_line_that_ends_what_was_said_before(home, run, monkeypatch):
    real, lock = Queue.add, FileLock(run.folder / ".lock", blocking=False)

    def and_a_worker_begins(queue, run_id, device):
        real(queue, run_id, device)
        with pytest.raises(Timeout):  # it enters itself into run.json under this lock before it does anything
            lock.acquire()

    monkeypatch.setattr(Queue, "add", and_a_worker_begins)
    retry(home, run.id)
    assert run.worker_log.read_text() == f"MemoryError\n\n{AGAIN}\n"
    assert not last_lines(run.worker_log)
