"""Workers as processes of this machine: each in a session of its own, in a slot, one kept warm for the next run."""

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
from lrlab.jobs.requeueing import Ticket
from lrlab.jobs.slots import Slot, slots, visible_gpus
from lrlab.process import Identity, find, identity, is_alive
from lrlab.runs import last_lines, load_run
from lrlab.runs.printed import READY, shortened
from lrlab.settings import Followed, at_a_time

WORKER = (sys.executable, "-m", "lrlab", "work", "--wait")

LOOK_EVERY = 1.0
"""Seconds between two looks at a worker that another supervisor started; our own cost nothing to ask."""

LONGEST_PAUSE = 60.0
"""Seconds until the next warm worker is tried, at most, while they die before they were given a run."""

_log = logging.getLogger(__name__)


class Local:
    """The local backend. `command` starts a worker that waits.

    LabError where LRLAB_JOBS or lab.toml holds what is not allowed; what goes wrong there later leaves the slots as
    they are, and is logged.
    """

    def __init__(self, home: Home, *, command: Sequence[str] = WORKER) -> None:
        self._home = home
        self._command = list(command)
        self._gpus = visible_gpus()
        self._at_a_time = Followed(home, at_a_time)
        self._children: dict[str, _Child] = {}
        self._adopted: dict[str, float] = {}  # ticket: when we looked last
        self._spares: dict[Slot, str] = {}
        self._let_gone: list[_Child] = []  # asked about until they have ended, lest they stay zombies
        self._deaths = 0
        self._try_again = float("-inf")

    def slots(self) -> Sequence[Slot]:
        return slots(self._at_a_time(), self._gpus)

    def identity(self, ticket: str) -> Identity:
        return Identity.model_validate_json(ticket)

    def gpu(self, ticket: str) -> str:
        return Ticket.model_validate_json(ticket).gpu

    def prepare(self, slot: Slot) -> str:
        self._bury(slot)
        return self._spares.get(slot) or self._start(slot)

    def submit(self, ticket: str, run_id: str) -> None:
        child = self._children[ticket]
        self._spares = {slot: spare for slot, spare in self._spares.items() if spare != ticket}
        self._deaths = 0
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
            printed = last_lines(load_run(run_id, self._home).worker_log)
        except NotFound:
            printed = ""
        child = self._children.get(ticket)
        return printed or (shortened(child.printed()) if child else "")

    def forget(self, ticket: str) -> None:
        self._adopted.pop(ticket, None)
        child = self._children.pop(ticket, None)
        if child:
            child.output.close()

    def keep_warm(self, slot: Slot | None) -> None:
        for other in [other for other in self._spares if other != slot]:
            self._let_go(self._spares.pop(other))
        self._let_gone = [child for child in self._let_gone if child.process.poll() is None]
        if slot is None:
            return
        self._bury(slot)
        if slot not in self._spares and time.monotonic() >= self._try_again:
            self._start(slot)

    def warm(self) -> str | None:
        for ticket in self._spares.values():
            child = self._children[ticket]
            if child.process.poll() is None and child.is_ready():
                return ticket
        return None

    def close(self) -> None:
        self.keep_warm(None)

    def _start(self, slot: Slot) -> str:
        # A file and no pipe: a worker must be able to print when this supervisor is gone.
        with tempfile.NamedTemporaryFile(prefix="lrlab-worker-", delete=False) as printing:
            output = Path(printing.name).open("rb")  # noqa: SIM115 - open as long as the worker lives
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=printing,
                stderr=subprocess.STDOUT,
                cwd=self._home.root,
                env={**environment(self._home), **slot.environment},
                **own_session(),
            )
        with suppress(PermissionError):  # Windows keeps the name while the file is open
            Path(printing.name).unlink()
        give_way(process.pid)
        ticket = Ticket(**identity(process.pid).model_dump(), gpu=slot.gpu).model_dump_json()
        self._children[ticket] = _Child(process, output)
        self._spares[slot] = ticket
        return ticket

    def _let_go(self, ticket: str) -> None:
        child = self._children.pop(ticket)
        child.stdin.close()  # the end of its input ends it
        child.output.close()
        self._let_gone.append(child)

    def _bury(self, slot: Slot) -> None:
        """Takes note of a worker that ended before it was given a run, and lets some time pass before the next."""
        ticket = self._spares.get(slot)
        if ticket is None or self._children[ticket].process.poll() is None:
            return
        del self._spares[slot]
        self._deaths += 1
        self._try_again = time.monotonic() + min(LONGEST_PAUSE, 2.0**self._deaths)
        child = self._children[ticket]
        _log.error("a waiting worker ended with code %s: %s", child.process.returncode, shortened(child.printed()))
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
        self.ready = self.ready or READY.encode() in (line.strip() for line in self.printed().splitlines())
        return self.ready
