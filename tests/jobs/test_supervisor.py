"""The supervisor's decisions, look by look: which run starts when, what is kept warm, and when it may leave."""

from __future__ import annotations

import pytest

from lrlab.jobs.slots import slots as slots_of
from lrlab.jobs.supervisor import Supervisor
from lrlab.runs import delete_run, update

from .fake_backend import FakeBackend, backend, queue, states, supervisor

__all__ = ["backend", "queue", "supervisor"]


def test_runs_start_in_order_one_at_a_time(supervisor, backend, enqueue, queue):
    first, second = enqueue(), enqueue()
    supervisor.take_over()
    supervisor.tick()
    supervisor.tick()
    assert backend.given == {"w1": first.id}
    assert first.heartbeat.phase == "starting worker" and second.heartbeat is None
    update(first, state="succeeded")
    backend.ended["w1"] = 0
    supervisor.tick()
    assert backend.given == {"w1": first.id, "w2": second.id}
    assert (states(first, second), backend.forgotten) == (["succeeded", "queued"], ["w1"])
    assert queue.run_ids() == {second.id}


def test_the_next_run_does_not_wait_until_the_process_of_the_last_has_left(supervisor, backend, enqueue, queue):
    first, second = enqueue(), enqueue()
    supervisor.tick()
    update(first, notes="anything else in run.json is no end")
    supervisor.tick()
    assert list(backend.given.values()) == [first.id]
    update(first, state="succeeded")
    supervisor.tick()
    assert list(backend.given.values()) == [first.id, second.id]
    assert (queue.run_ids(), backend.forgotten) == ({second.id}, [])
    backend.ended["w1"] = 0
    supervisor.tick()
    assert backend.forgotten == ["w1"] and first.record.state == "succeeded"


def test_a_process_that_does_not_leave_is_ended(home, queue, backend, enqueue, monkeypatch):
    monkeypatch.setattr("lrlab.jobs.supervisor.LEAVE_GRACE", 0)
    supervisor, run = Supervisor(home, queue, backend), enqueue()
    supervisor.tick()
    update(run, state="succeeded")
    supervisor.tick()
    assert backend.cancelled == [("w1", True)]
    backend.ended["w1"] = -9
    supervisor.tick()
    assert backend.forgotten == ["w1"] and run.record.state == "succeeded"


def test_as_many_at_a_time_as_there_are_slots(home, queue, enqueue):
    backend = FakeBackend(slots=2)
    runs = [enqueue() for _ in range(3)]
    Supervisor(home, queue, backend).tick()
    assert list(backend.given.values()) == [run.id for run in runs[:2]]


def test_more_or_fewer_at_a_time_count_from_the_next_look_on(home, queue, enqueue):
    backend = FakeBackend()
    supervisor, runs = Supervisor(home, queue, backend), [enqueue() for _ in range(3)]
    supervisor.tick()
    backend.present = slots_of(2, ())
    supervisor.tick()
    assert list(backend.given.values()) == [run.id for run in runs[:2]]
    backend.present = slots_of(1, ())
    update(runs[0], state="succeeded")
    supervisor.tick()
    assert len(backend.given) == 2  # the other one goes on, and is all that may
    update(runs[1], state="succeeded")
    supervisor.tick()
    assert list(backend.given.values()) == [run.id for run in runs]


def test_a_worker_that_dies_leaves_its_cause_and_the_next_run_starts(supervisor, backend, enqueue):
    first, second = enqueue(), enqueue()
    supervisor.tick()
    backend.ended["w1"] = -9
    supervisor.tick()
    assert states(first, second) == ["failed", "queued"]
    assert first.record.cause == "the worker was killed by signal 9 (probably out of memory)"
    assert backend.given["w2"] == second.id


def test_a_spare_is_kept_while_a_slot_is_free_and_noted(supervisor, backend, queue, enqueue):
    supervisor.tick()
    assert backend.spare == queue.spare() == "w1"
    enqueue()
    supervisor.tick()
    assert backend.spare is None and queue.spare() is None  # not while the run has just begun
    backend.ended["w1"] = 1
    supervisor.tick()
    assert backend.spare == queue.spare() == "w2"


def test_the_queue_is_read_again_only_when_it_changed(supervisor, backend, enqueue, queue, monkeypatch):
    supervisor.tick()
    monkeypatch.setattr(queue, "waiting", lambda: pytest.fail("nothing changed"))
    supervisor.tick()


def test_what_was_refused_is_tried_again(supervisor, backend, enqueue):
    run = enqueue()
    backend.refuse = OSError("no process to be had")
    for _ in range(2):
        with pytest.raises(OSError):
            supervisor.tick()
    backend.refuse = None
    supervisor.tick()
    assert backend.given == {"w1": run.id}


@pytest.mark.parametrize("spoil", ["deleted", "unreadable"])
def test_a_run_that_is_not_there_any_more_holds_nobody_up(supervisor, backend, enqueue, queue, spoil):
    run, other = enqueue(), enqueue()
    if spoil == "deleted":
        delete_run(run)
    else:
        (run.folder / "run.json").write_text("{")
    supervisor.tick()
    assert list(backend.given.values()) == [other.id]
    assert queue.run_ids() == {other.id}


def test_it_is_idle_once_nothing_waits_or_runs_and_the_stated_time_is_over(home, queue, backend, enqueue):
    impatient = Supervisor(home, queue, backend, idle=lambda: 0)
    run = enqueue()
    assert not impatient.idle()
    impatient.tick()
    assert not impatient.idle()
    update(run, state="succeeded")
    backend.ended["w1"] = 0
    impatient.tick()
    assert impatient.idle()
    assert backend.spare is None  # nor was a worker kept warm
    assert not Supervisor(home, queue, backend, idle=lambda: 60).idle()


def test_how_long_it_stays_counts_as_it_is_set_now(home, queue, backend):
    minutes = [60.0]
    supervisor = Supervisor(home, queue, backend, idle=lambda: minutes[0])
    supervisor.tick()
    assert backend.spare and not supervisor.idle()
    minutes[0] = 0
    supervisor.tick()
    assert backend.spare is None and supervisor.idle()
