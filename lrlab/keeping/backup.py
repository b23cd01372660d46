"""A backup of a lab, taken while it runs: one file with all that cannot be made again.

In it are the data sets, the runs, the order of the queue and lab.toml. Left out is what is made again (caches), what
is under way (uploads, imports, hidden files) and what belongs to processes (locks, their logs). The queue goes in as a
list of run ids: what else its file holds are this machine's workers, which a restored lab must not take for its own.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import lrlab
from lrlab.datasets import Dataset, Progress, list_datasets, megabytes
from lrlab.errors import LabError, shown
from lrlab.files import is_id
from lrlab.home import FORMAT, Home
from lrlab.jobs import Queue
from lrlab.keeping.names import QUEUE, SETTINGS
from lrlab.keeping.packing import Mark, Packer, packed
from lrlab.keeping.snapshots import Look, frozen_dataset, frozen_run
from lrlab.runs import Run

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backup:
    """What a backup holds. `remarks`: sentences about what a person may miss in it."""

    path: Path
    datasets: int
    runs: int
    files: int
    bytes: int
    """Of the backup's own file."""
    remarks: tuple[str, ...]


def back_up(home: Home, path: Path, progress: Progress | None = None) -> Backup:
    """Packs the lab as it stands into a new file at `path`, which appears whole or not at all.

    LabError (field "file") where something is there already, or the disk has no room.
    """
    path = _writable(path)
    # What a run was trained on is packed with it: data sets are listed after the runs.
    runs = [Run(run_id, home.runs / run_id) for run_id in _ids(home.runs)]
    datasets = [home.datasets / dataset_id for dataset_id in _ids(home.datasets)]
    expected = _expected(datasets + [run.folder for run in runs], path)
    filling = _Filling(expected, progress)
    began = time.time()
    try:
        with packed(path) as packer:
            stored = [folder.name for folder in datasets if filling.take(packer, partial(frozen_dataset, folder))]
            if home.settings.is_file():
                packer.add(SETTINGS, io.BytesIO(home.settings.read_bytes()))
            with Queue(home) as queue:
                packer.add(QUEUE, io.BytesIO(json.dumps(queue.order()).encode()))
            kept = [run.id for run in runs if filling.take(packer, partial(frozen_run, run))]
            packer.finish({"home": FORMAT, "lrlab": lrlab.__version__, "made": began})
    except (OSError, EOFError) as error:
        raise LabError(f"file: the backup was not made: {_reason(error)}", field="file") from error
    remarks = [
        *(_elsewhere(one) for one in list_datasets(home) if one.id in stored and Path(one.originals).is_absolute()),
        *(_broken(run) for run in runs if run.id not in kept and run.folder.is_dir()),
        *_left_out(filling.left_out),
    ]
    return Backup(path, len(stored), len(kept), packer.files, path.stat().st_size, tuple(remarks))


class _Filling:
    """Packs looks at data sets and runs, whole or not at all, and tells how far it is."""

    def __init__(self, expected: int, progress: Progress | None) -> None:
        self._expected = expected
        self._progress = progress
        self._done = 0
        self.left_out: list[str] = []

    def take(self, packer: Packer, looking: Callable[[], AbstractContextManager[Look]]) -> bool:
        """Whether it is in the backup; not where it was deleted before it was whole in it."""
        mark, done = packer.mark(), self._done
        try:
            with looking() as look:
                for piece in look.pieces:
                    with piece.opened() as file:
                        packer.add(piece.name, file, piece.size, self._told)
        except FileNotFoundError as error:
            _log.info("deleted while it was packed: %s", error)
            self._take_back(packer, mark, done)
            return False
        self.left_out += look.left_out
        return True

    def _take_back(self, packer: Packer, mark: Mark, done: int) -> None:
        packer.rewind(mark)
        self._done = done

    def _told(self, count: int) -> None:
        self._done += count
        if self._progress:
            # A run at work may have grown since the bytes were counted.
            self._progress("Packing, in kB", self._done // 1024, max(self._done, self._expected) // 1024)


def _writable(path: Path) -> Path:
    path = path.expanduser().absolute()
    if path.exists() or path.is_symlink():
        raise LabError(f"file: {path} is there already; choose another name", field="file")
    if not path.parent.is_dir():
        raise LabError(f"file: there is no folder {path.parent}", field="file")
    return path


def _ids(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if is_id(entry.name) and entry.is_dir())


def _expected(folders: list[Path], path: Path) -> int:
    """The bytes that the backup will take, about; LabError where there is no room for them."""
    size = sum(sum(_sizes(folder)) for folder in folders)
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise LabError(
            f"file: the backup needs {megabytes(size)} in {path.parent}, where {megabytes(free)} are free",
            field="file",
        )
    return size


def _sizes(folder: Path) -> Iterator[int]:
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118 - a Path for each would double the time
            except FileNotFoundError:
                continue


def _reason(error: OSError | EOFError) -> str:
    if isinstance(error, EOFError):
        return f"a file became shorter while it was read; {error}"
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _broken(run: Run) -> str:
    return f"The folder of run {run.id} holds no run.json and is not in the backup."


def _elsewhere(dataset: Dataset) -> str:
    return (
        f"The images of {dataset.name} lie in {dataset.root} and are not in the backup; it holds the list of them with "
        "their checksums."
    )


def _left_out(names: list[str]) -> list[str]:
    if not names:
        return []
    first = ", ".join(map(shown, names[:3])) + (", ..." if len(names) > 3 else "")
    return [f"Left out, since no lab names its files so: {first} ({len(names):,} in all)."]
