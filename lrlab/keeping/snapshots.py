"""Data sets and runs as they stand at one moment, while workers, imports and people go on changing the lab.

A published data set never changes. Of a run, run.json is read before and after everything else and the look is repeated
where it changed in between, so that what is packed belongs together. Files that are replaced by new ones (checkpoints,
models) are opened at that moment, and stay what they were for whoever has them open. A log only grows: it counts up to
the last newline that it had, which commits a row. Checkpoints are opened before the logs are measured, and a worker
writes its rows before the checkpoint that builds on them, so no checkpoint is ahead of its log.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.keeping.names import is_path
from lrlab.runs import Run, RunRecord

LOOKS = 100
"""So often a run is looked at again because its run.json changed meanwhile; it changes a few times a run."""

_LOG = re.compile(r"(?:steps|epochs)-([1-9][0-9]*)\.csv")
_REBUILT = frozenset({"steps.parquet", "epochs.parquet"})
_BLOCK = 64 * 1024


@dataclass(frozen=True)
class Piece:
    """A file to be packed as `name`: its first `size` bytes (None: all). `file` is open where it may be replaced."""

    name: str
    path: Path
    size: int | None = None
    file: BinaryIO | None = None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file to read from; FileNotFoundError where it was deleted meanwhile."""
        if self.file is not None:
            yield self.file
        else:
            with self.path.open("rb") as file:
                yield file


@dataclass(frozen=True)
class Look:
    """One look at a data set or run: its pieces in the order of their names, and what is left out of it."""

    pieces: list[Piece] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@contextmanager
def frozen_dataset(folder: Path) -> Iterator[Look]:
    """The files of a published data set; FileNotFoundError where it is deleted meanwhile."""
    yield _sorted([(name, Piece(name, path)) for name, path in _files(folder, f"datasets/{folder.name}")])


@contextmanager
def frozen_run(run: Run) -> Iterator[Look]:
    """The files of a run as they stand now; FileNotFoundError where it has no run.json (any more)."""
    for _ in range(LOOKS):
        with ExitStack() as held:
            record = (run.folder / "run.json").read_bytes()
            try:
                found = dict(_files(run.folder, f"runs/{run.id}"))
                pieces = _pieces(run, record, found, held)
                same = dict(_files(run.folder, f"runs/{run.id}")).keys() == found.keys()
            except FileNotFoundError:  # a checkpoint gave way to a newer one, or the run is gone: the next look tells
                continue
            if same and (run.folder / "run.json").read_bytes() == record:
                yield _sorted(pieces)
                return
    raise LabError(f"run {run.id} changes faster than it can be read; try again in a moment", field="run")


def _pieces(run: Run, record: bytes, found: Mapping[str, Path], held: ExitStack) -> list[tuple[str, Piece]]:
    """What is replaced is opened first, what grows is measured after it."""
    attempts = _attempts(record)
    pieces: list[tuple[str, Piece]] = []
    growing = []
    for name, path in found.items():
        own = path.parent == run.folder
        log = _LOG.fullmatch(path.name) if own else None
        if own and path.name == "run.json":
            pieces.append((name, Piece(name, path, len(record), io.BytesIO(record))))
        elif log is not None or path == run.worker_log:
            # The log of an attempt that began after run.json was read would stand in the way of the next one.
            if log is None or attempts is None or int(log[1]) in attempts:
                growing.append((name, path))
        elif _unfinished(path, found.values()) or (own and path.name in _REBUILT):
            continue
        else:
            pieces.append((name, Piece(name, path, None, held.enter_context(path.open("rb")))))
    return pieces + [(name, Piece(name, path, committed(path))) for name, path in growing]


def _unfinished(path: Path, others: Collection[Path]) -> bool:
    """Whether it is the best model beside a checkpoint that is only being saved."""
    beside = path.parent.name == "checkpoints" and path.suffix == ".safetensors"
    return beside and path.with_suffix(".pt") not in others


def _attempts(record: bytes) -> frozenset[int] | None:
    """The numbers of the attempts that run.json names; None where it cannot be read, and is packed as it is."""
    try:
        return frozenset(attempt.number for attempt in RunRecord.model_validate_json(record).attempts)
    except ValidationError:
        return None


def committed(path: Path) -> int:
    """The bytes of a file of lines up to and with its last newline."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
    return 0


def _files(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files of `folder` and its folders with their names in a backup; links and what is hidden are no lab's files.

    FileNotFoundError where the folder is gone.
    """
    for entry in os.scandir(folder):
        inside = f"{name}/{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), inside)
        elif entry.is_file(follow_symlinks=False):
            yield inside, Path(entry.path)


def _sorted(found: list[tuple[str, Piece]]) -> Look:
    pieces = sorted((piece for name, piece in found if is_path(name)), key=lambda piece: piece.name)
    return Look(pieces, sorted(name for name, _ in found if not is_path(name)))
