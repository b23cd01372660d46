"""How the supervisor ends what is to stop: how long a worker is waited for, asked and killed."""

from __future__ import annotations

import os
import time

import pytest

from lrlab.runs import request_stop
from lrlab.runs.heartbeat import Heartbeat, heartbeat_file

from .fake_backend import backend, queue, states, supervisor

__all__ = ["backend", "queue", "supervisor"]


def ask_long_ago(run, seconds):
    request_stop(run)
    then = time.time() - seconds
    os.utime(run.folder / "stop", (then, then))


def silent(run, seconds, slowest_batch=0.0):
    """The worker's newest sign of life was so long ago."""
    sign = Heartbeat(phase="training", slowest_batch=slowest_batch, time=time.time() - seconds)
    heartbeat_file(run.folder).write_text(sign.model_dump_json())


POLITE, FORCE = ("w1", False), ("w1", True)


def test_a_worker_that_does_not_stop_is_asked_and_then_killed(supervisor, backend, enqueue):
    run = enqueue()
    supervisor.tick()
    asked = []
    for seconds in (1, 19, 21, 22, 26, 27):
        ask_long_ago(run, seconds)
        silent(run, seconds + 1)
        supervisor.tick()
        asked.append(list(backend.cancelled))
    assert asked == [[], [], [POLITE], [POLITE], [POLITE, FORCE], [POLITE, FORCE]]
    backend.ended["w1"] = -9
    supervisor.tick()
    assert (run.record.state, run.record.cause) == ("cancelled", "it did not stop by itself")


@pytest.mark.parametrize(
    ("asked", "silent_for", "slowest", "done"),
    [
        (300, 19, 0, []),  # it saves, and says so
        (300, 21, 0, [POLITE]),
        (300, 26, 0, [FORCE]),
        (21, 300, 0, [POLITE]),  # patience counts from the stop on
        (79, 79, 40, []),
        (81, 81, 40, [POLITE]),
        (86, 86, 40, [FORCE]),
        (29 * 60, 0, 3600, []),
        (31 * 60, 0, 3600, [FORCE]),  # it never will
    ],
)
def test_how_long_a_worker_that_is_to_stop_is_waited_for(
    supervisor, backend, enqueue, asked, silent_for, slowest, done
):
    run = enqueue()
    supervisor.tick()
    ask_long_ago(run, asked)
    silent(run, silent_for, slowest)
    supervisor.tick()
    assert backend.cancelled == done


def test_a_stop_by_force_waits_for_nothing(supervisor, backend, enqueue):
    run = enqueue()
    supervisor.tick()
    request_stop(run)
    supervisor.tick()
    assert backend.cancelled == []
    request_stop(run, force=True)
    supervisor.tick()
    supervisor.tick()
    assert backend.cancelled == [("w1", True)]


def test_a_stop_asked_for_before_the_start_starts_nothing(supervisor, backend, enqueue, queue):
    run, other = enqueue(), enqueue()
    request_stop(run)
    supervisor.tick()
    assert states(run) == ["cancelled"] and run.record.ended
    assert list(backend.given.values()) == [other.id]
    assert queue.run_ids() == {other.id}
