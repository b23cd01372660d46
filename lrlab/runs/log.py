"""The worker's side of the log: two append-only CSV files an attempt, where a newline commits a row.

Each row goes to the operating system in one unbuffered write before the call returns, so a killed worker loses none;
fsync every `SYNC_EVERY` seconds and at each epoch's end bounds what a power cut can take. A row costs microseconds.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lrlab.runs.run import Run

STEP_COLUMNS = ("step", "epoch", "time", "lr", "loss")
EPOCH_COLUMNS = (
    "epoch",
    "step",
    "time",
    "lr",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "images_per_second",
    "seconds",
)
INTEGERS = frozenset({"step", "epoch"})
_NAME = re.compile(r"[A-Za-z_][\w.-]*")

_log = logging.getLogger(__name__)

SYNC_EVERY = 1.5
"""Seconds between two fsyncs while rows come in."""


def steps_file(folder: Path, attempt: int) -> Path:
    """The rows per optimiser update that attempt number `attempt` wrote."""
    return folder / f"steps-{attempt}.csv"


def epochs_file(folder: Path, attempt: int) -> Path:
    """The rows per epoch that attempt number `attempt` wrote."""
    return folder / f"epochs-{attempt}.csv"


class LogWriter:
    """Writes the log of one attempt. A value may be any number that float() takes; None is written as nan.

    `time` (unix seconds) is filled in where a row does not bring it. A row that names a column too many or too few
    raises ValueError; a full disk raises OSError, and the rows before it stay readable.
    """

    def __init__(self, run: Run, attempt: int, step_columns: Iterable[str], epoch_columns: Iterable[str]) -> None:
        self._run = run
        self._steps = _Table(steps_file(run.folder, attempt), tuple(step_columns))
        self._epochs = _Table(epochs_file(run.folder, attempt), tuple(epoch_columns))
        self._synced = time.monotonic()
        self._closed = False

    def step(self, **row: Any) -> None:
        """Appends one row for one optimiser update: step, epoch, lr, loss and the extra columns."""
        self._steps.append(row)
        if time.monotonic() - self._synced > SYNC_EVERY:
            self.sync()

    def epoch(self, **row: Any) -> None:
        """Appends one row for one epoch and brings everything written so far to the disk."""
        self._epochs.append(row)
        self.sync()

    def sync(self) -> None:
        """Brings every row written so far to the disk."""
        self._steps.sync()
        self._epochs.sync()
        self._synced = time.monotonic()

    def close(self) -> None:
        """Brings everything to the disk, closes the files and writes the Parquet cache; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._steps.close()
        self._epochs.close()
        from lrlab.runs.frames import write_cache  # which brings pandas along

        try:
            write_cache(self._run.folder, self._run.record.attempts)
        except OSError as error:  # a full disk must not fail a run whose log is complete
            _log.warning("no Parquet cache for run %s: %s", self._run.id, error)

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_log(
    run: Run, attempt: int, extra_step_columns: Iterable[str] = (), extra_epoch_columns: Iterable[str] = ()
) -> LogWriter:
    """The log of attempt number `attempt` of `run`, which no one may have opened before.

    The files are created exclusively: where another worker already writes this attempt, FileExistsError.
    """
    return LogWriter(run, attempt, (*STEP_COLUMNS, *extra_step_columns), (*EPOCH_COLUMNS, *extra_epoch_columns))


class _Table:
    """One CSV file with one writer."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        if len(set(columns)) < len(columns) or not all(_NAME.fullmatch(name) for name in columns):
            raise ValueError(f"columns: got {columns}, allowed: different names of letters, digits, _ . and -")
        self._columns = [(name, _integer if name in INTEGERS else _number) for name in columns]
        self._names = frozenset(columns)
        self._file = path.open("xb", buffering=0)
        self._write(",".join(columns).encode() + b"\n")

    def append(self, row: dict[str, Any]) -> None:
        row.setdefault("time", time.time())
        if row.keys() != self._names:
            raise ValueError(_mismatch(row, self._names))
        self._write((",".join([shape(row[name]) for name, shape in self._columns]) + "\n").encode())

    def _write(self, line: bytes) -> None:
        try:
            while line:  # a disk about to be full takes a part; the rest then fails with its true cause
                line = line[self._file.write(line) :]
        except OSError:
            self._file.close()  # nothing may ever be appended to a torn row
            raise

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            self.sync()
            self._file.close()


def _integer(value: Any) -> str:
    return str(int(value))


def _number(value: Any) -> str:
    # repr of a Python float is the shortest text that reads back as the same float; "nan", "inf" and "-inf" included.
    return repr(float("nan") if value is None else float(value))


def _mismatch(row: Mapping[str, Any], names: frozenset[str]) -> str:
    missing, unknown = sorted(names - row.keys()), sorted(row.keys() - names)
    parts = [f"misses {', '.join(missing)}"] * bool(missing) + [f"has no column for {', '.join(unknown)}"] * bool(
        unknown
    )
    return f"log row {' and '.join(parts)}"
