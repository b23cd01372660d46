"""The state of a run as a table: what is recorded, who its worker is, and how long nothing was heard of it."""

from __future__ import annotations

import pytest

from lrlab.process import identity
from lrlab.runs import Attempt, Heartbeat, liveness, worker_gone

ME = identity()
REUSED = ME.model_copy(update={"started": ME.started - 60})  # our PID, an earlier process
REBOOTED = ME.model_copy(update={"boot_id": "another boot"})
NOW = 10_000.0


def worker(who=ME, host=None, started=9_000.0):
    return Attempt(number=1, started=started, identity=who, host=host or liveness.socket.gethostname())


def beat(ago: float, slowest: float = 1.0):
    return Heartbeat(phase="training", time=NOW - ago, slowest_batch=slowest)


@pytest.mark.parametrize(
    ("recorded", "attempts", "heartbeat", "state"),
    [
        ("queued", (), None, "queued"),
        ("queued", (), beat(999), "queued"),
        ("running", (worker(),), beat(1), "running"),
        ("running", (worker(),), beat(30), "running"),
        ("running", (worker(),), beat(30.1), "stalled"),
        ("running", (worker(),), beat(45, slowest=9), "running"),
        ("running", (worker(),), beat(45.1, slowest=9), "stalled"),
        ("running", (worker(started=NOW - 30),), None, "running"),
        ("running", (worker(started=NOW - 31),), None, "stalled"),
        ("running", (worker(started=NOW - 5),), beat(500), "running"),  # an older attempt's heartbeat
        ("running", (worker(REUSED),), beat(1), "lost"),
        ("running", (worker(REBOOTED),), beat(1), "lost"),
        ("running", (worker(REUSED), worker()), beat(1), "running"),
        ("running", (worker(), worker(REUSED)), beat(1), "lost"),
        ("running", (), None, "lost"),
        ("running", (worker(REUSED, host="another-machine"),), beat(1), "running"),
        ("running", (worker(REUSED, host="another-machine"),), beat(31), "stalled"),
        ("succeeded", (worker(REUSED),), beat(999), "succeeded"),
        ("failed", (worker(),), beat(1), "failed"),
        ("cancelled", (worker(),), beat(999), "cancelled"),
        ("lost", (worker(),), beat(1), "lost"),
    ],
)
def test_state(make_run, recorded, attempts, heartbeat, state):
    record = make_run().record.model_copy(update={"state": recorded, "attempts": attempts})
    assert liveness.state(record, heartbeat, NOW) == state
    assert worker_gone(record) == (state == "lost" and recorded == "running")


@pytest.mark.parametrize(
    ("who", "host", "ago", "expected"),
    [
        (REUSED, "another-machine", 31, True),
        (REBOOTED, "another-machine", 31, True),
        (REBOOTED, "another-machine", 29, False),
        (ME, "another-machine", 31, False),  # this machine under an earlier name
        (REUSED, None, 31, False),  # it is known to be gone
        (ME, None, 31, False),
    ],
)
def test_a_worker_is_out_of_sight_where_another_machine_went_silent(make_run, who, host, ago, expected):
    record = make_run().record.model_copy(update={"state": "running", "attempts": (worker(who, host),)})
    assert liveness.is_out_of_sight(record, beat(ago), NOW) == expected
    ended = record.model_copy(update={"state": "lost"})
    assert not liveness.is_out_of_sight(ended, beat(ago), NOW)


def test_a_run_tells_its_state_from_what_lies_in_its_folder(make_run, begin):
    run = make_run()
    assert run.state == "queued"
    begin(run)
    assert run.state == "running"
    begin(run, number=2, identity=REUSED)
    assert run.state == "lost"
    assert run.record.state == "running"  # what is seen is not written
