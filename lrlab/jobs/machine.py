"""The machine that the lab lies on: its CPU and GPUs, how busy they are, and their memory. Known without torch."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from lrlab.jobs.gpus import look_at_gpus

CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Device:
    """One device at a moment. `load`: how busy, 0 to 1, all cores of the CPU together; None where it is not known.

    `memory_used` of `memory_total`: bytes; of a GPU its own memory, of the CPU the machine's, or what this container
    was given of it. Used is what no other program could have.
    """

    kind: Literal["cpu", "gpu"]
    name: str
    load: float | None
    memory_used: int | None
    memory_total: int | None


@dataclass(frozen=True)
class Machine:
    """`devices`: the CPU first. `gpus`: why no GPU is among them, a sentence; empty where one is."""

    devices: tuple[Device, ...]
    gpus: str


class Meter:
    """Looks at the machine again and again; a load is the mean since the look before, so the first has none."""

    def __init__(self) -> None:
        self._busy: tuple[float, float] | None = None

    def look(self) -> Machine:
        found, why = look_at_gpus()
        names = [f"GPU {number}: {gpu.name}" if len(found) > 1 else gpu.name for number, gpu in enumerate(found)]
        gpus = [
            Device("gpu", name, gpu.load, gpu.memory_used, gpu.memory_total)
            for name, gpu in zip(names, found, strict=True)
        ]
        used, total = _memory()
        return Machine((Device("cpu", cpu_name(), self._load(), used, total), *gpus), why)

    def _load(self) -> float | None:
        times = psutil.cpu_times()
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # user has those in it
        busy = whole - times.idle - getattr(times, "iowait", 0.0)
        before, self._busy = self._busy, (busy, whole)
        if before is None or whole <= before[1]:
            return None
        return min(1.0, max(0.0, (busy - before[0]) / (whole - before[1])))


def cpu_name() -> str:
    """The CPU as its maker calls it, and how many of its cores this process may use: "EPYC 7B13, 2 cores"."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = f"{count} core{'s' if count > 1 else ''}"
    name = platform.processor()
    with suppress(FileNotFoundError):  # on Linux `platform` has only the architecture
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {cores}" if name else cores


def _memory() -> tuple[int, int]:
    """Bytes in use, and in all."""
    whole = psutil.virtual_memory()
    limit, current = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    if limit is None or current is None or limit >= whole.total:
        return whole.total - whole.available, whole.total
    return max(0, current - _file_cache()), limit


def _file_cache() -> int:
    """What of a container's memory only remembers files, which is given up as soon as somebody needs it."""
    with suppress(OSError):
        for line in (CGROUP / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    return 0


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):  # no such file, or "max": no limit
        return int(path.read_text())
    return None
