"""Who a process is. A PID alone is reused; boot, PID and start time together are not.

On Linux the start is counted from the boot: psutil adds the wall clock's idea of the boot time, which moves by a second
when the clock is set, and a living worker must not look like another process then.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict


class Identity(BaseModel):
    """One process of one boot of one machine; `started` is its start, in seconds since the boot (Linux)
    or since 1970 (elsewhere).
    """

    model_config = ConfigDict(frozen=True)

    boot_id: str
    pid: int
    started: float


def boot_id() -> str:
    """A text that changes with every boot of this machine."""
    linux = Path("/proc/sys/kernel/random/boot_id")
    return linux.read_text().strip() if linux.exists() else f"{psutil.boot_time():.0f}"


def identity(pid: int | None = None) -> Identity:
    """The identity of `pid` (default: this process); psutil.NoSuchProcess if there is none."""
    process = psutil.Process(os.getpid() if pid is None else pid)
    return Identity(boot_id=boot_id(), pid=process.pid, started=_started(process))


def _started(process: psutil.Process) -> float:
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # no Linux, or gone meanwhile
        return process.create_time()
    # The name in parentheses may hold anything; after it, the 20th field is the start in clock ticks (man 5 proc).
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def find(known: Identity) -> psutil.Process | None:
    """The living process that `known` names, or None if it ended (a zombie counts as ended)."""
    if known.boot_id != boot_id():
        return None
    try:
        process = psutil.Process(known.pid)
        same = abs(_started(process) - known.started) < 0.01
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def is_alive(known: Identity) -> bool:
    """Whether the process that `known` names still lives."""
    return find(known) is not None
