"""The log as pandas frames: what the CSV files of all attempts say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from lrlab.errors import LabError
from lrlab.runs.log import EPOCH_COLUMNS, INTEGERS, STEP_COLUMNS, epochs_file, steps_file
from lrlab.runs.record import Attempt


def read_steps(folder: Path, attempts: Sequence[Attempt]) -> pd.DataFrame:
    """The rows per optimiser update that count, by `step`; empty with the right columns where none is there."""
    return _read(folder, attempts, steps_file, STEP_COLUMNS)


def read_epochs(folder: Path, attempts: Sequence[Attempt]) -> pd.DataFrame:
    """The rows per epoch that count, by `epoch`; empty with the right columns where none is there."""
    return _read(folder, attempts, epochs_file, EPOCH_COLUMNS)


def parse(content: bytes, path: Path) -> pa.Table:
    """The committed rows of one CSV file: bytes after the last newline are dropped, floats are exact.

    `path` is named where the content is damaged (LabError).
    """
    committed = content[: content.rfind(b"\n") + 1]
    header = committed[: committed.find(b"\n")].decode(errors="replace")
    if not header:
        return pa.table({})
    types = {name: pa.int64() if name in INTEGERS else pa.float64() for name in header.split(",")}
    # null_values is empty so that nan stays a number: a column of floats without gaps.
    convert = csv.ConvertOptions(column_types=types, null_values=[])
    try:
        return csv.read_csv(pa.BufferReader(committed), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise LabError(f"{path.name} of run {path.parent.name} is damaged: {error}") from error


def counting_until(attempts: Sequence[Attempt]) -> Iterable[tuple[Attempt, int | None]]:
    """Each attempt with the step from which on its rows no longer count (None: all count)."""
    limit: int | None = None
    limits = []
    for attempt in reversed(attempts):
        limits.append((attempt, limit))
        limit = attempt.first_step if limit is None else min(limit, attempt.first_step)
    return reversed(limits)


def _read(
    folder: Path, attempts: Sequence[Attempt], file: Callable[[Path, int], Path], columns: Sequence[str]
) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for attempt, limit in counting_until(attempts):
        path = file(folder, attempt.number)
        try:
            table = parse(path.read_bytes(), path)
        except FileNotFoundError:  # the attempt has begun and not logged yet
            continue
        if table.num_rows:
            part = table.to_pandas()
            parts.append(part if limit is None else part[part["step"] < limit])
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="int64" if name in INTEGERS else "float64") for name in columns})
    return pd.concat(parts, ignore_index=True)
