"""What becomes of a run whose worker is gone: nothing where it wrote its end, else an end with its cause in words."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from typing import Any

from lrlab.jobs.backend import Ended
from lrlab.runs import FINAL, Run, RunRecord, revise, stop_requested, worker_gone

MEMORY = "Try a smaller batch, smaller images, or a smaller model; or close other programs."
"""Advice where memory ran out."""


SENT = frozenset({-int(signal.SIGTERM), -int(getattr(signal, "SIGKILL", 9))})
"""Exit codes of workers that the supervisor ended."""


def settle(run: Run, ended: Ended, log_tail: str) -> RunRecord:
    """Writes the end that the worker of `run` could not write any more; a run that has an end keeps it.

    "cancelled" where a stop had been asked for, "failed" where it is known how the worker ended, else "lost".
    """

    def end(record: RunRecord) -> Mapping[str, Any]:
        if record.state in FINAL or has_worker(record):
            return {}
        cause, advice = explain(ended, log_tail)
        state = "lost" if ended.code is None else "failed"
        if stop_requested(run):
            state, advice = "cancelled", ""
            cause = "" if ended.code in (None, 0) else "it did not stop by itself" if ended.code in SENT else cause
        return {"state": state, "cause": cause, "advice": advice, "ended": time.time()}

    return revise(run, end)


def has_worker(record: RunRecord) -> bool:
    """Whether a process works on the run, as far as this machine can tell."""
    return record.state == "running" and not worker_gone(record)


def explain(ended: Ended, log_tail: str) -> tuple[str, str]:
    """Cause and advice, in words, for a worker that ended without writing how."""
    if "No space left on device" in log_tail:
        return "the disk is full", "Make room where the lab lies, then start the run again."
    if ended.code is None:
        return with_tail("the worker ended while nobody watched it", log_tail), "Start the run again."
    if ended.code == 0:
        return with_tail("the worker ended without writing a result", log_tail), "Start the run again."
    if ended.code > 0:
        return with_tail(f"the worker ended with exit code {ended.code}", log_tail), ""
    number = -ended.code
    if number == 9:
        return f"the worker was killed by signal {number} (probably out of memory)", MEMORY
    return with_tail(f"the worker was ended by signal {number} ({signal_words(number)})", log_tail), ""


def signal_words(number: int) -> str:
    """What the operating system calls a signal, such as "Segmentation fault"."""
    try:
        return signal.strsignal(number) or "unknown"
    except ValueError:
        return "unknown"


def with_tail(sentence: str, log_tail: str) -> str:
    return f"{sentence}; its log ends with:\n{log_tail}" if log_tail else sentence
