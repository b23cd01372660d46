"""Between two runs on a machine with one GPU, A: who has it still, and where a worker waits for the next run."""

from __future__ import annotations

import pytest

from lrlab.jobs.queue import Queue
from lrlab.jobs.supervisor import Supervisor
from lrlab.runs import update

from .fake_backend import FakeBackend, queue, supervisor

__all__ = ["queue", "supervisor"]


@pytest.fixture
def backend():
    return FakeBackend(gpus=("A",))


def test_a_supervisor_stays_until_the_last_worker_has_left(home, queue, backend, enqueue):
    """The next one would not know of it, and give out a GPU whose memory it holds."""
    supervisor, run = Supervisor(home, queue, backend, idle=lambda: 0.0), enqueue()
    supervisor.tick()
    update(run, state="succeeded")
    supervisor.tick()
    assert not queue.run_ids() and not supervisor.idle()
    backend.ended["w1@A"] = 0
    supervisor.tick()
    assert supervisor.idle()


def test_while_a_run_has_the_gpu_no_worker_waits_for_one_on_the_cpu(supervisor, backend, enqueue):
    run = enqueue()
    supervisor.tick()
    assert backend.given == {"w1@A": run.id} and not backend.spares
    update(run, state="succeeded")
    backend.ended["w1@A"] = 0
    supervisor.tick()
    assert [slot.gpu for slot in backend.spares] == ["A"]


def test_a_run_on_the_cpu_needs_no_worker_that_waits(home, supervisor, backend, make_run):
    supervisor.tick()
    run = make_run()
    with Queue(home) as of_another:
        of_another.add(run.id, "cpu")
    supervisor.tick()
    assert backend.given == {"w2": run.id}
    assert list(backend.spares.values()) == ["w1@A"]
