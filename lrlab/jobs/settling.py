"""What becomes of a run whose worker is gone: nothing where it wrote its end, else an end with its cause in words."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lrlab.jobs.backend import Ended
from lrlab.process import Identity, boot_id
from lrlab.runs import FINAL, Run, RunRecord, last_lines, revise, stop_forced, stop_requested, worker_gone

MEMORY = "Try a smaller batch, smaller images, or a smaller model; or close other programs."
"""Advice where memory ran out."""

AGAIN = "Try the run again: it goes on from its newest checkpoint."

SEE_LOG = "The last lines of worker.log say where it happened."

FULL = ("No space left on device", "Disk quota exceeded")
NO_GPU_MEMORY = ("OutOfMemoryError", "CUDA out of memory", "CUDA error: out of memory")
NO_MEMORY = ("MemoryError", "DefaultCPUAllocator", "Cannot allocate memory")
"""What the last lines of a worker say that ran out of room."""

OUTSIDE = frozenset({1, 2, 15})
"""Signals that only another program or a person sends: SIGHUP, SIGINT, SIGTERM."""

BUS = int(getattr(signal, "SIGBUS", 7))

SENT = frozenset({-int(signal.SIGTERM), -int(getattr(signal, "SIGKILL", 9))})
"""Exit codes of workers that the supervisor ended."""


def settle(run: Run, ended: Ended, log_tail: str, worker: Identity | None = None) -> RunRecord:
    """Writes the end that the worker of `run` could not write any more; a run that has an end keeps it.

    "cancelled" where a stop had been asked for, "failed" where it is known how the worker ended, else "lost".
    `log_tail`: what it printed last, which worker.log gets where the worker had not come to write into it.
    `worker`: the one that ended. A run that another has is left alone; its own has ended, whatever its host was called.
    """
    if log_tail and not last_lines(run.worker_log):
        # On a full disk the end itself is worth more.
        with suppress(OSError), run.worker_log.open("a", encoding="utf-8") as log:
            log.write(log_tail + "\n")

    def end(record: RunRecord) -> Mapping[str, Any]:
        if record.state in FINAL or (has_worker(record) and record.attempts[-1].identity != worker):
            return {}
        cause, advice = explain(ended, log_tail, restarted=_restarted(record))
        state = "lost" if ended.code is None else "failed"
        if stop_requested(run):
            state, advice = "cancelled", ""
            cause = "" if ended.code in (None, 0) else _how_stopped(run) if ended.code in SENT else cause
        return {"state": state, "cause": cause, "advice": advice, "ended": time.time()}

    return revise(run, end)


def has_worker(record: RunRecord) -> bool:
    """Whether a process works on the run, as far as this machine can tell."""
    return record.state == "running" and not worker_gone(record)


def explain(ended: Ended, log_tail: str, *, restarted: bool = False) -> tuple[str, str]:
    """Cause and advice, in words, for a worker that ended without writing how. `restarted`: the machine was, since."""
    if any(words in log_tail for words in FULL):
        return "the disk is full", "Make room where the lab lies, then try the run again."
    if ended.code is None and restarted:
        return "the machine was restarted while the run was at work", AGAIN
    if ended.code is None:
        return "the worker ended while nobody watched it", AGAIN
    if any(words in log_tail for words in NO_GPU_MEMORY):  # first: its error's name ends as that of the other
        return "the GPU ran out of memory", MEMORY
    if any(words in log_tail for words in NO_MEMORY):
        return "this machine ran out of memory", MEMORY
    if ended.code == 0:
        return "the worker ended without writing a result", AGAIN
    if ended.code > 0:
        return f"the worker ended with exit code {ended.code}", f"{SEE_LOG} {AGAIN}"
    number = -ended.code
    if number == 9:
        return f"the worker was killed by signal {number} (probably out of memory)", MEMORY
    cause = f"the worker was ended by signal {number} ({signal_words(number)})"
    if number in OUTSIDE:
        return cause, f"Something outside lrlab ended it, such as a shutdown of the machine. {AGAIN}"
    if number == BUS:
        return cause, f"A file that it was reading vanished, or its disk did. {AGAIN}"
    return cause, f"A fault in torch, a library or a driver. {SEE_LOG} {AGAIN}"


def signal_words(number: int) -> str:
    """What the operating system calls a signal, such as "Segmentation fault"."""
    try:
        return signal.strsignal(number) or "unknown"
    except ValueError:
        return "unknown"


def _how_stopped(run: Run) -> str:
    return "it was ended by force" if stop_forced(run) else "it did not stop by itself"


def _restarted(record: RunRecord) -> bool:
    """Whether this machine was started anew since the run's newest attempt began."""
    newest = record.attempts[-1] if record.attempts else None
    return newest is not None and newest.host == socket.gethostname() and newest.identity.boot_id != boot_id()
