"""Workers as processes of this machine: each in a session of its own, one kept warm for the next run."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from lrlab.errors import NotFound
from lrlab.home import Home
from lrlab.jobs.backend import Ended
from lrlab.jobs.detached import environment, give_way, own_session
from lrlab.process import Identity, find, identity, is_alive
from lrlab.runs import load_run

WORKER = (sys.executable, "-m", "lrlab", "work", "--wait")

READY = b"ready"
"""The line that a waiting worker prints once it has imported all it needs."""

TAIL_LINES, TAIL_CHARACTERS = 3, 600

LOOK_EVERY = 1.0
"""Seconds between two looks at a worker that another supervisor started; our own cost nothing to ask."""

LONGEST_PAUSE = 60.0
"""Seconds until the next warm worker is tried, at most, while they die before they were given a run."""

_log = logging.getLogger(__name__)


class Local:
    """The local backend. `command` starts a worker that waits; `slots` is how many may have a run at a time."""

    def __init__(self, home: Home, *, slots: int = 1, command: Sequence[str] = WORKER) -> None:
        self._home = home
        self._slots = slots
        self._command = list(command)
        self._children: dict[str, _Child] = {}
        self._adopted: dict[str, float] = {}  # ticket: when we looked last
        self._spare: str | None = None
        self._deaths = 0
        self._try_again = float("-inf")

    def capacity(self) -> int:
        return self._slots

    def prepare(self) -> str:
        if self._spare is not None and self._children[self._spare].process.poll() is not None:
            self._bury_spare()
        if self._spare is None:
            self._spare = self._start()
        return self._spare

    def submit(self, ticket: str, run_id: str) -> None:
        child = self._children[ticket]
        self._spare, self._deaths = None, 0
        # A worker that died while it waited takes nothing; `status` tells of its end like of any other.
        with suppress(BrokenPipeError):
            child.stdin.write(f"{run_id}\n".encode())
            child.stdin.flush()
        with suppress(BrokenPipeError):
            child.stdin.close()

    def status(self, ticket: str) -> Ended | None:
        child = self._children.get(ticket)
        if child is not None:
            code = child.process.poll()
            return None if code is None else Ended(code)
        now = time.monotonic()
        if now - self._adopted.get(ticket, float("-inf")) < LOOK_EVERY:
            return None
        self._adopted[ticket] = now
        return None if is_alive(Identity.model_validate_json(ticket)) else Ended(None)

    def cancel(self, ticket: str, *, force: bool) -> None:
        child = self._children.get(ticket)
        process = child.process if child else find(Identity.model_validate_json(ticket))
        if process is None:
            return
        # Popen signals no child that it has reaped, psutil none whose start time is another's.
        with suppress(psutil.NoSuchProcess):
            process.kill() if force else process.terminate()

    def log_tail(self, ticket: str, run_id: str) -> str:
        try:
            printed = _end_of(load_run(run_id, self._home).worker_log)
        except (FileNotFoundError, NotFound):
            printed = b""
        child = self._children.get(ticket)
        return _last_lines(printed or (child.printed() if child else b""))

    def forget(self, ticket: str) -> None:
        self._adopted.pop(ticket, None)
        child = self._children.pop(ticket, None)
        if child:
            child.output.close()

    def keep_warm(self) -> None:
        if self._spare is not None and self._children[self._spare].process.poll() is not None:
            self._bury_spare()
        if self._spare is None and time.monotonic() >= self._try_again:
            self._spare = self._start()

    def warm(self) -> str | None:
        if self._spare is None:
            return None
        child = self._children[self._spare]
        return self._spare if child.process.poll() is None and child.is_ready() else None

    def close(self) -> None:
        if self._spare is not None:
            self._children[self._spare].stdin.close()  # the end of its input ends it
            self._spare = None

    def _start(self) -> str:
        # A file and no pipe: a worker must be able to print when this supervisor is gone.
        with tempfile.NamedTemporaryFile(prefix="lrlab-worker-", delete=False) as printing:
            output = Path(printing.name).open("rb")  # noqa: SIM115 - open as long as the worker lives
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=printing,
                stderr=subprocess.STDOUT,
                cwd=self._home.root,
                env=environment(self._home),
                **own_session(),
            )
        with suppress(PermissionError):  # Windows keeps the name while the file is open
            Path(printing.name).unlink()
        give_way(process.pid)
        ticket = identity(process.pid).model_dump_json()
        self._children[ticket] = _Child(process, output)
        return ticket

    def _bury_spare(self) -> None:
        """Takes note of a worker that ended before it was given a run, and lets some time pass before the next."""
        ticket, self._spare = self._spare, None
        assert ticket is not None
        self._deaths += 1
        self._try_again = time.monotonic() + min(LONGEST_PAUSE, 2.0**self._deaths)
        child = self._children[ticket]
        _log.error("a waiting worker ended with code %s: %s", child.process.returncode, _last_lines(child.printed()))
        self.forget(ticket)


@dataclass
class _Child:
    """A worker that this process started; `output` reads what it prints before it turns to its run's worker.log."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    ready: bool = False

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def printed(self) -> bytes:
        self.output.seek(0)
        return self.output.read()

    def is_ready(self) -> bool:
        self.ready = self.ready or READY in (line.strip() for line in self.printed().splitlines())
        return self.ready


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 16 * 1024))
        return file.read()


def _last_lines(printed: bytes) -> str:
    lines = [line.strip() for line in printed.decode(errors="replace").splitlines()]
    kept = [line for line in lines if line and line != READY.decode()][-TAIL_LINES:]
    return "\n".join(kept)[-TAIL_CHARACTERS:]
