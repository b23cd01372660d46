"""The log as pandas frames: what the CSV files of all attempts say together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from lrlab.errors import LabError
from lrlab.runs import cache
from lrlab.runs.arrow import reader
from lrlab.runs.log import EPOCH_COLUMNS, INTEGERS, STEP_COLUMNS, epochs_file, steps_file
from lrlab.runs.record import Attempt


@dataclass(frozen=True)
class Kind:
    """One of the two tables of a log: where an attempt's rows lie and which columns are always there."""

    name: str
    file: Callable[[Path, int], Path]
    columns: tuple[str, ...]


STEPS = Kind("steps", steps_file, STEP_COLUMNS)
EPOCHS = Kind("epochs", epochs_file, EPOCH_COLUMNS)


def read(kind: Kind, folder: Path, attempts: Sequence[Attempt]) -> pd.DataFrame:
    """The rows that count, in order of `step`; empty with the right columns where none is there."""
    frame: pd.DataFrame = read_table(kind, folder, attempts).to_pandas()
    return frame


def read_table(kind: Kind, folder: Path, attempts: Sequence[Attempt]) -> pa.Table:
    """`read` before it becomes a frame: for short logs several times faster, and columns are NumPy arrays as well.

    Comes from the Parquet cache where that is no older than the CSV files and made from just these bytes of them.
    """
    sources = find_sources(kind, folder, attempts)
    cached = cache.load(cache.cache_file(folder, kind.name), sources)
    return combine(kind, sources) if cached is None else cached


def write_cache(folder: Path, attempts: Sequence[Attempt]) -> None:
    """Writes the Parquet cache of each table that is long enough to be read faster from it."""
    for kind in (STEPS, EPOCHS):
        sources = find_sources(kind, folder, attempts)
        if cache.worth_it(sources):
            cache.store(cache.cache_file(folder, kind.name), sources, combine(kind, sources))


def find_sources(kind: Kind, folder: Path, attempts: Sequence[Attempt]) -> list[cache.Source]:
    """The CSV files of `attempts` that are there, in order, each with the step from which on its rows do not count."""
    sources: list[cache.Source] = []
    limit: int | None = None
    for attempt in reversed(attempts):
        path = kind.file(folder, attempt.number)
        try:
            facts = path.stat()
        except FileNotFoundError:  # the attempt has begun and not logged yet
            pass
        else:
            sources.append(cache.Source(path, limit, facts.st_size, facts.st_mtime_ns))
        first = attempt.first_step - (kind is EPOCHS and attempt.validates_first)
        limit = first if limit is None else min(limit, first)
    return sources[::-1]


def combine(kind: Kind, sources: Sequence[cache.Source]) -> pa.Table:
    """The rows that count of all `sources`, from the CSV files."""
    parts = []
    for source in sources:
        table = parse(source.path.read_bytes(), source.path)
        if table.num_rows:
            until = None if source.limit is None else int(np.searchsorted(table["step"].to_numpy(), source.limit))
            parts.append(table.slice(0, until))
    return join(kind, parts)


def join(kind: Kind, parts: Sequence[pa.Table]) -> pa.Table:
    """`parts` one below the other; a column that one of them lacks is null there."""
    if parts:
        return pa.concat_tables(parts, promote_options="default").combine_chunks()
    return pa.table({name: pa.array([], _type(name)) for name in kind.columns})


def parse(content: bytes, path: Path) -> pa.Table:
    """The committed rows of one CSV file: bytes after the last newline are dropped, floats are exact.

    `path` is named where the content is damaged (LabError).
    """
    committed = content[: content.rfind(b"\n") + 1]
    header = committed[: committed.find(b"\n")].decode(errors="replace")
    if not header:
        return pa.table({})
    types = {name: _type(name) for name in header.split(",")}
    # null_values is empty so that nan stays a number: a column of floats without gaps.
    convert = csv.ConvertOptions(column_types=types, null_values=[])
    try:
        return csv.read_csv(reader(committed), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise LabError(f"{path.name} of run {path.parent.name} is damaged: {error}") from error


def _type(column: str) -> pa.DataType:
    return pa.int64() if column in INTEGERS else pa.float64()
