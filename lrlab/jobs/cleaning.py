"""Making room: caches first, which lose nothing; checkpoints and runs only where a person named them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lrlab.datasets import list_datasets, sweep_uploads
from lrlab.disk import measure_soon
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.runs import FINAL, Run, RunRecord, list_runs, load_run

LEFT_ALONE = 24 * 3600.0
"""Seconds after which what was begun and not finished counts as left over."""


@dataclass(frozen=True)
class Cleared:
    """What a clean-up did: bytes `freed`, and the data sets whose decoded images were `kept` for a run at work."""

    freed: int
    kept: tuple[str, ...] = ()


def clear_caches(home: Home) -> Cleared:
    """Deletes what is made anew when it is needed: decoded images, kept answers, thumbnails; and what was left over.

    Decoded images that a run at work may be reading stay.
    """
    busy = _in_use(home)
    freed, kept = 0, set()
    for file in _files(home.cache):
        content = file.name.lstrip(".").partition("-")[0]
        if content in busy:
            kept.add(busy[content])
        else:
            freed += _forget(file)
    for folder in (home.answers, home.thumbnails):
        freed += sum(_remove(file) for file in _files(folder))
    sweep_uploads(home)
    for folder in (*home.runs.glob(".*"), *home.datasets.glob(".deleted-*")):
        if folder.is_dir() and _age(folder) > LEFT_ALONE:
            shutil.rmtree(folder, ignore_errors=True)
    measure_soon(home)
    return Cleared(freed, tuple(sorted(kept)))


def delete_checkpoints(home: Home, run_ids: Iterable[str]) -> Cleared:
    """Deletes the checkpoints of runs that have ended, which then cannot go on; their logs and models stay.

    NotFound where a run is not there, LabError where one has not ended; then nothing was deleted.
    """
    runs = [load_run(run_id, home) for run_id in run_ids]
    for run in runs:
        if run.state not in FINAL:
            raise LabError(f"run {run.id} is {run.state}; its checkpoints are needed", field="run")
    freed = sum(_remove(file) for run in runs for file in _files(run.folder / "checkpoints"))
    measure_soon(home)
    return Cleared(freed)


def with_checkpoints(home: Home) -> list[str]:
    """The runs that have ended and keep checkpoints, the newest first."""
    found = []
    for run in list_runs(home, None):
        with suppress(NotFound):  # deleted since it was listed
            if run.record.state in FINAL and any(_files(run.folder / "checkpoints")):
                found.append(run.id)
    return found


def _in_use(home: Home) -> dict[str, str]:
    """The content of every data set that a run at work may be reading, and the name of the data set.

    A run that waits is no hindrance: its worker decodes anew.
    """
    reading = {record.dataset.id for run in list_runs(home, None) if (record := _at_work(run))}
    return {dataset.content: dataset.name for dataset in list_datasets(home) if dataset.id in reading}


def _at_work(run: Run) -> RunRecord | None:
    with suppress(NotFound):  # deleted since it was listed
        record = run.record
        return record if record.state == "running" else None
    return None


def _forget(cached: Path) -> int:
    """Deletes a file of decoded images unless it is being made: then another holds its lock, or it is not old."""
    if cached.suffix == ".lock":
        return 0
    if cached.name.startswith("."):
        return _remove(cached) if _age(cached) > LEFT_ALONE else 0
    lock = FileLock(cached.with_suffix(".lock"), blocking=False)
    try:
        with lock:
            return _remove(cached)
    except Timeout:
        return 0


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file())


def _remove(file: Path) -> int:
    """Deletes a file and returns the bytes that this freed: 0 where another was faster, Windows holds on to it, or the
    file has another name, as a checkpoint's best model."""
    with suppress(FileNotFoundError, PermissionError):
        stat = file.stat()
        file.unlink()
        return stat.st_size if stat.st_nlink <= 1 else 0
    return 0


def _age(path: Path) -> float:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return 0.0
