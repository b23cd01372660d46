"""The lab at a moment: its machine, its own processes, which runs are at work, wait and ended last, and its disk."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from lrlab.disk import DiskUse, disk_use, is_measuring
from lrlab.errors import NotFound
from lrlab.home import Home
from lrlab.jobs.machine import Machine, Meter
from lrlab.jobs.processes import Census, Process
from lrlab.jobs.queue import Queue
from lrlab.runs import FINAL, list_runs
from lrlab.settings import Settings, at_a_time, helper_idle, settings, supervisor_idle

LATELY = 5
"""So many of the runs that ended last are told, of those that a person sees."""


@dataclass(frozen=True, slots=True)
class Past:
    """A run that has ended: its id, and what says who sees it."""

    id: str
    owner: str
    shared: bool


@dataclass(frozen=True)
class Lab:
    """One look. `running` and `waiting` are run ids: as they were given out, the next one first. `ended`: every run
    that has, the newest first. `disk` is None until it was measured once; `free`: bytes left on the disk that the lab
    lies on.

    `at_a_time`: the runs that the CPU is given at a time. `supervisor_idle`, `helper_idle`: seconds after which these
    leave where nothing is asked of them.
    """

    machine: Machine
    processes: tuple[Process, ...]
    running: tuple[str, ...]
    waiting: tuple[str, ...]
    ended: tuple[Past, ...]
    disk: DiskUse | None
    measuring: bool
    free: int
    settings: Settings
    at_a_time: int
    supervisor_idle: float
    helper_idle: float

    def lately(self, seen: Callable[[Past], bool] = lambda run: True) -> tuple[str, ...]:
        """The ids of the five that ended last, of those that whoever asks has `seen`."""
        return tuple(run.id for run in islice(filter(seen, self.ended), LATELY))


class Watch:
    """Looks at a lab again and again, for whoever asks; a look of a moment ago is given to all who ask meanwhile.

    `server`: this process serves its pages. `every`: seconds for which the machine and the processes are not looked at
    anew. `fresh`: seconds for which nothing is. What a look costs does not depend on what lies on the disk.
    """

    def __init__(self, home: Home, *, server: bool = False, every: float = 0.0, fresh: float = 0.0) -> None:
        self._home, self._every, self._fresh = home, every, fresh
        self._lock = threading.Lock()
        self._lab: tuple[float, Lab] | None = None
        self._meter, self._census = Meter(), Census(home, server=server)
        self._looked = float("-inf")
        self._machine: Machine | None = None
        self._processes: tuple[Process, ...] = ()
        self._known: object = None
        self._ended: tuple[Past, ...] = ()

    def look(self) -> Lab:
        """The lab now; LabError where its settings have a fault."""
        with self._lock:
            now = time.monotonic()
            if self._lab is None or now - self._lab[0] >= self._fresh:
                self._lab = now, self._look()
            return self._lab[1]

    def _look(self) -> Lab:
        with Queue(self._home) as queue:
            running, waiting = tuple(job.run_id for job in queue.claimed()), tuple(queue.order())
        now = time.monotonic()
        if self._machine is None or now - self._looked >= self._every:
            self._machine, self._processes = self._meter.look(), tuple(self._census.look())
            self._looked, self._known = now, None
        return Lab(
            machine=self._machine,
            processes=self._processes,
            running=running,
            waiting=waiting,
            ended=self._past((*running, *waiting)),
            disk=disk_use(self._home),
            measuring=is_measuring(self._home),
            free=shutil.disk_usage(self._home.root).free,
            settings=settings(self._home),
            at_a_time=at_a_time(self._home),
            supervisor_idle=supervisor_idle(self._home),
            helper_idle=helper_idle(self._home),
        )

    def _past(self, queued: tuple[str, ...]) -> tuple[Past, ...]:
        """The runs that have ended, found anew with the processes, and where the queue or the runs' folder changed."""
        known = (queued, self._home.runs.stat().st_mtime_ns)
        if known != self._known:
            ended: list[tuple[float, Past]] = []
            for run in list_runs(self._home, None):
                with suppress(NotFound):  # deleted since it was listed
                    record = run.record
                    if record.state in FINAL and run.id not in queued:
                        past = Past(run.id, record.owner, record.shared)
                        ended.append((record.ended or record.created, past))
            ended.sort(key=lambda when: (when[0], when[1].id), reverse=True)
            self._ended = tuple(past for _, past in ended)
            self._known = known
        return self._ended
