"""The worker's side of the heartbeat: one small file, replaced about twice a second, that says what is being done."""

from __future__ import annotations

import json
import time
from typing import Any

from lrlab.files import write_atomic
from lrlab.runs import liveness
from lrlab.runs.heartbeat import heartbeat_file
from lrlab.runs.run import Run

WRITE_EVERY = 0.5
"""Seconds between two writes while the phase stays the same."""


class Beat:
    """Writes heartbeat.json into the run's folder; made for being called after every batch (about a microsecond).

    It is called only when something was done, so that silence means that nothing is: no thread beats for a worker
    that hangs. The file is replaced without fsync, since a heartbeat from before a power cut means nothing.
    """

    def __init__(self, run: Run) -> None:
        self._path = heartbeat_file(run.folder)
        self._values: dict[str, Any] = {"phase": "", "done": 0, "total": 0}
        self._slowest = 0.0
        self._written = float("-inf")

    def say(self, phase: str, done: int = 0, total: int = 0) -> None:
        """What is being done, in words, and how much of it; fits wherever a `Progress` is asked for."""
        changed = phase != self._values["phase"]
        self._values.update(phase=phase, done=done, total=total)
        self._write(at_once=changed or (0 < total == done))

    def batch(self, seconds: float, **values: Any) -> None:
        """One batch was finished, training or validation, and took `seconds`.

        `values`: any of `phase`, `done`, `total`, `step`, `epoch`, `images_per_second`; the others stay as they were.
        """
        # What is longer was a halt, after which the next one must not be waited for five times as long.
        self._slowest = max(self._slowest, min(seconds, liveness.patience(self._slowest)))
        changed = values.get("phase", self._values["phase"]) != self._values["phase"]
        self._values.update(values, last_batch=time.time(), slowest_batch=self._slowest)
        self._write(at_once=changed)

    def flush(self) -> None:
        """Writes what the last calls said, however recent the last write is."""
        self._write(at_once=True)

    def _write(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if at_once or now - self._written >= WRITE_EVERY:
            self._written = now
            content = json.dumps({**self._values, "time": time.time()}).encode()
            write_atomic(self._path, content, sync=False)
