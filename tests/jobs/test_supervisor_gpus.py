"""The supervisor's decisions where there are two GPUs, A and B, and one run at a time on the CPU."""

from __future__ import annotations

import socket

import pytest

from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import Attempt, update

from .fake_backend import FakeBackend, queue, supervisor

__all__ = ["queue", "supervisor"]


@pytest.fixture
def backend():
    return FakeBackend(gpus=("A", "B"))


@pytest.fixture
def ask(home, make_run):
    def add(device):
        run = make_run()
        with Queue(home) as of_another:
            of_another.add(run.id, device)
        return run

    return add


def test_each_has_one_run_and_the_cpu_its_own(supervisor, backend, ask):
    devices = ("cpu", "auto", "cpu", "cuda", "auto")
    runs = [ask(device) for device in devices]
    supervisor.tick()
    where = {run: ticket.partition("@")[2] for ticket, run in backend.given.items()}
    assert where == {runs[1].id: "A", runs[3].id: "B", runs[0].id: ""}
    update(runs[3], state="succeeded")
    supervisor.tick()
    assert len(backend.given) == 3  # its process holds the GPU's memory until it has left
    backend.ended["w2@B"] = 0
    supervisor.tick()
    assert list(backend.given.items())[-1] == ("w4@B", runs[4].id)


def test_a_cpu_slot_is_free_before_the_process_of_its_last_run_has_left(supervisor, backend, ask):
    first, second = ask("cpu"), ask("cpu")
    supervisor.tick()
    update(first, state="succeeded")
    supervisor.tick()
    assert list(backend.given.values()) == [first.id, second.id]


def test_a_worker_of_an_earlier_supervisor_keeps_its_gpu(supervisor, backend, ask, queue):
    _, second = ask("auto"), ask("auto")
    queue.claim("earlier@A")
    supervisor.take_over()
    supervisor.tick()
    assert backend.given == {"w1@B": second.id}


def test_a_worker_that_the_queue_forgot_keeps_its_gpu(supervisor, backend, ask, make_run):
    mine = Attempt(number=1, started=1.0, identity=identity(), host=socket.gethostname(), gpu="A")
    update(make_run(), state="running", attempts=(mine,))
    second = ask("auto")
    supervisor.take_over()
    supervisor.tick()
    assert backend.given == {"w1@B": second.id}


def test_a_run_that_the_queue_forgot_goes_on_where_it_was_begun(supervisor, backend, make_run):
    begun = Attempt(number=1, started=1.0, identity=identity(), host="here", processor="cpu", ended=2.0)
    run = make_run()
    update(run, attempts=(begun,))
    supervisor.take_over()
    supervisor.tick()
    assert list(backend.given) == ["w1"]


def test_one_worker_is_warm_wherever_the_next_run_begins(supervisor, backend, ask):
    run = ask("auto")
    supervisor.tick()
    assert [slot.gpu for slot in backend.spares] == ["B"]
    update(run, state="succeeded")
    backend.ended["w1@A"] = 0
    supervisor.tick()
    assert [slot.gpu for slot in backend.spares] == ["A"]


def test_no_worker_is_warmed_on_a_gpu_that_a_run_has(supervisor, backend, ask, monkeypatch):
    monkeypatch.setattr("lrlab.jobs.supervisor.SPARE_PAUSE", 0)
    supervisor.tick()
    assert [slot.gpu for slot in backend.spares] == ["A"]
    runs = [ask("auto"), ask("auto"), ask("cpu")]
    supervisor.tick()
    assert len(backend.given) == 3 and not backend.spares
    update(runs[1], state="succeeded")
    supervisor.tick()
    assert not backend.spares
    backend.ended["w2@B"] = 0
    supervisor.tick()
    assert [slot.gpu for slot in backend.spares] == ["B"]
