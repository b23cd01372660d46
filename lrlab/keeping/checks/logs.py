"""The logs of a run: torn ends, damaged rows, logs of attempts that nobody made, and the caches beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from lrlab.files import write_atomic
from lrlab.keeping.finding import Finding
from lrlab.keeping.snapshots import committed
from lrlab.runs import EPOCH_COLUMNS, STEP_COLUMNS, Run, RunRecord

ASIDE = "set-aside"
"""The folder within a run's that takes what was put out of use, and is never deleted."""

_LOG = re.compile(r"(steps|epochs)-([1-9][0-9]*)\.csv")
_LEAST = {"steps": STEP_COLUMNS, "epochs": EPOCH_COLUMNS}
_WHOLE_NUMBERS = (b"step", b"epoch")


def check_logs(run: Run, record: RunRecord) -> Iterator[Finding]:
    """Findings about the logs of a run that nobody works on."""
    attempts = {attempt.number for attempt in record.attempts}
    for path in sorted(run.folder.glob("*.csv")):
        log = _LOG.fullmatch(path.name)
        if log is None:
            continue
        if int(log[2]) not in attempts:
            yield Finding(
                f"run {run.id}",
                f"{path.name} is the log of an attempt that run.json does not know, and would stop the next one",
                f"it is moved to {ASIDE}",
                partial(_set_aside, run, path, int(log[2])),
            )
        else:
            yield from _log(run, path, log[1])
    for path in (run.folder / "steps.parquet", run.folder / "epochs.parquet"):
        if path.exists() and not _readable(path):
            unlink = partial(path.unlink, missing_ok=True)
            yield Finding(
                f"run {run.id}", f"{path.name}, a cache, is damaged", "it is removed; the log is whole", unlink
            )


def _log(run: Run, path: Path, kind: str) -> Iterator[Finding]:
    place, size = f"run {run.id}", path.stat().st_size
    whole = committed(path)
    if size > whole:
        yield Finding(
            place,
            f"{path.name} ends in half a row ({size - whole} bytes)",
            "the half row, which was never read, is cut off",
            partial(os.truncate, path, whole),
        )
    rows = _rows(path.read_bytes()[:whole], _LEAST[kind])
    if rows is None:
        told = "restore the run from a backup"
        yield Finding(place, f"{path.name} does not begin with the names of its columns", told)
    elif rows.damaged:
        yield Finding(
            place,
            f"{path.name} has {rows.damaged:,} damaged rows, the first in line {rows.first}",
            f"they are left out, and the file as it was is kept in {ASIDE}",
            partial(_replace, run, path, rows),
        )


@dataclass(frozen=True)
class _Rows:
    """A log's header and good rows; how many are damaged, and the line of the first of those, from 1."""

    good: bytes
    damaged: int
    first: int


def _rows(content: bytes, least: tuple[str, ...]) -> _Rows | None:
    """None where the header is none. A good row has a number for each column, and its step is above the one before."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return _Rows(b"", 0, 0)
    names = lines[0].rstrip(b"\n").split(b",")
    if not {name.encode() for name in least} <= set(names):
        return None
    kinds = [int if name in _WHOLE_NUMBERS else float for name in names]
    at = names.index(b"step")
    good, damaged, first, last = [lines[0]], 0, 0, -1
    for number, line in enumerate(lines[1:], start=2):
        cells = line.rstrip(b"\n").split(b",")
        try:
            values = [kind(cell) for kind, cell in zip(kinds, cells, strict=True)]
        except ValueError:
            values = []
        if values and values[at] > last:
            good.append(line)
            last = int(values[at])
        else:
            damaged, first = damaged + 1, first or number
    return _Rows(b"".join(good), damaged, first)


def _replace(run: Run, path: Path, rows: _Rows) -> None:
    write_atomic(_aside(run, path), path.read_bytes())
    write_atomic(path, rows.good)


def _set_aside(run: Run, path: Path, attempt: int) -> None:
    # A worker may have made the attempt since run.json was read.
    if attempt not in {one.number for one in run.record.attempts}:
        path.rename(_aside(run, path))


def _aside(run: Run, path: Path) -> Path:
    """A name in the folder aside that nothing has yet."""
    folder = run.folder / ASIDE
    folder.mkdir(exist_ok=True)
    names = (folder / f"{path.stem}{f'.{number}' if number else ''}{path.suffix}" for number in range(1_000_000))
    return next(name for name in names if not name.exists())


def _readable(path: Path) -> bool:
    try:
        parquet.ParquetFile(path).close()
    except (pa.ArrowInvalid, OSError):
        return False
    return True
