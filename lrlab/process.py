"""Who a process is. A PID alone is reused; boot, PID and start time together are not."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict


class Identity(BaseModel):
    """One process of one boot of one machine; `started` is its start time (unix seconds)."""

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
    return Identity(boot_id=boot_id(), pid=process.pid, started=process.create_time())


def find(known: Identity) -> psutil.Process | None:
    """The living process that `known` names, or None if it ended (a zombie counts as ended)."""
    if known.boot_id != boot_id():
        return None
    try:
        process = psutil.Process(known.pid)
        same = abs(process.create_time() - known.started) < 0.01
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def is_alive(known: Identity) -> bool:
    """Whether the process that `known` names still lives."""
    return find(known) is not None
