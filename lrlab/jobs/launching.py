"""Sees to it that a supervisor is at work: started where none holds the lab's lock, left alone where one does."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from filelock import FileLock, Timeout

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.jobs.detached import environment, own_session
from lrlab.jobs.queue import Queue

SUPERVISOR = (sys.executable, "-m", "lrlab", "supervise")

LOG_SIZE = 1024 * 1024
"""Bytes from which on supervisor.log begins anew with the next supervisor."""

LOOK_EVERY = 5.0
"""Seconds between two looks whether a supervisor that is needed is at work."""

LONGEST_PAUSE = 60.0
"""Seconds until the next look, at most, while supervisors do not stay."""

_log = logging.getLogger(__name__)


def ensure_supervisor(home: Home, *, command: Sequence[str] = SUPERVISOR) -> bool:
    """Starts the lab's supervisor unless one is at work; whether it started one. Does not wait for it.

    Below a millisecond where one is at work. Two callers at the same moment may start two: the second leaves at once.
    """
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
    # An ended child stays a zombie until somebody waits for it.
    threading.Thread(target=process.wait, name="supervisor", daemon=True).start()
    return True


def ensure_attended(home: Home) -> bool:
    """As `ensure_supervisor`, where a run waits or a worker has one. LabError where the queue cannot be read."""
    if not home.queue.exists():
        return False
    with Queue(home) as queue:
        needed = queue.run_ids()
    return bool(needed) and ensure_supervisor(home)


async def attend(home: Home, first: float) -> None:
    """Wakes a supervisor after `first` seconds, and for ever replaces one that was killed while it was needed."""
    ensure: Callable[[Home], bool] = ensure_supervisor
    pause = first
    while True:
        await asyncio.sleep(pause)
        try:
            missing = await asyncio.to_thread(ensure, home)
        except (LabError, OSError, sqlite3.Error) as error:  # it may pass, and whoever asks for a run is told
            _log.warning("no supervisor can be seen to: %s", error)
            missing = True
        pause = min(2 * pause, LONGEST_PAUSE) if missing else LOOK_EVERY
        ensure = ensure_attended
