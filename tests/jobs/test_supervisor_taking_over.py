"""What a supervisor makes of the lab it takes over: workers alive or gone, and runs that the queue forgot."""

from __future__ import annotations

import socket
import time

import pytest

from lrlab.jobs.supervisor import MOST_CLAIMS
from lrlab.process import Identity, identity
from lrlab.runs import Attempt, request_stop, update

from .fake_backend import backend, queue, states, supervisor

__all__ = ["backend", "queue", "supervisor"]


def test_a_living_worker_keeps_its_run(supervisor, backend, enqueue, queue):
    run, other = enqueue(), enqueue()
    queue.claim("earlier")
    supervisor.take_over()
    supervisor.tick()
    assert backend.given == {}  # the only slot is taken
    update(run, state="succeeded")
    backend.ended["earlier"] = None
    supervisor.tick()
    assert (run.record.state, run.record.cause) == ("succeeded", "")
    assert list(backend.given.values()) == [other.id]


def test_a_run_that_had_not_begun_is_given_to_another_worker(supervisor, backend, enqueue, queue):
    run = enqueue()
    queue.claim("earlier")
    backend.ended["earlier"] = None
    supervisor.take_over()
    supervisor.tick()
    assert list(backend.given.values()) == [run.id]


def test_but_not_for_ever(supervisor, backend, enqueue, queue):
    run = enqueue()
    for number in range(MOST_CLAIMS):
        queue.put_back(run.id)
        queue.claim(f"earlier{number}")
        backend.ended[f"earlier{number}"] = None
    supervisor.take_over()
    supervisor.tick()
    assert (states(run), backend.given) == (["lost"], {})


def test_a_run_whose_worker_died_unseen_is_lost(supervisor, backend, enqueue, queue):
    run = enqueue()
    queue.claim("earlier")
    update(run, state="running")
    backend.ended["earlier"] = None
    supervisor.take_over()
    supervisor.tick()
    assert (states(run), backend.given, queue.run_ids()) == (["lost"], {}, set())


@pytest.mark.parametrize(("asked", "state"), [(False, "lost"), (True, "cancelled")])
def test_a_run_ends_whatever_its_machine_is_called_now(supervisor, backend, enqueue, queue, asked, state):
    """A container made anew, a lab that was copied, a laptop on another network."""
    run = enqueue()
    queue.claim("earlier")
    begun = Attempt(number=1, started=1.0, identity=backend.identity("earlier"), host="an-earlier-name")
    update(run, state="running", attempts=(begun,))
    if asked:
        request_stop(run)
    backend.ended["earlier"] = None
    supervisor.take_over()
    supervisor.tick()
    assert (states(run), queue.run_ids()) == ([state], set())


def test_a_claim_that_a_power_cut_undid_starts_no_run_twice(supervisor, backend, enqueue, queue):
    run = enqueue()
    update(run, state="running")  # run.json knows of a worker, the queue does not
    supervisor.take_over()
    supervisor.tick()
    assert (states(run), backend.given, queue.run_ids()) == (["lost"], {}, set())


def test_a_living_worker_that_the_queue_forgot_is_known_again(supervisor, backend, enqueue, make_run, queue):
    run, other = make_run(), enqueue()
    mine = Attempt(number=1, started=time.time(), identity=identity(), host=socket.gethostname())
    update(run, state="running", attempts=(mine,))
    supervisor.take_over()
    supervisor.tick()
    (job,) = queue.claimed()
    assert (job.run_id, Identity.model_validate_json(job.worker)) == (run.id, mine.identity)
    assert (backend.given, queue.order()) == ({}, [other.id])  # the only slot is taken
    request_stop(run, force=True)
    supervisor.tick()
    assert backend.cancelled == [(job.worker, True)]


def test_runs_that_the_queue_forgot_wait_again_in_their_order(supervisor, make_run, queue):
    runs = [make_run() for _ in range(3)]
    request_stop(runs[1])
    supervisor.take_over()
    assert [queue.position(run.id) for run in runs] == [1, None, 2]
    assert states(*runs) == ["queued", "cancelled", "queued"]


def test_an_ended_run_that_the_queue_still_knows_is_forgotten(supervisor, backend, enqueue, queue):
    run = enqueue()
    queue.claim("earlier")
    update(run, state="succeeded")
    backend.ended["earlier"] = None
    supervisor.take_over()
    supervisor.tick()
    assert (states(run), queue.run_ids()) == (["succeeded"], set())
