"""What serving costs: how long tests of faults go on, and what a process uses meanwhile."""

from __future__ import annotations

import os
import threading
import time

import psutil

LONG = os.environ.get("LRLAB_LONG") == "1"
"""Whether the long setting was asked for: what takes minutes, and figures that are held to their promise."""

MB = 1024**2


class Usage:
    """Samples what one process uses, in a thread of its own, until `stop`: `memory` as (seconds, bytes resident)."""

    def __init__(self, pid: int, every: float = 0.1) -> None:
        self._process, self._every = psutil.Process(pid), every
        self.memory: list[tuple[float, int]] = []
        self._cpu, self._began = self._used(), time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """Ends the sampling; `cpu` is then the share of one core that was used, 1.0: all of it."""
        self.seconds = time.monotonic() - self._began
        self.cpu = (self._used() - self._cpu) / self.seconds
        self._over.set()
        self._thread.join()
        return self

    @property
    def peak(self) -> int:
        return max(size for _, size in self.memory)

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.memory.append((time.monotonic() - self._began, self._process.memory_info().rss))
            except psutil.NoSuchProcess:
                return
            self._over.wait(self._every)
