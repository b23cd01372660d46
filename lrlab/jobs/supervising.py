"""A supervisor's process: one at a time has the lab's lock, and looks again and again until nobody needs it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence

from filelock import FileLock, Timeout

from lrlab.home import Home
from lrlab.jobs.local import WORKER, Local
from lrlab.jobs.queue import Queue
from lrlab.jobs.supervisor import Supervisor
from lrlab.settings import Followed, supervisor_idle

TICK = 0.1
"""Seconds between two looks at the queue and the workers; a look costs some ten microseconds."""

TROUBLE_PAUSE = 5.0
"""Seconds until the next look after the disk or the database refused."""

_log = logging.getLogger(__name__)


def supervise(home: Home, *, command: Sequence[str] = WORKER) -> bool:
    """Runs the lab's supervisor until it has been idle long enough; False at once where another one is at work.

    Environment: LRLAB_JOBS (runs at a time on the CPU), LRLAB_IDLE_SECONDS. `command` starts a worker that waits.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor %(process)d: %(message)s")
    idle = Followed(home, supervisor_idle)
    backend = Local(home, command=command)
    lock = FileLock(home.supervisor_lock)
    try:
        # Whoever asks whether a supervisor is needed holds the lock for a moment.
        lock.acquire(timeout=2)
    except Timeout:
        return False
    try:
        with Queue(home) as queue:
            supervisor = Supervisor(home, queue, backend, idle=idle)
            supervisor.take_over()
            _log.info("begins")
            while not _may_leave(supervisor, queue, lock):
                try:
                    supervisor.tick()
                    time.sleep(TICK)
                except (OSError, sqlite3.OperationalError):  # a full disk, no process to be had: it may pass
                    _log.exception("something refused; the next look is in %.0f s", TROUBLE_PAUSE)
                    time.sleep(TROUBLE_PAUSE)
            _log.info("leaves: nothing to do for %.0f s", idle())
        return True
    finally:
        backend.close()
        lock.release()


def _may_leave(supervisor: Supervisor, queue: Queue, lock: FileLock) -> bool:
    """Whether the supervisor is idle and nobody relied on it at the last moment.

    Who queues a run looks at the lock afterwards, so we let go of it before the last look at the queue: either they
    find no supervisor and start one, or we find their run.
    """
    if not supervisor.idle():
        return False
    lock.release()
    if not queue.waiting():
        return True
    try:
        lock.acquire(timeout=2)  # the doctor may have it for a moment
    except Timeout:
        return True  # they have started another one already
    return False
