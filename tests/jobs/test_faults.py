"""Real supervisors over real processes that end at bad moments; tests/faults kills them at random ones."""

from __future__ import annotations

import os
import signal

import psutil

from lrlab.jobs import delete, lab_status, stop
from lrlab.jobs.queue import Queue
from lrlab.jobs.supervisor import STOP_MOST
from lrlab.process import is_alive
from lrlab.runs import FINAL
from lrlab.runs.heartbeat import heartbeat_file


def began(run):
    return lambda: run.record.state == "running" and len(run.steps) > 1


def ended(*runs):
    return lambda: all(run.record.state in FINAL for run in runs)


def test_runs_go_through_and_a_warm_worker_waits_for_the_next(home, supervisor, enqueue, until):
    runs = [enqueue("succeed"), enqueue("exit 3"), enqueue("kill"), enqueue("succeed")]
    supervisor()
    until(ended(*runs))
    assert [run.record.state for run in runs] == ["succeeded", "failed", "failed", "succeeded"]
    assert runs[1].record.cause == "the worker ended with exit code 3"
    assert runs[2].record.cause.startswith("the worker was killed by signal 9")
    assert all(len(run.record.attempts) == 1 for run in runs)
    until(lambda: lab_status(home).warm)
    assert (lab_status(home).running, lab_status(home).queued) == (0, 0)


def test_one_supervisor_at_a_time(home, supervisor, enqueue, until):
    first = supervisor()
    run = enqueue()
    until(began(run))
    assert supervisor().wait() == 0
    assert first.poll() is None


def test_kill_9_of_the_supervisor_ends_no_run(home, supervisor, enqueue, until):
    running, waiting = enqueue(), enqueue("succeed")
    current = supervisor()
    until(began(running))
    for _ in range(2):
        current.kill()
        current.wait()
        rows = len(running.steps)
        until(lambda rows=rows: len(running.steps) > rows)  # nobody watches, and it goes on
        current = supervisor()
        assert (running.state, waiting.record.state) == ("running", "queued")
    stop(home, running.id)
    until(ended(running, waiting))
    assert (running.record.state, waiting.record.state) == ("cancelled", "succeeded")
    assert [len(run.record.attempts) for run in (running, waiting)] == [1, 1]


def test_killed_between_the_claim_and_the_start_the_run_is_given_again(home, supervisor, enqueue, until):
    run = enqueue("late")
    first = supervisor()
    until(lambda: Queue(home).claimed())
    first.kill()
    first.wait()
    supervisor()
    (run.folder / "go").touch()
    until(began(run))
    stop(home, run.id)
    until(ended(run))
    assert (run.record.state, len(run.record.attempts)) == ("cancelled", 1)


def test_the_worker_dies_while_nobody_watches(home, supervisor, enqueue, until):
    run, following = enqueue(), enqueue("succeed")
    first = supervisor()
    until(began(run))
    first.kill()
    first.wait()
    os.kill(run.record.attempts[0].identity.pid, signal.SIGKILL)
    until(lambda: run.state == "lost")
    assert run.record.state == "running"
    supervisor()
    until(ended(run, following))
    assert (run.record.state, following.record.state) == ("lost", "succeeded")
    assert run.record.cause.startswith("the worker ended while nobody watched it")


def test_a_worker_that_does_not_listen_is_ended(home, supervisor, enqueue, until):
    run = enqueue("deaf")
    supervisor()
    until(began(run))
    worker = run.record.attempts[0].identity
    stop(home, run.id)
    long_ago = (run.folder / "stop").stat().st_mtime - STOP_MOST - 1
    os.utime(run.folder / "stop", (long_ago, long_ago))
    until(ended(run))
    assert (run.record.state, run.record.cause) == ("cancelled", "it did not stop by itself")
    assert not is_alive(worker)
    delete(home, run.id)
    assert not run.folder.exists()


def test_a_worker_that_hangs_is_killed_too(home, supervisor, enqueue, until):
    run = enqueue()
    supervisor()
    until(began(run))
    psutil.Process(run.record.attempts[0].identity.pid).suspend()
    stop(home, run.id)
    long_ago = (run.folder / "stop").stat().st_mtime - 26
    os.utime(run.folder / "stop", (long_ago, long_ago))
    sign = run.heartbeat.model_copy(update={"time": long_ago})
    heartbeat_file(run.folder).write_text(sign.model_dump_json())
    until(ended(run))
    assert run.record.state == "cancelled"


def test_it_leaves_with_its_spare_when_there_is_nothing_to_do(home, supervisor, enqueue, until, monkeypatch):
    monkeypatch.setenv("LRLAB_IDLE_SECONDS", "0.5")
    run = enqueue("succeed")
    assert supervisor().wait(timeout=30) == 0
    assert run.record.state == "succeeded"
    until(lambda: not lab_status(home).warm)
    with Queue(home) as queue:
        assert queue.run_ids() == set()
