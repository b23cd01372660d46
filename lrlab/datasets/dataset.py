"""A data set of the lab: what dataset.json and the two tables beside it hold, and how they are found again.

datasets/<id>/dataset.json     the facts below
              images.parquet   one row per image
              refused.parquet  one row per file that was not taken
              images/          the originals, named by lrlab; absent where a server folder is referenced in place
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from filelock import FileLock
from pyarrow import parquet
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from lrlab.datasets.paths import is_showable
from lrlab.datasets.source import Kind, Refusal
from lrlab.errors import LabError, NotFound, from_validation, shown, warn_once
from lrlab.files import format_of, is_id, remove_tree, write_atomic
from lrlab.home import Home

RECORD = "dataset.json"
IMAGES = "images.parquet"
REFUSED = "refused.parquet"
ORIGINALS = "images"

FORMAT = 1
"""Of dataset.json. It grows where an older lrlab would misread what a newer one wrote; a field more does not count."""

MAX_NAME = 80

_log = logging.getLogger(__name__)


class Dataset(BaseModel):
    """The facts of one data set. `classes` are in alphabetical order; a label is an index into them."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    id: str
    name: str
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    created: float
    """Unix seconds."""
    owner: str = ""
    """The mail address of whoever brought it in; empty for the local user, and for the sample set."""
    shared: bool = False
    """Whether the class may see it and train on it: everyone who signs in."""
    source: Kind
    notes: tuple[str, ...] = ()
    """What was flagged, not refused: one sentence each."""
    counts: dict[str, int]
    """Images in "train", "val" and "test", as the folders have it."""
    content: str
    """SHA-256 over the images' own in the order of the rows: two data sets of equal content share one cache."""
    originals: str = ORIGINALS
    """The folder of the image files: relative to the data set's own, or an absolute path on the server."""
    _folder: Path = PrivateAttr()

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def root(self) -> Path:
        """The folder that `images.file` is relative to."""
        return self._folder / self.originals

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per image, sorted by split, class and name; shared, not to be written to.

        Columns: file (relative to `root`), name (the path as the person knows it), label (int64), split ("train",
        "val", "test"), width and height (pixels, after EXIF rotation), bytes, sha256 (hexadecimal, of the file).
        """
        return self._table(IMAGES)

    @cached_property
    def refused(self) -> tuple[Refusal, ...]:
        """Every file that was not taken, in the order of their names."""
        table = self._table(REFUSED)
        return tuple(map(Refusal, table["name"], table["reason"]))

    def _table(self, name: str) -> pd.DataFrame:
        try:
            # Not by pandas, which opens the file in Python: see `runs/arrow.py` for what Arrow's threads do with that.
            with parquet.ParquetFile(self._folder / name) as file:
                table: pd.DataFrame = file.read().to_pandas()
        except FileNotFoundError:
            raise NotFound(f"the data set {shown(self.name)} was deleted") from None
        return table

    def __len__(self) -> int:
        return sum(self.counts.values())

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """The data set in `folder`; FileNotFoundError where there is none, LabError where its record cannot be read."""
        content = (folder / RECORD).read_bytes()
        try:
            dataset = cls.model_validate_json(content)
        except ValidationError as error:
            name = f"the data set in {folder}"
            if (later := format_of(content)) > FORMAT:
                text = f"was written by a later lrlab (format {later}; this one knows {FORMAT}); update lrlab"
                raise LabError(f"{name} {text}") from error
            raise LabError(f"{name} cannot be read: {from_validation(error)}") from error
        dataset._folder = folder
        return dataset


def list_datasets(home: Home) -> list[Dataset]:
    """All data sets of the lab, the newest first."""
    found = []
    for folder in home.datasets.iterdir() if home.datasets.is_dir() else ():
        if is_id(folder.name):
            try:
                found.append(Dataset.read(folder))
            except FileNotFoundError:
                continue  # deleted while we looked
            except LabError as error:
                warn_once(_log, folder / RECORD, error)
    return sorted(found, key=lambda dataset: (-dataset.created, dataset.name))


def load_dataset(home: Home, name_or_id: str) -> Dataset:
    """The data set of that name or id; NotFound (field "dataset") tells which ones there are."""
    if is_id(name_or_id) and (home.datasets / name_or_id / RECORD).exists():
        return Dataset.read(home.datasets / name_or_id)
    return among(list_datasets(home), name_or_id)


def among(known: Sequence[Dataset], name_or_id: str) -> Dataset:
    """The one of `known` with that name or id; NotFound (field "dataset") names what is known."""
    wanted = name_or_id.strip()
    for dataset in known:
        if wanted in (dataset.name, dataset.id):
            return dataset
    names = ", ".join(dataset.name for dataset in known[:10]) or "none; add one first"
    raise NotFound(f"dataset: there is no data set {shown(name_or_id)}; there are: {names}", field="dataset")


def share_dataset(home: Home, dataset_id: str, shared: bool) -> Dataset:
    """Lets the class see a data set and train on it, or no longer; NotFound where there is none."""
    with FileLock(home.datasets / ".lock"):
        dataset = load_dataset(home, dataset_id)
        changed = dataset.model_copy(update={"shared": shared})
        write_atomic(dataset.folder / RECORD, changed.model_dump_json(indent=1).encode())
    return changed


def check_name(home: Home, name: str) -> str:
    """`name` as a new data set may bear it, without spaces around it; LabError (field "name") says what is wrong."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise LabError(f"name: got {len(name)} characters, allowed: 1 to {MAX_NAME}", field="name")
    if not is_showable(name) or "/" in name or "\\" in name:
        raise LabError(f"name: got {shown(name)}, allowed: printable characters without / and \\", field="name")
    if any(name in (dataset.name, dataset.id) for dataset in list_datasets(home)):
        raise LabError(f"name: there is already a data set {shown(name)}; choose another name", field="name")
    return name


def delete_dataset(home: Home, dataset_id: str) -> None:
    """Deletes a data set: its record, the copies of its images and its cache. A server folder itself stays.

    Raises NotFound. Runs that were trained on it keep their logs and models.
    """
    none = NotFound(f"there is no data set with the id {shown(dataset_id)}", field="dataset")
    if not is_id(dataset_id):
        raise none
    folder, hidden = home.datasets / dataset_id, home.datasets / f".deleted-{dataset_id}"
    try:
        content = Dataset.read(folder).content
        folder.rename(hidden)  # gone at once for everybody, however long the files take
    except FileNotFoundError:
        raise none from None
    remove_tree(hidden)  # whoever sweeps meanwhile helps
    if all(other.content != content for other in list_datasets(home)):
        for cached in home.cache.glob(f"{content}-*"):
            cached.unlink(missing_ok=True)
