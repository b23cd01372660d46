"""Whether a worker that is recorded as running really runs: from its heartbeat and its identity, never from a guess."""

from __future__ import annotations

import socket

from lrlab.process import is_alive
from lrlab.runs.heartbeat import Heartbeat
from lrlab.runs.record import Attempt, RunRecord, State

SILENCE = 30.0
"""Seconds without anything done before a worker counts as stalled, whatever its batches take."""

SLOWEST_BATCHES = 5
"""A worker may be silent for this many times its slowest batch so far."""


def state(record: RunRecord, heartbeat: Heartbeat | None, now: float) -> State:
    """The state of a run at `now` (unix seconds).

    "lost": recorded as running, but the process of its newest attempt is gone. "stalled": that process lives, but has
    finished no batch and no part of another phase for max(30 s, 5 x its slowest batch). A worker on another machine
    cannot be looked up, so it may be called stalled, never lost.
    """
    if record.state != "running":
        return record.state
    if worker_gone(record):
        return "lost"
    allowed = patience(heartbeat.slowest_batch if heartbeat else 0.0)
    return "stalled" if now - last_sign(record.attempts[-1], heartbeat) > allowed else "running"


def worker_gone(record: RunRecord) -> bool:
    """Whether the run is recorded as running, and it is certain that no process runs it."""
    if record.state != "running":
        return False
    if not record.attempts:
        return True
    attempt = record.attempts[-1]
    return attempt.host == socket.gethostname() and not is_alive(attempt.identity)


def is_out_of_sight(record: RunRecord, heartbeat: Heartbeat | None, now: float) -> bool:
    """Whether the run is stalled, and recorded under a host's name that is not this machine's: it may be gone with a
    container or a copied lab, or be at work elsewhere. Only a person can know."""
    if state(record, heartbeat, now) != "stalled":
        return False
    attempt = record.attempts[-1]
    return attempt.host != socket.gethostname() and not is_alive(attempt.identity)


def patience(slowest_batch: float) -> float:
    """The seconds of silence after which a worker counts as stalled whose slowest batch so far took that long."""
    return max(SILENCE, SLOWEST_BATCHES * slowest_batch)


def last_sign(attempt: Attempt, heartbeat: Heartbeat | None) -> float:
    """When the attempt last did anything, in unix seconds: its start counts, an older attempt's heartbeat does not."""
    return max(attempt.started, heartbeat.time if heartbeat else 0.0)
