"""A data set is built in a hidden folder that gets its name at the very end: it is there whole, or not at all."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from pydantic import ValidationError

from lrlab.datasets.building import build
from lrlab.datasets.dataset import RECORD, Dataset, check_name
from lrlab.datasets.source import Progress, silent
from lrlab.datasets.sources import Sample, Source, opened
from lrlab.errors import LabError
from lrlab.files import new_id, write_atomic, write_json
from lrlab.home import Home
from lrlab.process import Identity, boot_id, identity, is_alive

_OWNER = "owner.json"
_PARTIAL = ".partial-"
_ABANDONED_SECONDS = 24 * 3600.0


def add_dataset(home: Home, source: Source, name: str, progress: Progress | None = None, *, owner: str = "") -> Dataset:
    """Takes in the images of `source` as the data set `name` of `owner`; the sample set is everybody's.

    `source`: the path of a zip file or a folder on this machine, a finished upload, or `Sample()`.
    Raises LabError with field "name" or "source". Whatever ends it early, an exception of `progress` included,
    leaves nothing behind.
    """
    progress = progress or silent
    home.ensure()
    name = check_name(home, name)
    sweep_partials(home)
    dataset_id = new_id()
    try:
        with opened(source, progress) as listing, _partial(home, dataset_id) as folder:
            record = build(home, listing, dataset_id, name, folder, progress)
            belongs = {"owner": "", "shared": True} if isinstance(source, Sample) else {"owner": owner}
            return _publish(home, record.model_copy(update=belongs), folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LabError(f"the disk is full: {name} was not added and nothing of it was kept") from error
        raise


def add_sample(home: Home, progress: Progress | None = None) -> Dataset:
    """Draws the built-in sample set and takes it in under its own name, `SAMPLE_NAME`."""
    return add_dataset(home, Sample(), Sample.name, progress)


@contextmanager
def _partial(home: Home, dataset_id: str) -> Iterator[Path]:
    """A hidden folder for a data set in the making, deleted at the end unless it was renamed."""
    folder = home.datasets / f"{_PARTIAL}{dataset_id}"
    folder.mkdir()
    try:
        write_json(folder / _OWNER, identity().model_dump(), sync=False)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(home: Home, record: Dataset, folder: Path) -> Dataset:
    """Gives the finished folder its place; two imports may have raced for one name."""
    with FileLock(home.datasets / ".lock"):
        check_name(home, record.name)
        (folder / _OWNER).unlink()
        write_atomic(folder / RECORD, record.model_dump_json(indent=1).encode())
        place = folder.rename(home.datasets / record.id)
    return Dataset.read(place)


def sweep_partials(home: Home, *, mine: bool = False) -> None:
    """Removes what killed imports and deletions left; with `mine` also what this process is building."""
    for folder in abandoned(home):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in home.datasets.glob(f"{_PARTIAL}*") if mine else ():
        if _owner(folder) == identity():
            shutil.rmtree(folder, ignore_errors=True)


def abandoned(home: Home) -> list[Path]:
    """The hidden folders that a killed import or deletion left."""
    partial = [folder for folder in home.datasets.glob(f"{_PARTIAL}*") if _is_abandoned(folder)]
    return [*home.datasets.glob(".deleted-*"), *partial]


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody builds in `folder` any more; an owner on another machine is doubted only after a day."""
    owner = _owner(folder)
    if owner and owner.boot_id == boot_id():
        return not is_alive(owner)
    try:
        return time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _owner(folder: Path) -> Identity | None:
    """Who builds in `folder`; None where that is about to be written, or the folder about to be published."""
    try:
        return Identity.model_validate_json((folder / _OWNER).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
