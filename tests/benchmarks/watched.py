"""A process that is started, waited for and watched meanwhile: what memory it holds, with all that it starts, and what
of the processor's time it has had."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

MEGABYTE = 1 << 20
LAST_WORDS = 3000
"""So much of a failed process's output is shown."""


@dataclass(frozen=True)
class Sample:
    """Memory at one moment (unix seconds), in megabytes, of a process and its descendants together.

    `resident`: all pages in memory; libraries and mapped files count, once for each process that has them. `share`: the
    same, each page divided among the processes that have it (PSS), where the system tells; else `resident`.
    `own`: pages that stand for no file: what a program has asked for. `cpu`: seconds that the process computed so far.
    """

    time: float
    resident: float = 0.0
    share: float = 0.0
    own: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True)
class Watched:
    """A process that has ended well; times are unix seconds."""

    began: float
    ended: float
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def peak(self, what: str) -> float:
        """The largest `resident`, `share` or `own`, in megabytes."""
        return max(float(getattr(sample, what)) for sample in self.samples)

    def cpu(self, until: float) -> float:
        """The seconds that the process had computed at a time, between two samples in proportion."""
        return float(np.interp(until, [one.time for one in self.samples], [one.cpu for one in self.samples]))


def watch(command: Sequence[str], cwd: Path, environment: Mapping[str, str], every: float = 0.5) -> Watched:
    """Runs `command` to its end, a sample every so many seconds. SystemExit with its last words where it fails."""
    samples = []
    with tempfile.TemporaryFile() as output:
        before, began = _computed_by_children(), time.time()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                samples.append(_sample(process.pid))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(every)
            ended = time.time()
        finally:
            process.kill()
        if process.returncode:
            output.seek(0)
            words = output.read().decode(errors="replace")[-LAST_WORDS:]
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{words}")
    samples.append(replace(samples[-1], time=ended, cpu=_computed_by_children() - before))
    return Watched(began, ended, tuple(samples))


def _sample(pid: int) -> Sample:
    total = Sample(time.time())
    with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):  # it may end while it is looked at
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            resident, share, own = _memory(process)
            total = Sample(total.time, total.resident + resident, total.share + share, total.own + own, total.cpu)
        times = first.cpu_times()
        total = replace(total, cpu=times.user + times.system)
    return total


def _computed_by_children() -> float:
    """Seconds that all processes computed which this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(process: psutil.Process) -> tuple[float, float, float]:
    """Resident, share and own, in megabytes."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup")
    if not rollup.exists():
        full = process.memory_full_info()
        return full.rss / MEGABYTE, full.rss / MEGABYTE, full.uss / MEGABYTE
    lines = dict(line.split(":", 1) for line in rollup.read_text().splitlines()[1:])
    resident, share, own = (int(lines[name].split()[0]) / 1024 for name in ("Rss", "Pss", "Anonymous"))
    return resident, share, own
