"""The queue: one SQLite file in the lab's home that says which runs wait, in which order, and which worker has which.

A row stands for a run that has not ended. run.json stays the truth about the run; the queue can be rebuilt from it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType

from filelock import FileLock

from lrlab.errors import LabError
from lrlab.home import Home

_VERSION = 2

_SCHEMA = """
CREATE TABLE jobs (
    turn INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    worker TEXT,                          -- the ticket of the worker that has it; NULL while it waits
    claims INTEGER NOT NULL DEFAULT 0,    -- how many workers were given it
    device TEXT NOT NULL DEFAULT 'auto'   -- what it is to be trained on
);
CREATE INDEX waiting ON jobs (turn) WHERE worker IS NULL;
CREATE TABLE spare (worker TEXT NOT NULL) -- one row while a warm worker waits for a run
"""


_FROM_1 = "ALTER TABLE jobs ADD COLUMN device TEXT NOT NULL DEFAULT 'auto'"
"""What makes a queue of version 1 one of version 2."""


@dataclass(frozen=True)
class Job:
    """A run that a worker has: the worker's ticket, and how many workers were given the run so far."""

    run_id: str
    worker: str
    claims: int


class Queue:
    """One connection to the queue, for one thread; a context manager that closes it.

    A queue of an earlier version is brought to this one; LabError where a later lrlab wrote it or the file is damaged.
    """

    def __init__(self, home: Home) -> None:
        self._connection = sqlite3.connect(home.queue, timeout=30, isolation_level=None)
        try:
            # A commit that a power cut undoes is repaired from run.json, so fsync at checkpoints is enough.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            if self._version() != _VERSION:
                with FileLock(home.root / ".queue.lock"):  # SQLite lets no one wait for a change of the journal's mode
                    self._bring_up()
        except BaseException as error:
            self._connection.close()
            # Its subclass OperationalError says that the file is busy or the disk full, which passes.
            if type(error) is sqlite3.DatabaseError:
                raise LabError(f"the queue is damaged ({error}); build it anew: python -m lrlab doctor") from error
            raise

    @staticmethod
    def is_earlier(home: Home) -> bool:
        """Whether an earlier lrlab wrote the queue, so that opening it brings it to this version; a look alone."""
        with closing(sqlite3.connect(home.queue)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        return bool(0 < version < _VERSION)

    def _bring_up(self) -> None:
        version = self._version()
        if version > _VERSION:
            raise LabError(
                f"the queue was written by a later lrlab (version {version}, this one knows {_VERSION}); update lrlab"
            )
        if version < _VERSION:
            self._connection.execute("PRAGMA journal_mode = WAL")
            change = _FROM_1 if version == 1 else _SCHEMA
            self._connection.executescript(f"BEGIN; {change}; PRAGMA user_version = {_VERSION}; COMMIT")

    def add(self, run_id: str, device: str = "auto") -> None:
        """Puts a run at the end; one that is in the queue already keeps its place. `device`: what it asks for."""
        self._connection.execute("INSERT OR IGNORE INTO jobs (run_id, device) VALUES (?, ?)", (run_id, device))

    def adopt(self, run_id: str, worker: str) -> None:
        """Notes that `worker` has a run that the queue does not know of."""
        self._connection.execute(
            "INSERT OR IGNORE INTO jobs (run_id, worker, claims) VALUES (?, ?, 1)", (run_id, worker)
        )

    def claim(self, worker: str, devices: Sequence[str] = ()) -> Job | None:
        """Gives the next waiting run to `worker`, or None where none waits. Of many who ask, one gets it.

        `devices`: only a run that asks for one of these; none: any.
        """
        rows = self._connection.execute(
            "UPDATE jobs SET worker = ?, claims = claims + 1 "
            f"WHERE turn = (SELECT turn FROM jobs WHERE {_waiting(devices)} ORDER BY turn LIMIT 1) "
            "RETURNING run_id, worker, claims",
            (worker, *devices),
        ).fetchall()
        return Job(*rows[0]) if rows else None

    def put_back(self, run_id: str) -> None:
        """Lets a claimed run wait again, at the place it had."""
        self._connection.execute("UPDATE jobs SET worker = NULL WHERE run_id = ?", (run_id,))

    def move(self, run_id: str, place: int) -> bool:
        """Gives a waiting run the place `place` (1 is next; beyond the end: the last) and the others theirs behind it.

        False where it does not wait. One transaction: who claims meanwhile gets the run that is first before or after.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            rows = self._connection.execute(
                "SELECT turn, run_id FROM jobs WHERE worker IS NULL ORDER BY turn"
            ).fetchall()
            before = [waiting for _, waiting in rows]
            if run_id not in before:
                return False
            after = [waiting for waiting in before if waiting != run_id]
            after.insert(max(0, place - 1), run_id)
            moved = [(turn, new) for (turn, old), new in zip(rows, after, strict=True) if old != new]
            # A turn is one run's alone at every moment, so each goes aside before it takes its new one.
            self._connection.executemany("UPDATE jobs SET turn = -? WHERE run_id = ?", moved)
            self._connection.executemany("UPDATE jobs SET turn = ? WHERE run_id = ?", moved)
        return True

    def withdraw(self, run_id: str) -> bool:
        """Takes a waiting run out; False where a worker has it already."""
        self._connection.execute("DELETE FROM jobs WHERE run_id = ? AND worker IS NULL", (run_id,))
        return not self._one("SELECT count(*) FROM jobs WHERE run_id = ?", run_id)

    def remove(self, run_id: str) -> None:
        """Forgets a run, whoever has it: it has ended."""
        self._connection.execute("DELETE FROM jobs WHERE run_id = ?", (run_id,))

    def position(self, run_id: str) -> int | None:
        """The place of a waiting run (1 is next), or None where it does not wait."""
        place = self._one(
            "SELECT count(*) FROM jobs WHERE worker IS NULL "
            "AND turn <= (SELECT turn FROM jobs WHERE run_id = ? AND worker IS NULL)",
            run_id,
        )
        return place or None

    def order(self) -> list[str]:
        """The runs that wait, the next one first."""
        rows = self._connection.execute("SELECT run_id FROM jobs WHERE worker IS NULL ORDER BY turn")
        return [run_id for (run_id,) in rows]

    def waiting(self, devices: Sequence[str] = ()) -> int:
        """How many runs wait; with `devices`, how many of them ask for one of these."""
        return self._one(f"SELECT count(*) FROM jobs WHERE {_waiting(devices)}", *devices)

    def claimed(self) -> list[Job]:
        """The runs that workers have, in the order in which they came."""
        rows = self._connection.execute(
            "SELECT run_id, worker, claims FROM jobs WHERE worker IS NOT NULL ORDER BY turn"
        )
        return [Job(*row) for row in rows]

    def run_ids(self) -> set[str]:
        """Every run in the queue, waiting or claimed."""
        return {run_id for (run_id,) in self._connection.execute("SELECT run_id FROM jobs")}

    def set_spare(self, worker: str | None) -> None:
        """Notes which worker is warm and waits for a run, or that none does."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM spare")
            if worker is not None:
                self._connection.execute("INSERT INTO spare VALUES (?)", (worker,))

    def spare(self) -> str | None:
        """The worker noted last by `set_spare`; it may have ended since."""
        row = self._connection.execute("SELECT worker FROM spare").fetchone()
        return row[0] if row else None

    def data_version(self) -> int:
        """A number that changes when another connection has changed the queue; microseconds."""
        return self._one("PRAGMA data_version")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Queue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _version(self) -> int:
        return self._one("PRAGMA user_version")

    def _one(self, sql: str, *values: str) -> int:
        with closing(self._connection.execute(sql, values)) as cursor:
            return int(cursor.fetchone()[0])


def _waiting(devices: Sequence[str]) -> str:
    """The condition of a run that waits and, if there are any, asks for one of `devices`."""
    return f"worker IS NULL AND device IN ({', '.join('?' * len(devices))})" if devices else "worker IS NULL"
