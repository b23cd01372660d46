"""The lab's own processes on this machine: what each is for, and what it takes of memory and CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from lrlab.home import Home
from lrlab.jobs.queue import Queue
from lrlab.process import Identity

Role = Literal["server", "supervisor", "worker", "warm worker", "other worker", "helper", "import"]

_VERBS: dict[str, Role] = {"supervise": "supervisor", "work": "worker", "answer": "helper", "import": "import"}


@dataclass(frozen=True)
class Process:
    """One process. `run`: the run that a worker has. `memory`: the bytes that its end would give back; what it has of
    files beside (libraries, decoded images) is shared, and the system's to give up. `load`: in cores, None at the first
    look. `started`: unix seconds."""

    pid: int
    role: Role
    run: str
    memory: int
    load: float | None
    started: float


class Census:
    """Looks at the processes again and again. What one costs is read off each time; which one is which, once."""

    def __init__(self, home: Home, *, server: bool = False) -> None:
        """`server`: this process serves the pages, and is one of them."""
        self._home = home
        self._server = server
        self._known: dict[tuple[int, float], Role | None] = {}
        self._times: dict[tuple[int, float], tuple[float, float]] = {}

    def look(self) -> list[Process]:
        """Those of this lab, in the order in which they began."""
        with Queue(self._home) as queue:
            runs = {Identity.model_validate_json(job.worker).pid: job.run_id for job in queue.claimed()}
            spare = queue.spare()
        warm = Identity.model_validate_json(spare).pid if spare else None
        found, seen = [], set()
        for process, role in self._own():
            key = (process.pid, process.create_time())
            seen.add(key)
            if role == "worker" and process.pid not in runs:
                role = "warm worker" if process.pid == warm else "other worker"
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied), process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                memory, load = _own_memory(process), self._load(key, process)
                found.append(Process(process.pid, role, runs.get(process.pid, ""), memory, load, key[1]))
        self._times = {key: times for key, times in self._times.items() if key in seen}
        return sorted(found, key=lambda one: one.started)

    def _own(self) -> Iterator[tuple[psutil.Process, Role]]:
        known = {}
        for process in psutil.process_iter():
            try:
                key = (process.pid, process.create_time())
                known[key] = self._known[key] if key in self._known else self._role(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            role = known[key]
            if role:
                yield process, role
        self._known = known

    def _role(self, process: psutil.Process) -> Role | None:
        """What the process does for this lab; None for every other one. Which it is stands in how it was started."""
        if process.pid == os.getpid():
            return "server" if self._server else None
        line = process.cmdline()
        place = line.index("-m") if "-m" in line else len(line)
        if line[place + 1 : place + 2] != ["lrlab"] or len(line) < place + 3:
            return None
        role = _VERBS.get(line[place + 2])
        named = process.environ().get("LRLAB_HOME") if role else None
        return role if named and Path(named) == self._home.root else None

    def _load(self, key: tuple[int, float], process: psutil.Process) -> float | None:
        spent, now = sum(process.cpu_times()[:2]), time.monotonic()
        before = self._times.get(key)
        self._times[key] = (spent, now)
        if before is None or now <= before[1]:
            return None
        return max(0.0, (spent - before[0]) / (now - before[1]))


def _own_memory(process: psutil.Process) -> int:
    """Without what is mapped from files, where the system tells that apart."""
    told = process.memory_info()
    return int(told.rss - getattr(told, "shared", 0))
