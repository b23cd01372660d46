"""The lab's supervisor in a process that has torch already: its workers are copies of it, so that one begins at once.

All else is as in `python -m lrlab supervise`. What is to befall a run is its name: "CUDA out of memory" raises torch's
error after a few updates, "host out of memory" takes more than the process may have, "killed" ends it as the kernel
does when memory is short, "stop while X" asks it to stop as soon as it says that it is at X. Any other name befalls
nothing.

What a run imports on its way is imported here, once for all copies.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import IO, Any

import psutil
import pyarrow.parquet  # noqa: F401
import torch
import torch._dynamo

from lrlab import training
from lrlab.home import lab_home
from lrlab.jobs import local, supervise
from lrlab.runs import Beat, Run, request_stop
from lrlab.training import devices, worker
from lrlab.training.loop import Loop
from lrlab.training.observers import Heartbeat

STOP = "stop while "

AFTER = 2
"""The update after which it happens."""


class Forked:
    """What `subprocess.Popen` is to the local backend, for a worker that is a copy of this process."""

    def __init__(self, command: Any, *, stdout: IO[bytes], env: dict[str, str], **ignored: Any) -> None:
        reads, writes = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(writes)
            _become_worker(reads, stdout.fileno(), env)
        os.close(reads)
        self.stdin = os.fdopen(writes, "wb", buffering=0)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become_worker(reads: int, prints: int, env: dict[str, str]) -> None:
    code = 70
    try:
        os.setsid()
        os.dup2(reads, 0)
        os.dup2(prints, 1)
        os.dup2(prints, 2)
        os.environ.update(env)
        sys.stdin = os.fdopen(0)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        code = training.wait_and_work(lab_home())
    finally:
        os._exit(code)


def befall(run: Run) -> None:
    """Prepares what is to befall `run`."""
    name = run.record.name

    def after_update(self: Heartbeat, loop: Loop) -> None:
        plain(self, loop)
        if loop.step != AFTER:
            return
        if name == "CUDA out of memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        if name == "host out of memory":
            taken = psutil.Process().memory_info().vms
            resource.setrlimit(resource.RLIMIT_AS, (taken + 2**26, taken + 2**26))
            torch.zeros(2**30)
        if name == "killed":
            os.kill(os.getpid(), signal.SIGKILL)

    plain = Heartbeat.after_update
    Heartbeat.after_update = after_update  # type: ignore[method-assign]
    if name.startswith(STOP):
        _stop_while(run, name.removeprefix(STOP))


def _stop_while(run: Run, phase: str) -> None:
    say, batch = Beat.say, Beat.batch

    def look(said: str) -> None:
        if said.startswith(phase) and len(run.record.attempts) == 1:
            request_stop(run)

    def saying(self: Beat, said: str, done: int = 0, total: int = 0) -> None:
        say(self, said, done, total)
        look(said)

    def beating(self: Beat, seconds: float, **values: Any) -> None:
        batch(self, seconds, **values)
        look(values["phase"])

    Beat.say, Beat.batch = saying, beating  # type: ignore[method-assign]


def main() -> None:
    plain = worker.attempt

    def attempt(home: Any, run: Run) -> int:
        befall(run)
        return plain(home, run)

    worker.attempt = attempt
    worker._warm_up = lambda: None  # a copy of a process that has computed may find its threads gone
    devices.MOST_THREADS = 1
    local.subprocess = SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT)  # type: ignore
    supervise(lab_home())


main()
