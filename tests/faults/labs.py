"""Labs for the faults of jobs: pictures that are learnt in a second, runs in the queue, supervisors to be killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrlab.home import Home
from lrlab.jobs.detached import environment
from lrlab.jobs.queue import Queue
from lrlab.process import Identity, find
from lrlab.runs import FINAL, Run, list_runs

HERE = Path(__file__).parent
WARM = [sys.executable, str(HERE / "warm_supervisor.py")]
"""A supervisor whose workers train and begin at once."""

FAKE_WORKER = [sys.executable, str(HERE.parent / "jobs" / "fake_worker.py")]
SUPERVISE = (
    "import sys; from lrlab.home import lab_home; from lrlab.jobs import supervise; "
    "supervise(lab_home(), command=sys.argv[1:])"
)
FAKE = [sys.executable, "-c", SUPERVISE, *FAKE_WORKER]
"""A supervisor whose workers need no torch and do what their run's name says."""

LONGEST = 250.0
"""Seconds that anything may take on a machine that does much else."""


def wait_until(condition: Callable[[], object], what: str = "the condition did not come true") -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def enqueue(home: Home, *runs: Run) -> None:
    with Queue(home) as queue:
        for run in runs:
            queue.add(run.id)


def ended(*runs: Run) -> bool:
    return all(run.record.state in FINAL for run in runs)


@contextmanager
def supervisors(home: Home, command: list[str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """`start()` starts a supervisor and waits until it is at work. In the end neither it nor any worker lives."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with home.supervisor_log.open("ab") as log:
            process = subprocess.Popen(command, stderr=log, cwd=HERE.parents[1], env=environment(home))
        started.append(process)
        begun = f"supervisor {process.pid}: begins"
        wait_until(lambda: begun in home.supervisor_log.read_text() or process.poll() is not None)
        assert process.poll() is None, home.supervisor_log.read_text()
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()  # its spare ends with its input
            process.wait()
        end_workers(home)


def end_workers(home: Home) -> None:
    """Kills every worker that the queue or a run of the lab names."""
    with Queue(home) as queue:
        known = [Identity.model_validate_json(job.worker) for job in queue.claimed()]
    known += [attempt.identity for run in list_runs(home, None) for attempt in run.record.attempts]
    alive = [process for process in map(find, known) if process]
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=10)


@pytest.fixture
def warm(home: Home, supervised: None) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor at work whose workers train."""
    with supervisors(home, WARM) as start:
        yield start()


def seconds_between(runs: list[Run]) -> list[float]:
    """From the end of each run to the beginning of the next one."""
    records = [run.record for run in runs]
    gaps: list[Any] = [later.attempts[0].started - earlier.ended for earlier, later in pairwise(records)]
    return gaps
