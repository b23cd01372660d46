"""Where a run stands at this moment, as a progress strip shows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lrlab.runs import liveness
from lrlab.runs.frames import EPOCHS, parse, read_table
from lrlab.runs.heartbeat import Heartbeat
from lrlab.runs.log import steps_file
from lrlab.runs.pace import Progress, Work, seconds_left
from lrlab.runs.printed import last_lines
from lrlab.runs.record import FINAL, Attempt, Measure, RunRecord, State
from lrlab.runs.run import Run
from lrlab.runs.store import stop_requested

WINDOW = 64 * 1024
"""Bytes at the end of the log, some 800 updates, that the pace is measured on."""

LINE = 16 * 1024
"""Bytes that the header of a log, which names its parameter groups, may have, and a row."""

TROUBLED: frozenset[State] = frozenset({"failed", "lost", "stalled"})
"""The states of which a person wants to know why."""

ADVICE: Mapping[State, str] = {
    "stalled": "It may still be working on something slow. If nothing moves for minutes, stop it and try it again.",
    "lost": "What it logged so far is kept. Try it again: it goes on from its newest checkpoint.",
}
"""What to do where nobody has written it into run.json."""


@dataclass(frozen=True)
class RunStatus:
    """One look at a run.

    `epoch` of `epochs` and `step` of `steps` are counts for a person: the epoch of the newest update (1 is the first,
    0: none was made) and the updates made. `share`: updates made, 0 to 1. `eta`: seconds left, None where not known.
    `elapsed`: seconds since the first attempt began, None before. `message`: what is going on, in words.
    `best_epoch` is that of the best model by `best_by`, with the number that the log gives it (from 0);
    `best_val_accuracy`: what it reached, a share (0 to 1).
    """

    id: str
    name: str
    state: State
    epoch: int
    epochs: int
    step: int
    steps: int
    share: float
    eta: float | None
    elapsed: float | None
    images_per_second: float | None
    device: str
    message: str
    best_epoch: int | None
    best_val_accuracy: float | None
    cause: str
    advice: str
    log: str = ""
    """The last lines of worker.log, where the run failed, was lost or is stalled."""
    best_by: Measure = "val_accuracy"

    @property
    def final(self) -> bool:
        """Whether the run has ended, whichever way."""
        return self.state in FINAL


def status(run: Run, position: int | None = None) -> RunStatus:
    """Where `run` stands now. `position`: its place in the queue (1 is next), which the room of jobs knows.

    Reads the run's small files and the end of its log: a millisecond or two, however long the log is.
    """
    record, heartbeat, now = run.record, run.heartbeat, time.time()
    attempt = record.attempts[-1] if record.attempts else None
    if attempt and heartbeat and heartbeat.time < attempt.started:
        heartbeat = None  # an older attempt's
    state = liveness.state(record, heartbeat, now)
    epochs = read_table(EPOCHS, run.folder, record.attempts)
    done = _progress(run.folder, record, attempt, epochs) if attempt else None
    step = done.updates if done else attempt.first_step if attempt else 0
    best_epoch, best_val_accuracy = best(epochs, record.best_by)
    running = state == "running"
    return RunStatus(
        id=record.id,
        name=record.name,
        state=state,
        epoch=-(-step // record.steps_per_epoch),
        epochs=record.epochs,
        step=step,
        steps=record.steps,
        share=step / record.steps,
        eta=seconds_left(done, _work(record), now) if running and done else None,
        elapsed=seconds(record, state, heartbeat, now),
        images_per_second=heartbeat.images_per_second if heartbeat and running else None,
        device=attempt.device if attempt else "",
        message=_message(run, record, state, heartbeat, step, position, now),
        best_epoch=best_epoch,
        best_val_accuracy=best_val_accuracy,
        cause=record.cause or ("the worker's process is gone" if state == "lost" else ""),
        advice=record.advice or ADVICE.get(state, ""),
        log=last_lines(run.worker_log) if state in TROUBLED else "",
        best_by=record.best_by,
    )


def best(epochs: pa.Table, by: Measure) -> tuple[int | None, float | None]:
    """The epoch whose model is the best by `by`, and its validation accuracy; None where none was validated."""
    row = best_row(epochs["val_accuracy"].to_numpy(), epochs["val_loss"].to_numpy(), by)
    if row is None:
        return None, None
    return epochs["epoch"][row].as_py(), epochs["val_accuracy"][row].as_py()


def best_row(accuracy: NDArray[np.float64], loss: NDArray[np.float64], by: Measure) -> int | None:
    """The place of the epoch whose model the worker keeps as the best one; None where none was validated.

    It has the highest accuracy, and among equals the lowest loss; by "val_loss" the lowest loss, and among equals the
    highest accuracy. Then the first counts. A loss that is no number is worse than any.
    """
    known = np.flatnonzero(~np.isnan(accuracy))
    if not len(known):
        return None
    merits = (-accuracy[known], np.nan_to_num(loss[known], nan=np.inf, posinf=np.inf))
    first, then = merits if by == "val_accuracy" else merits[::-1]
    return int(known[np.lexsort((then, first))[0]])


def best_words(accuracy: float, by: Measure, epoch: int | None = None, what: str = "") -> str:
    """The best model in words, `what` before its figure: "best 84.2 % at epoch 6", "best by val loss: 81.9 %"."""
    lead = "best" if by == "val_accuracy" else "best by val loss:"
    at = "" if epoch is None else f"at epoch {epoch + 1:,}"
    return " ".join(filter(None, (lead, what, f"{100 * accuracy:.1f} %", at)))


def seconds(record: RunRecord, state: State, heartbeat: Heartbeat | None, now: float) -> float | None:
    """How long the run's attempts have taken, the last one to its end, its last sign, or now; None before it began."""
    if not record.attempts:
        return None
    *earlier, newest = record.attempts
    end = record.ended or newest.ended
    if end is None:
        end = now if state in ("running", "stalled") else liveness.last_sign(newest, heartbeat)
    spans = [(attempt.started, attempt.ended or attempt.started) for attempt in earlier] + [(newest.started, end)]
    return sum(max(0.0, last - first) for first, last in spans)


def stopped(step: int, record: RunRecord) -> str:
    """How far a run came that ended after `step` updates and before its planned end."""
    return f"stopped after {step:,} of {record.steps:,} updates" if step else "stopped before the first update"


def updates_made(folder: Path, record: RunRecord) -> int:
    """The updates that the run in `folder` has made, as the end of its log says."""
    if not record.attempts:
        return 0
    found = _rows(folder, record.attempts[-1])
    return found[0]["step"][-1].as_py() + 1 if found else record.attempts[-1].first_step


def _work(record: RunRecord) -> Work:
    if record.finder:  # a sweep validates nothing
        return Work(record.epochs, record.steps_per_epoch, 0.0, 0.0)
    trained = record.steps_per_epoch * record.experiment.images_per_update
    return Work(record.epochs, record.steps_per_epoch, record.dataset.val / trained, record.dataset.test / trained)


def _progress(folder: Path, record: RunRecord, attempt: Attempt, epochs: pa.Table) -> Progress | None:
    """What the log says was done, from its last rows; None before the attempt has finished an update."""
    found = _rows(folder, attempt)
    if not found:
        return None
    rows, first = found
    ends, first_step = epochs["step"].to_numpy(), attempt.first_step
    before = ends[ends < first_step]
    begins_an_epoch = first_step == (before[-1] + 1 if len(before) else 0)
    return Progress(
        epoch=rows["epoch"].to_numpy(),
        time=rows["time"].to_numpy(),
        updates=rows["step"][-1].as_py() + 1,
        # A search logs no epochs: what still lies between its sweeps is what comes after the one under way.
        epochs=rows["epoch"][-1].as_py() + 1 if record.finder else len(ends),
        epoch_times=epochs["time"].to_numpy()[len(before) :],
        first=first["time"][0].as_py() if begins_an_epoch and first.num_rows else None,
    )


def _rows(folder: Path, attempt: Attempt) -> tuple[pa.Table, pa.Table] | None:
    """The last rows of the attempt's log, and the first one; None before it has finished an update."""
    path = steps_file(folder, attempt.number)
    try:
        facts = path.stat()
        rows, first = _ends(path, facts.st_ino, facts.st_size)
    except FileNotFoundError:
        return None
    return (rows, first) if rows.num_rows else None


@lru_cache(maxsize=64)
def _ends(path: Path, *facts: int) -> tuple[pa.Table, pa.Table]:
    """The last rows and the first one of a log that is looked at again and again, parsed once for each length."""
    with path.open("rb") as file:
        head = file.readline(LINE) + file.readline(LINE)
        size = file.seek(0, 2)
        file.seek(max(0, size - WINDOW))
        end = file.read()
    if size > WINDOW:  # the window begins inside a row
        end = head[: head.find(b"\n") + 1] + end[end.find(b"\n") + 1 :]
    return parse(end, path), parse(head, path)


def _message(
    run: Run,
    record: RunRecord,
    state: State,
    heartbeat: Heartbeat | None,
    step: int,
    position: int | None,
    now: float,
) -> str:
    """What is going on, in words."""
    if state == "queued":
        if stop_requested(run):
            return "stopping"
        if position is not None:
            return f"waiting in the queue: {ordinal(position)}"
        return _phase(heartbeat) if heartbeat else "waiting in the queue"
    if state == "running":
        if stop_requested(run):
            return "stopping at the next step"
        return _phase(heartbeat) if heartbeat else "starting worker"
    if state == "stalled":
        silent = now - liveness.last_sign(record.attempts[-1], heartbeat)
        return f"nothing has been finished for {duration(silent)}"
    if state == "cancelled":
        return stopped(step, record)
    if state == "succeeded":
        took = seconds(record, state, heartbeat, now)
        return f"finished in {duration(took)}" if took is not None else "finished"
    return record.cause or "the worker's process is gone"


def _phase(heartbeat: Heartbeat) -> str:
    counted = f" {heartbeat.done:,} of {heartbeat.total:,}" if heartbeat.total else ""
    return heartbeat.phase + counted


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def ago(seconds: float) -> str:
    """How long ago something was, as one says it."""
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
