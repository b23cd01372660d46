"""What a supervisor does: gives waiting runs to workers, sees to stops, and writes down what workers could not.

It holds nothing that it could not read again: the queue says which worker has which run, run.json how far it is, so
that its end at any moment loses no run and the next one starts none twice.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.jobs.backend import Backend, Ended
from lrlab.jobs.queue import Job, Queue
from lrlab.jobs.requeueing import requeue
from lrlab.jobs.settling import has_worker, settle
from lrlab.jobs.slots import Slot
from lrlab.process import is_alive
from lrlab.runs import FINAL, Beat, Run, list_runs, load_run, revise, stop_forced, stop_requested, stop_requested_at
from lrlab.runs.heartbeat import Heartbeat

STOP_GRACE = 20.0
"""Seconds that a worker which was asked to stop may be silent, or twice its slowest batch where that is longer, before
its process is asked to end."""

STOP_MOST = 30 * 60.0
"""Seconds after which it is asked to end however lively it is."""

TERMINATE_GRACE = 5.0
"""Seconds that its process may then take before it is killed."""

SPARE_PAUSE = 10.0
"""Seconds after a run was started before the next worker is warmed, where no slot is free: the run starts first."""

IDLE = 15 * 60.0
"""Seconds without any run after which a supervisor leaves that nobody told otherwise (lrlab.settings); where they are 0
no worker is kept warm."""

MOST_CLAIMS = 3
"""Workers that a run is given before it counts as one that no worker survives."""

LEAVE_GRACE = 20.0
"""Seconds that a worker's process may take to go after it wrote how its run ended."""

_log = logging.getLogger(__name__)


@dataclass
class _Work:
    """A run that a worker has."""

    job: Job
    run: Run
    changed: int | None = None
    """When run.json was changed last, as far as it was read, in nanoseconds."""
    asked: bool = False
    """Whether the worker's process was asked to end."""
    killed: bool = False

    def recorded_end(self) -> bool:
        """Whether the worker has written how its run ended; reads run.json only where it changed."""
        try:
            changed = (self.run.folder / "run.json").stat().st_mtime_ns
            if changed == self.changed:
                return False
            self.changed = changed
            return self.run.record.state in FINAL
        except (FileNotFoundError, LabError):  # what became of it is seen when its worker has ended
            return False


class Supervisor:
    """The loop's body, apart from the loop: `take_over()` once, then `tick()` again and again."""

    def __init__(
        self,
        home: Home,
        queue: Queue,
        backend: Backend,
        *,
        stop_grace: float = STOP_GRACE,
        idle: Callable[[], float] = lambda: IDLE,
    ) -> None:
        self._home = home
        self._queue = queue
        self._backend = backend
        self._stop_grace = stop_grace
        self._idle = idle
        self._work: dict[str, _Work] = {}
        self._leaving: dict[str, float] = {}  # ticket of a worker that has done its run: when it is killed
        self._seen: tuple[int, Sequence[Slot]] | None = None
        """The queue's version and the slots when runs were given out last."""
        self._started = float("-inf")
        self._last_busy = time.monotonic()
        self._warm: str | None = None

    def take_over(self) -> None:
        """Finds the workers that an earlier supervisor left, and repairs what the queue and the runs say otherwise."""
        self._queue.set_spare(None)
        known = self._queue.run_ids()
        for run in reversed(list_runs(self._home, None)):
            if run.id not in known:
                self._repair(run)
        for job in self._queue.claimed():
            self._work[job.run_id] = self._take(job)

    def tick(self) -> None:
        """One look: settles what has ended, sees to stops, starts what waits, keeps a worker warm."""
        settled = False
        for run_id, work in list(self._work.items()):
            ended = self._backend.status(work.job.worker)
            if ended is not None:
                self._settle(work.job, ended)
            elif work.recorded_end():
                # Leaving takes a process with torch in it seconds; the next run need not wait for that.
                self._leaving[work.job.worker] = time.monotonic() + LEAVE_GRACE
                self._queue.remove(run_id)
            else:
                self._see_to_stop(work)
                continue
            del self._work[run_id]
            settled = True
        settled = self._see_off() or settled
        seen = self._queue.data_version(), self._backend.slots()
        if settled or seen != self._seen:
            self._start_waiting()
            self._seen = seen  # not before: what was refused is tried again
        self._tend_spare()

    def idle(self) -> bool:
        """Whether nothing has been queued or running for the stated time, and every worker has left.

        The next supervisor knows of none that is leaving, and would give its GPU out.
        """
        now = time.monotonic()
        if self._work or self._leaving or self._queue.waiting():
            self._last_busy = now
            return False
        return now - self._last_busy >= self._idle()

    def _repair(self, run: Run) -> None:
        """A run that the queue does not know: it waits again, or has ended without anybody's writing so."""
        record = run.record
        if record.state == "queued" and not stop_requested(run):
            requeue(self._queue, record)
        elif record.state in FINAL:
            return
        elif not has_worker(record):
            _log.info("run %s: nobody has it", run.id)
            settle(run, Ended(None), "")
        elif is_alive(record.attempts[-1].identity):
            _log.info("run %s: the queue did not know that it has a worker", run.id)
            requeue(self._queue, record)

    def _settle(self, job: Job, ended: Ended) -> None:
        _log.info("run %s: its worker ended with code %s", job.run_id, ended.code)
        try:
            run = load_run(job.run_id, self._home)
            record = run.record
            # Nobody saw how it ended, and it had not begun: its supervisor was gone before it got the run.
            if ended.code is None and record.state == "queued" and job.claims < MOST_CLAIMS and not stop_requested(run):
                self._queue.put_back(job.run_id)
                self._backend.forget(job.worker)
                return
            tail = self._backend.log_tail(job.worker, job.run_id)
            settle(run, ended, tail, self._backend.identity(job.worker))
        except NotFound:
            _log.info("run %s: was deleted", job.run_id)
        except LabError as error:
            _log.error("run %s: %s", job.run_id, error)
        self._queue.remove(job.run_id)
        self._backend.forget(job.worker)

    def _see_off(self) -> bool:
        """Forgets the workers that have left since they ended their run; whether there were any."""
        before = len(self._leaving)
        for ticket, deadline in list(self._leaving.items()):
            if self._backend.status(ticket) is not None:
                self._backend.forget(ticket)
                del self._leaving[ticket]
            elif time.monotonic() >= deadline:
                self._backend.cancel(ticket, force=True)
        return len(self._leaving) < before

    def _take(self, job: Job) -> _Work:
        return _Work(job, Run(job.run_id, self._home.runs / job.run_id))

    def _see_to_stop(self, work: _Work) -> None:
        if work.killed:
            return
        asked_at = stop_requested_at(work.run)
        if asked_at is None:
            return
        late = math.inf if stop_forced(work.run) else self._late(asked_at, work.run.heartbeat)
        if late >= TERMINATE_GRACE:
            work.killed = True
            self._backend.cancel(work.job.worker, force=True)
        elif late >= 0 and not work.asked:
            work.asked = True
            self._backend.cancel(work.job.worker, force=False)

    def _late(self, asked_at: float, heartbeat: Heartbeat | None) -> float:
        """Seconds since a worker should have stopped that was asked to at `asked_at`; below 0 it has time left."""
        waited = time.time() - asked_at
        if heartbeat is None:
            return waited - self._stop_grace
        # One that finishes a batch or saves what it has tells so, and is waited for.
        silent = min(waited, time.time() - heartbeat.time)
        return max(silent - max(self._stop_grace, 2 * heartbeat.slowest_batch), waited - STOP_MOST)

    def _free(self) -> list[Slot]:
        """The slots that no run has, those with a GPU first. A GPU's memory is free once its last worker has left."""
        taken = Counter(self._backend.gpu(work.job.worker) for work in self._work.values())
        taken.update(gpu for ticket in self._leaving if (gpu := self._backend.gpu(ticket)))
        free = []
        for slot in self._backend.slots():
            if taken[slot.gpu]:
                taken[slot.gpu] -= 1
            else:
                free.append(slot)
        return free

    def _start_waiting(self) -> None:
        for slot in self._free():
            while self._queue.waiting(slot.takes):
                if self._start_next(slot):
                    break

    def _start_next(self, slot: Slot) -> bool:
        """Gives the next run to a worker in `slot`; False where it was none to start, and another is to be tried."""
        worker = self._backend.prepare(slot)
        job = self._queue.claim(worker, slot.takes)
        if job is None:  # the last one was withdrawn between the two lines
            return False
        try:
            if not self._may_start(job):
                self._queue.remove(job.run_id)
                return False
        except OSError:
            self._queue.put_back(job.run_id)
            raise
        self._backend.submit(worker, job.run_id)
        self._work[job.run_id] = self._take(job)
        self._started = time.monotonic()
        _log.info("run %s: given to a worker%s", job.run_id, f" on {slot.gpu}" if slot.gpu else "")
        return True

    def _may_start(self, job: Job) -> bool:
        """Whether the run is there and nobody began, ended or stopped it; says so where a person waits for it."""
        try:
            run = load_run(job.run_id, self._home)
            if run.record.state != "queued":
                settle(run, Ended(None), "")
                return False
            if stop_requested(run):
                revise(run, lambda record: {"state": "cancelled", "ended": time.time()})
                return False
        except LabError as error:
            _log.error("run %s is not started: %s", job.run_id, error)
            return False
        Beat(run).say("starting worker")
        return True

    def _tend_spare(self) -> None:
        self._backend.keep_warm(self._next_slot())
        warm = self._backend.warm()
        if warm != self._warm:
            self._warm = warm
            self._queue.set_spare(warm)

    def _next_slot(self) -> Slot | None:
        """The slot in which a worker is to wait for the next run; None where nothing is to be kept warm."""
        if not self._idle():
            return None
        first = self._backend.slots()[0]
        # Where there are GPUs the next run most likely takes one: torch is not imported beside it for the CPU alone.
        if free := [slot for slot in self._free() if slot.gpu or not first.gpu]:
            return free[0]
        just_started = time.monotonic() - self._started < SPARE_PAUSE
        return None if first.gpu or just_started else first  # a GPU's memory is all its run's
