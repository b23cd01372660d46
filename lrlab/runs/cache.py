"""The Parquet cache beside a long log: read several times faster than the CSV, trusted only while it fits it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from lrlab.files import write_atomic

WORTH_IT = 256 * 1024
"""Bytes of CSV from which on the cache pays: below, the CSV is read as fast (1.3 ms against 1.1 ms for 5,000 rows;
at 100,000 rows 23 ms against 4 ms)."""

_MADE_FROM = b"lrlab.sources"


@dataclass(frozen=True)
class Source:
    """One CSV file as it lay there: `limit` is the step from which on its rows do not count (None: all count)."""

    path: Path
    limit: int | None
    size: int
    changed: int
    """In nanoseconds."""


def cache_file(folder: Path, kind: str) -> Path:
    """Where the cache of the table `kind` ("steps" or "epochs") lies."""
    return folder / f"{kind}.parquet"


def worth_it(sources: Sequence[Source]) -> bool:
    """Whether reading a cache of `sources` would be faster than reading them."""
    return sum(source.size for source in sources) >= WORTH_IT


def load(path: Path, sources: Sequence[Source]) -> pa.Table | None:
    """The cached rows, or None where there is none, it is older than a source, or it was made from other bytes."""
    if not worth_it(sources):
        return None
    try:
        if path.stat().st_mtime_ns < max(source.changed for source in sources):
            return None
        file = parquet.ParquetFile(path, page_checksum_verification=True)
        if (file.schema_arrow.metadata or {}).get(_MADE_FROM) != _description(sources):
            return None
        return file.read()
    except (OSError, pa.ArrowException):  # gone or damaged: the CSV is the truth
        return None


def store(path: Path, sources: Sequence[Source], rows: pa.Table) -> None:
    """Writes `rows`, which were made from `sources`, in one step, with checksums that tell damage from values."""
    buffer = io.BytesIO()
    rows = rows.replace_schema_metadata({_MADE_FROM: _description(sources)})
    parquet.write_table(rows, buffer, compression="none", write_page_checksum=True)
    write_atomic(path, buffer.getbuffer().tobytes())


def _description(sources: Sequence[Source]) -> bytes:
    return json.dumps([[source.path.name, source.limit, source.size] for source in sources]).encode()
