"""The end that is written for a worker that could not write it: a table of ways to die."""

from __future__ import annotations

import socket
import time

import pytest

from lrlab.jobs.backend import Ended
from lrlab.jobs.settling import MEMORY, settle
from lrlab.process import identity
from lrlab.runs import Attempt, request_stop, update

ME = identity()
REUSED = ME.model_copy(update={"started": ME.started - 60})


def begin(run, who=REUSED, host=None):
    attempt = Attempt(number=1, started=time.time(), identity=who, host=host or socket.gethostname())
    update(run, state="running", attempts=(attempt,))


@pytest.mark.parametrize(
    ("code", "log", "state", "cause", "advice"),
    [
        (-9, "step 7", "failed", "the worker was killed by signal 9 (probably out of memory)", MEMORY),
        (
            -11,
            "",
            "failed",
            "the worker was ended by signal 11 (Segmentation fault)",
            "",
        ),
        (3, "", "failed", "the worker ended with exit code 3", ""),
        (
            1,
            "RuntimeError: shapes do not match",
            "failed",
            "the worker ended with exit code 1; its log ends with:\nRuntimeError: shapes do not match",
            "",
        ),
        (0, "", "failed", "the worker ended without writing a result", "Start the run again."),
        (None, "", "lost", "the worker ended while nobody watched it", "Start the run again."),
        (
            1,
            "OSError: [Errno 28] No space left on device",
            "failed",
            "the disk is full",
            "Make room where the lab lies, then start the run again.",
        ),
    ],
)
def test_how_a_worker_ended_is_said_in_words(make_run, code, log, state, cause, advice):
    run = make_run()
    begin(run)
    record = settle(run, Ended(code), log)
    assert (record.state, record.cause, record.advice) == (state, cause, advice)
    assert record.ended == pytest.approx(time.time(), abs=60)
    assert run.record == record


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (None, ""),
        (0, ""),
        (-15, "it did not stop by itself"),
        (-9, "it did not stop by itself"),
        (1, "the worker ended with exit code 1"),
    ],
)
def test_a_run_that_was_to_stop_is_cancelled(make_run, code, cause):
    run = make_run()
    begin(run)
    request_stop(run)
    record = settle(run, Ended(code), "")
    assert (record.state, record.cause, record.advice) == ("cancelled", cause, "")


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "lost"])
def test_an_end_that_the_worker_wrote_stands(make_run, state):
    run = make_run()
    begin(run)
    before = update(run, state=state, cause="its own", ended=5.0)
    assert settle(run, Ended(-9), "") == before


def test_a_run_that_another_living_worker_has_is_left_alone(make_run):
    run = make_run()
    begin(run, who=ME)
    assert settle(run, Ended(1), "").state == "running"


def test_a_run_of_another_machine_is_left_alone(make_run):
    run = make_run()
    begin(run, host="another-machine")
    assert settle(run, Ended(None), "").state == "running"
