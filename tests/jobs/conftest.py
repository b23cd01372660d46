"""A lab with a queue, runs that need no images, a worker that needs no torch, and real supervisors over them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs.queue import Queue
from lrlab.process import Identity, find
from lrlab.runs import DatasetFacts, Run, create_run, list_runs

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))

SUPERVISE = (
    "import sys; from lrlab.home import lab_home; from lrlab.jobs import supervise; "
    "supervise(lab_home(), command=sys.argv[1:])"
)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition holds; fails where it does not within 30 s."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.02)

    return wait


@pytest.fixture
def make_run(home: Home) -> Callable[..., Run]:
    """Makes a queued run, which is not in the queue; its name tells the fake worker what to do."""

    def make(name: str = "until asked") -> Run:
        facts = DatasetFacts(id="d8h4", name="coffee", classes=("Dark", "Light"), train=120, val=30)
        return create_run(home, Experiment(name=name, dataset="coffee"), dataset=facts, steps_per_epoch=3)

    return make


@pytest.fixture
def enqueue(home: Home, make_run: Callable[..., Run]) -> Callable[..., Run]:
    """Makes a run and queues it."""

    def add(name: str = "until asked") -> Run:
        run = make_run(name)
        with Queue(home) as queue:
            queue.add(run.id)
        return run

    return add


@pytest.fixture(autouse=True)
def _surroundings(woken: list[Home], monkeypatch: pytest.MonkeyPatch) -> None:
    """No supervisor is started that would start workers that train, and there is no GPU, whatever the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def fake_worker() -> tuple[str, ...]:
    """The command of a worker that waits for a run and behaves as the run's name says."""
    return FAKE_WORKER


@pytest.fixture
def supervisor(
    home: Home, until: Callable[[Callable[[], object]], None]
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a supervisor of fake workers, a process of its own, and waits until it is at work or has left.

    Afterwards none of them lives.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with home.supervisor_log.open("ab") as log:
            process = subprocess.Popen([sys.executable, "-c", SUPERVISE, *FAKE_WORKER], stderr=log)
        started.append(process)
        begun = f"supervisor {process.pid}: begins"
        until(lambda: begun in home.supervisor_log.read_text() or process.poll() is not None)
        return process

    yield start
    for process in started:
        process.kill()  # its spare, if it has one, ends with its input
        process.wait()
    with Queue(home) as queue:
        workers = [Identity.model_validate_json(job.worker) for job in queue.claimed()]
    workers += [attempt.identity for run in list_runs(home) for attempt in run.record.attempts]
    alive = [process for process in map(find, workers) if process]
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=10)
