"""Sees to it that a supervisor is at work: started where none holds the lab's lock, left alone where one does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from filelock import FileLock, Timeout

from lrlab.home import Home
from lrlab.jobs.detached import environment, own_session

SUPERVISOR = (sys.executable, "-m", "lrlab", "supervise")

LOG_SIZE = 1024 * 1024
"""Bytes from which on supervisor.log begins anew with the next supervisor."""

_started: list[subprocess.Popen[bytes]] = []


def ensure_supervisor(home: Home, *, command: Sequence[str] = SUPERVISOR) -> bool:
    """Starts the lab's supervisor unless one is at work; whether it started one. Does not wait for it.

    Below a millisecond where one is at work. Two callers at the same moment may start two: the second leaves at once.
    """
    _started[:] = [process for process in _started if process.poll() is None]  # none stays a zombie of ours
    try:
        with FileLock(home.supervisor_lock, blocking=False):
            pass
    except Timeout:
        return False
    grown = home.supervisor_log.exists() and home.supervisor_log.stat().st_size > LOG_SIZE
    with home.supervisor_log.open("wb" if grown else "ab") as log:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=home.root,
            env=environment(home),
            **own_session(),
        )
    _started.append(process)
    return True
