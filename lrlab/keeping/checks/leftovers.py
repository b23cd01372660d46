"""What killed processes left behind, and the caches: files that are in nobody's use, or can be made again."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from lrlab.datasets import Dataset, abandoned, list_datasets, open_upload, sweep_uploads
from lrlab.datasets.cache import kept_squares
from lrlab.datasets.images import CONVERSION
from lrlab.errors import LabError
from lrlab.files import is_id, read_json, remove_tree
from lrlab.home import Home
from lrlab.jobs import ImportStatus, import_status, is_lost_import
from lrlab.keeping.finding import Finding, some
from lrlab.keeping.restoring import HIDDEN
from lrlab.runs import Run, worker_gone

ABANDONED = 3600.0
"""Seconds after which nobody writes a hidden file any more; the largest takes minutes."""

_TEMPORARY = re.compile(r"\..+\.[a-z2-9]{6}")
_CACHED = re.compile(r"([0-9a-f]{32})-([0-9]+)-v([0-9]+)\.npy")


def check_leftovers(home: Home) -> Iterator[Finding]:
    """Findings about caches, uploads, imports and hidden files."""
    yield from _caches(home)
    yield from _answers(home)
    yield from _uploads(home)
    yield from _imports(home)
    yield from _hidden(home)


def _caches(home: Home) -> Iterator[Finding]:
    files = sorted(home.cache.glob("*.npy"))
    rows = {dataset.content: _rows(dataset) for dataset in list_datasets(home)}
    for path in files:
        name = _CACHED.fullmatch(path.name)
        if path.name.startswith("."):
            continue
        unlink = partial(path.unlink, missing_ok=True)
        if name is None or name[1] not in rows or int(name[3]) != CONVERSION:
            yield Finding("cache", f"{path.name} belongs to no data set", "it is removed", unlink)
        elif (count := rows[name[1]]) is not None and _is_damaged(path, count, int(name[2])):
            yield Finding("cache", f"{path.name} is damaged", "it is removed, and made again when it is needed", unlink)


def _rows(dataset: Dataset) -> int | None:
    """How many images its table has; None where that cannot be read, which is told with the data sets."""
    try:
        return len(dataset.images)
    except (LabError, OSError, ValueError):
        return None


def _is_damaged(path: Path, count: int, side: int) -> bool:
    return kept_squares(path, count, side) is None and path.exists()  # else it was removed since the folder was listed


def _answers(home: Home) -> Iterator[Finding]:
    for path in sorted(home.answers.glob("[!.]*.json")):
        if not _is_json(path):
            unlink = partial(path.unlink, missing_ok=True)
            yield Finding("cache", f"the kept answer {path.name} is damaged", "it is removed", unlink)


def _is_json(path: Path) -> bool:
    try:
        read_json(path)
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _uploads(home: Home) -> Iterator[Finding]:
    for folder in sorted(home.uploads.iterdir()):
        if not is_id(folder.name) or time.time() - _changed(folder) < ABANDONED:
            continue
        try:
            open_upload(home, folder.name)
        except LabError:
            remove = partial(remove_tree, folder)
            yield Finding("uploads", f"the upload {folder.name} has no list of its files", "it is removed", remove)
    stale = [folder for folder in home.uploads.iterdir() if is_id(folder.name) and _is_stale(folder)]
    if stale:
        sweep = partial(sweep_uploads, home)
        yield Finding(
            "uploads", f"abandoned for more than a day: {some([one.name for one in stale])}", "removed", sweep
        )


def _is_stale(folder: Path) -> bool:
    return time.time() - _changed(folder) > 24 * ABANDONED


def _imports(home: Home) -> Iterator[Finding]:
    names = sorted({path.name.partition(".")[0] for path in home.imports.iterdir()} - {""})
    for import_id in names:
        if not is_id(import_id):
            continue
        files = sorted(home.imports.glob(f"{import_id}.*"))
        remove = partial(_unlink, files)
        try:
            status = ImportStatus.model_validate_json((home.imports / f"{import_id}.json").read_bytes())
        except ValidationError:
            text = f"how the import {import_id} stands cannot be read"
            yield Finding("imports", text, "what is left of it is removed; data sets are not touched", remove)
        except FileNotFoundError:
            if all(time.time() - _changed(path) > ABANDONED for path in files):
                yield Finding(
                    "imports", f"files of the import {import_id}, which is no more", "they are removed", remove
                )
        else:
            if is_lost_import(home, status):
                text = f"the import {import_id} ended, and nobody wrote it down"
                settle = partial(import_status, home, import_id)
                yield Finding("imports", text, "that is written down now, and what it left is removed", settle)


def _hidden(home: Home) -> Iterator[Finding]:
    for folder in abandoned(home):
        remove = partial(remove_tree, folder)
        yield Finding("data sets", f"{folder.name}, left by an import or deletion that was killed", "removed", remove)
    for folder in sorted([*home.runs.glob(".new-*"), *home.runs.glob(".gone-*")]):
        if time.time() - _changed(folder) > ABANDONED:
            remove = partial(remove_tree, folder)
            yield Finding("runs", f"{folder.name}, left by a start or deletion that was killed", "removed", remove)
    for folder in _half_restored(home):
        remove = partial(remove_tree, folder)
        yield Finding("lab", f"{folder.name}, left by a restore that was killed", "removed", remove)
    for run in sorted(home.runs.iterdir()):
        reserve = run / ".reserve"
        if is_id(run.name) and reserve.exists() and _is_idle(Run(run.name, run)):
            unlink = partial(reserve.unlink, missing_ok=True)
            yield Finding(f"run {run.name}", "the room that its worker kept for its last words", "removed", unlink)
    for path in _temporaries(home):
        unlink = partial(path.unlink, missing_ok=True)
        yield Finding("lab", f"{path.relative_to(home.root)}, which somebody was killed over", "removed", unlink)


def _half_restored(home: Home) -> list[Path]:
    """What restores that were killed had unpacked: a list, so that the lock is free while a person reads of it."""
    try:
        with FileLock(home.supervisor_lock, blocking=False):  # as a restore holds it
            return sorted(home.root.glob(f"{HIDDEN}*"))
    except Timeout:  # a lab at work was not just being restored
        return []


def _is_idle(run: Run) -> bool:
    try:
        record = run.record
    except LabError:
        return False
    return record.state != "running" or worker_gone(record)


def _temporaries(home: Home) -> Iterator[Path]:
    """Files that were being written, hidden until they are whole, and have not grown for long."""
    folders = [home.root, home.cache, home.answers, home.thumbnails, home.imports, home.datasets]
    folders += [path for path in home.datasets.iterdir() if is_id(path.name)]
    runs = [path for path in home.runs.iterdir() if is_id(path.name)]
    folders += [inside for run in runs for inside in (run, run / "checkpoints", run / "lr")]
    for folder in filter(Path.is_dir, folders):
        for entry in os.scandir(folder):
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                path = Path(entry.path)
                if time.time() - _changed(path) > ABANDONED:
                    yield path


def _changed(path: Path) -> float:
    """When it was changed last; now, where it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
