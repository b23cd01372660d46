"""What the process of an import may take: it ends itself before it starves the machine or stands still for good."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

import psutil

MOST_MEMORY = 4 * 1024**3
"""Bytes above what the process has at its start; a few pictures as large as allowed take 1 GB."""

LONGEST_SILENCE = 300.0
"""Seconds without one more image; the slowest that is allowed takes some 20."""

LONGEST = 12 * 3600.0
"""Seconds of the whole import."""

_LOOK_SECONDS = 0.5
_ROOM_PER_CORE = 128 * 1024**2


def limit_memory(most: int) -> None:
    """From now on the process gets `most` more bytes; then each wish for more is a MemoryError, where there is such a
    limit (Linux). Elsewhere the watchdog alone looks."""
    if sys.platform == "linux":
        import resource

        # Every thread that a library starts later takes room for its stack and its heap, used or not.
        room = _ROOM_PER_CORE * (psutil.cpu_count() or 1)
        allowed = psutil.Process().memory_info().vms + room + most
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or allowed < hard:
            resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


class Watchdog:
    """Calls `end(sentence)` from a thread of its own once the process has stood still or grown too long or too large.

    It watches from `with` to the end of the block. `beat()` says that something was done.
    """

    def __init__(
        self,
        end: Callable[[str], None],
        most_memory: int = MOST_MEMORY,
        longest_silence: float = LONGEST_SILENCE,
        longest: float = LONGEST,
    ) -> None:
        self._end = end
        self._most_memory, self._longest_silence, self._longest = most_memory, longest_silence, longest
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._over = threading.Event()
        self._deciding = threading.Lock()  # the block's end and ours exclude one another
        self._began = self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    def __enter__(self) -> Watchdog:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._deciding:
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._deciding:
                sentence = self._reason()
                if sentence and not self._over.is_set():
                    self._over.set()
                    self._end(sentence)

    def _reason(self) -> str:
        now = time.monotonic()
        if now - self._last > self._longest_silence:
            return f"stood still for {_minutes(self._longest_silence)}"
        if now - self._began > self._longest:
            return f"took longer than {_minutes(self._longest)}, the most allowed"
        if self._process.memory_info().rss - self._before > self._most_memory:
            return TOO_LARGE.format(gb=self._most_memory / 1024**3)
        return ""


TOO_LARGE = "needed more than {gb:.3g} GB of memory, the most allowed"


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.3g} hours" if seconds >= 7200 else f"{seconds / 60:.3g} minutes"
