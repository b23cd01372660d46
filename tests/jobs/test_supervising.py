"""A supervisor that has nothing to do leaves, unless somebody relied on it at the last moment."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from filelock import FileLock

from lrlab.jobs.queue import Queue
from lrlab.jobs.supervising import _may_leave


@pytest.mark.parametrize(
    ("idle", "waits", "leaves"), [(False, False, False), (True, False, True), (True, True, False)]
)  # fmt: skip
def test_it_leaves_where_nothing_waits(home, enqueue, idle, waits, leaves):
    if waits:
        enqueue()
    with Queue(home) as queue, FileLock(home.supervisor_lock) as lock:
        assert _may_leave(SimpleNamespace(idle=lambda: idle), queue, lock) == leaves
        assert lock.is_locked == (not leaves)


def test_whoever_has_the_lock_for_a_moment_is_not_taken_for_another_supervisor(home, enqueue):
    """Such as the doctor, who looks at the queue."""
    enqueue()
    doctor = FileLock(home.supervisor_lock, thread_local=False)
    with Queue(home) as queue, FileLock(home.supervisor_lock) as lock:

        def idle() -> bool:
            lock.release()
            doctor.acquire()
            threading.Timer(0.1, doctor.release).start()
            return True

        assert not _may_leave(SimpleNamespace(idle=idle), queue, lock)
        assert lock.is_locked
