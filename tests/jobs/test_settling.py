"""The end that is written for a worker that could not write it: a table of ways to die."""

from __future__ import annotations

import socket
import time

import pytest

from lrlab.jobs import changing, retry
from lrlab.jobs.backend import Ended
from lrlab.jobs.settling import AGAIN, MEMORY, SEE_LOG, settle
from lrlab.process import identity
from lrlab.runs import Attempt, last_lines, request_stop, update

ME = identity()
REUSED = ME.model_copy(update={"started": ME.started - 60})


def begin(run, who=REUSED, host=None):
    attempt = Attempt(number=1, started=time.time(), identity=who, host=host or socket.gethostname())
    update(run, state="running", attempts=(attempt,))


LOOK = f"{SEE_LOG} {AGAIN}"
FAULT = f"A fault in torch, a library or a driver. {LOOK}"
OUTSIDE = f"Something outside lrlab ended it, such as a shutdown of the machine. {AGAIN}"
VANISHED = f"A file that it was reading vanished, or its disk did. {AGAIN}"
ROOM = "Make room where the lab lies, then try the run again."

DEATHS = [
    (-9, "step 7", "failed", "the worker was killed by signal 9 (probably out of memory)", MEMORY),
    (-15, "", "failed", "the worker was ended by signal 15 (Terminated)", OUTSIDE),
    (-11, "", "failed", "the worker was ended by signal 11 (Segmentation fault)", FAULT),
    (-7, "", "failed", "the worker was ended by signal 7 (Bus error)", VANISHED),
    (3, "", "failed", "the worker ended with exit code 3", LOOK),
    (1, "RuntimeError: shapes do not match", "failed", "the worker ended with exit code 1", LOOK),
    (1, "MemoryError", "failed", "this machine ran out of memory", MEMORY),
    (1, "torch.OutOfMemoryError: CUDA out of memory.", "failed", "the GPU ran out of memory", MEMORY),
    (1, "numpy._core._exceptions._ArrayMemoryError: Unable", "failed", "this machine ran out of memory", MEMORY),
    (1, "DefaultCPUAllocator: can't allocate memory", "failed", "this machine ran out of memory", MEMORY),
    (0, "", "failed", "the worker ended without writing a result", AGAIN),
    (None, "", "lost", "the worker ended while nobody watched it", AGAIN),
    (1, "OSError: [Errno 28] No space left on device", "failed", "the disk is full", ROOM),
    (None, "OSError: [Errno 122] Disk quota exceeded", "lost", "the disk is full", ROOM),
]


@pytest.mark.parametrize(("code", "log", "state", "cause", "advice"), DEATHS)
def test_how_a_worker_ended_is_said_in_words(make_run, code, log, state, cause, advice):
    run = make_run()
    begin(run)
    record = settle(run, Ended(code), log)
    assert (record.state, record.cause, record.advice) == (state, cause, advice)
    assert record.ended == pytest.approx(time.time(), abs=60)
    assert run.record == record
    assert last_lines(run.worker_log) == log  # also where the worker had not come to write there


def test_what_the_worker_wrote_itself_stays(make_run):
    run = make_run()
    begin(run)
    run.worker_log.write_text("its own\n")
    settle(run, Ended(1), "its own")
    assert run.worker_log.read_text() == "its own\n"


def test_what_an_earlier_attempt_died_of_is_no_later_ones_cause(home, make_run, monkeypatch):
    run = make_run()
    begin(run)
    run.worker_log.write_text("OSError: [Errno 28] No space left on device\n")
    assert settle(run, Ended(1), last_lines(run.worker_log)).cause == "the disk is full"
    monkeypatch.setattr(changing, "load_dataset", lambda home, name: None)
    retry(home, run.id)
    begin(run)
    assert last_lines(run.worker_log) == ""
    record = settle(run, Ended(-9), "Killed")
    assert record.cause == "the worker was killed by signal 9 (probably out of memory)"
    assert last_lines(run.worker_log) == "Killed"
    assert "No space left" in run.worker_log.read_text()  # a person may still read it


def test_a_restart_of_the_machine_is_told_from_a_death_that_nobody_saw(make_run):
    run = make_run()
    begin(run, who=ME.model_copy(update={"boot_id": "the boot before"}))
    record = settle(run, Ended(None), "")
    assert (record.state, record.cause, record.advice) == (
        "lost",
        "the machine was restarted while the run was at work",
        AGAIN,
    )


def test_a_stop_by_force_is_told_from_one_that_took_too_long(make_run):
    run = make_run()
    begin(run)
    request_stop(run, force=True)
    record = settle(run, Ended(-9), "")
    assert (record.state, record.cause) == ("cancelled", "it was ended by force")


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
    assert settle(run, Ended(None), "", ME).state == "running"  # another worker of the run ended


def test_a_worker_that_ended_is_known_by_its_identity_whatever_its_host_is_called_now(make_run):
    run = make_run()
    begin(run, host="an-earlier-name")
    record = settle(run, Ended(-9), "", REUSED)
    assert (record.state, record.cause) == ("failed", "the worker was killed by signal 9 (probably out of memory)")
