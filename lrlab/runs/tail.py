"""Follows the log of a run while it grows: reads only the bytes that are new, and none where nothing is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from lrlab.runs.frames import EPOCHS, STEPS, Kind, combine, find_sources, join, parse
from lrlab.runs.record import Attempt
from lrlab.runs.run import Run


class Tail:
    """An incremental reader of one run. After `poll()`, `steps` and `epochs` equal `run.steps` and `run.epochs`.

    Rows are only ever added, except where a new attempt begins or a file was replaced: then `revision` grows by one,
    and whoever sent rows on by their number starts again from the first. Not for use by several threads at a time.
    """

    def __init__(self, run: Run, *, steps: bool = True) -> None:
        """`steps`: whether the rows per update are read at all; they are nearly all of a log."""
        self.revision = 0
        self._run = run
        self._record_seen: tuple[int, int] | None = None
        self._attempts: tuple[Attempt, ...] = ()
        self._steps, self._epochs = _Table(STEPS, run.folder), _Table(EPOCHS, run.folder)
        self._tables = (self._steps, self._epochs) if steps else (self._epochs,)

    def poll(self) -> bool:
        """Reads what is new; whether there were new rows. Costs three looks at file facts where nothing changed.

        NotFound where the run was deleted.
        """
        restarted = self._look_for_attempts()
        facts = [table.look() for table in self._tables]
        if any(table.replaced(fact) for table, fact in zip(self._tables, facts, strict=True)):
            restarted = True
            self._restart()
        self.revision += restarted
        new = [table.read(fact) for table, fact in zip(self._tables, facts, strict=True)]
        return restarted or any(new)

    @property
    def steps(self) -> pd.DataFrame:
        """The rows per optimiser update read so far; not to be changed by the caller."""
        return self._steps.frame

    @property
    def epochs(self) -> pd.DataFrame:
        """The rows per epoch read so far; not to be changed by the caller."""
        return self._epochs.frame

    def _look_for_attempts(self) -> bool:
        """Whether attempts were added to some that were followed before."""
        try:
            facts = (self._run.folder / "run.json").stat()
        except FileNotFoundError:
            facts = None
        seen = facts and (facts.st_ino, facts.st_mtime_ns)
        if seen is not None and seen == self._record_seen:
            return False
        attempts = self._run.record.attempts
        self._record_seen = seen
        if _rows(attempts) == _rows(self._attempts):  # what else is told of an attempt changes no row
            return False
        had_some, self._attempts = bool(self._attempts), attempts
        self._restart()
        return had_some

    def _restart(self) -> None:
        for table in self._tables:
            table.restart(self._attempts)


def _rows(attempts: Sequence[Attempt]) -> list[tuple[int, int, bool]]:
    """What decides which rows of the attempts count."""
    return [(attempt.number, attempt.first_step, attempt.validates_first) for attempt in attempts]


class _Table:
    """One table of the log: what older attempts left, and the growing file of the newest."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._parts: list[pa.Table] = []
        self._frame: pd.DataFrame | None = None
        self._path: Path | None = None
        self._inode: int | None = None
        self._size = 0  # of the file when it was last read
        self._offset = 0  # behind the last newline that was read
        self._header = b""

    def restart(self, attempts: Sequence[Attempt]) -> None:
        """Takes the older attempts as they lie there and follows the newest (there is one) from its first byte."""
        path = self._kind.file(self._folder, attempts[-1].number)
        older = [source for source in find_sources(self._kind, self._folder, attempts) if source.path != path]
        rows = combine(self._kind, older)
        self._parts = [rows] if rows.num_rows else []
        self._frame = None
        self._path, self._inode, self._size, self._offset, self._header = path, None, 0, 0, b""

    def look(self) -> os.stat_result | None:
        """The facts about the file that is followed, or None while it is not there."""
        try:
            return self._path.stat() if self._path else None
        except FileNotFoundError:
            return None

    def replaced(self, facts: os.stat_result | None) -> bool:
        """Whether the file is another one than before, or shorter than what was read of it."""
        if self._inode is None:
            return False
        return facts is None or facts.st_ino != self._inode or facts.st_size < self._offset

    def read(self, facts: os.stat_result | None) -> bool:
        """Reads the rows committed since the last call; whether there were any."""
        if self._path is None or facts is None or facts.st_size == self._size:
            return False
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._inode, self._size = facts.st_ino, facts.st_size
        committed = new[: new.rfind(b"\n") + 1]
        if not committed:
            return False
        table = parse(self._header + committed, self._path)
        self._offset += len(committed)
        self._header = self._header or committed[: committed.find(b"\n") + 1]
        if table.num_rows:
            self._parts.append(table)
            self._frame = None
        return bool(table.num_rows)

    @property
    def frame(self) -> pd.DataFrame:
        """Every row read so far, put together once after new ones came."""
        if self._frame is None:
            rows = join(self._kind, self._parts)
            self._parts = [rows] if rows.num_rows else []
            # Each column a block of its own lies where it lies in the table; together they would be copied.
            self._frame = rows.to_pandas(split_blocks=True)
        return self._frame
