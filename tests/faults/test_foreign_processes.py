"""PIDs used again, machines restarted: no foreign process is ever signalled or taken for a worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from lrlab.home import Home
from lrlab.jobs import delete, stop
from lrlab.jobs.backend import Ended
from lrlab.jobs.local import Local
from lrlab.jobs.queue import Queue
from lrlab.jobs.supervisor import Supervisor
from lrlab.process import Identity, find, identity
from lrlab.runs import Attempt, Run, update
from tests.jobs.conftest import make_run

__all__ = ["make_run"]

pytestmark = pytest.mark.usefixtures("woken")

COUNTING = """
import signal, sys, time
signals = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCONT]
for number in signals:
    signal.signal(number, lambda got, frame: print("got", got, flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""

FORCED: dict[str, dict[str, object]] = {
    "PID reused": {"started": 1.0},
    "PID reused a moment later": {"started": 0.05},
    "machine rebooted": {"boot_id": "the boot before"},
    "rebooted and reused": {"boot_id": "the boot before", "started": 1.0},
    "the PID of init": {"pid": 1},
    "the PID of this test": {"pid": os.getpid()},
}
"""What the queue and run.json say of a worker, beside what its PID is now. Small starts are added to the true one."""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[str]]:
    """A process that tells of every signal it gets, and would die of SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", COUNTING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def claimed(who: Identity, change: dict[str, object]) -> Identity:
    started = change.get("started")
    later = {"started": who.started + float(started)} if isinstance(started, float) else {}
    return who.model_copy(update={**change, **later})


def test_nobody_else_is_signalled(
    home: Home,
    make_run: Callable[[str], Run],
    bystander: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str, str], None],
) -> None:
    monkeypatch.setattr("lrlab.jobs.local.LOOK_EVERY", 0)
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    for name, change in FORCED.items():
        who = claimed(identity(bystander.pid), change)
        assert find(who) is None, name
        ticket, run = who.model_dump_json(), make_run(name)
        begun = Attempt(number=1, started=time.time(), identity=who, host=socket.gethostname())
        update(run, state="running", attempts=(begun,))
        assert run.state == "lost", name
        stop(home, run.id, force=True)
        backend = Local(home, command=[sys.executable, "-c", ""])
        for force in (False, True):
            backend.cancel(ticket, force=force)
        assert backend.status(ticket) == Ended(None)
        with Queue(home) as queue:
            queue.add(run.id)
            queue.claim(ticket)
            supervisor = Supervisor(home, queue, backend)
            supervisor.take_over()
            supervisor.tick()
            assert queue.run_ids() == set()
        backend.close()
        assert run.record.state == "cancelled", name
        delete(home, run.id)
    assert sent == [] and bystander.poll() is None
    monkeypatch.undo()
    bystander.kill()
    assert bystander.stdout and bystander.stdout.read() == ""
    figure("PID reused, machine rebooted", f"{len(FORCED)} forced cases: 0 signals sent, 0 taken for a worker")
