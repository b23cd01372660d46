"""Data sets: record, tables, and whether every image still lies where the table says, as it was imported."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from lrlab.datasets import Dataset
from lrlab.datasets.dataset import IMAGES, RECORD, REFUSED
from lrlab.errors import LabError, NotFound, shown
from lrlab.files import is_id, write_atomic
from lrlab.home import Home
from lrlab.keeping.finding import Finding, some

ANEW = "restore it from a backup, or delete it and add the images again"

_COLUMNS = {"file", "name", "label", "split", "width", "height", "bytes", "sha256"}


def check_datasets(home: Home, *, thorough: bool) -> Iterator[Finding]:
    """Findings about every data set. `thorough`: each image is read and compared with its checksum."""
    for name in sorted(entry.name for entry in os.scandir(home.datasets) if is_id(entry.name) and entry.is_dir()):
        folder = home.datasets / name
        try:
            dataset = Dataset.read(folder)
        except FileNotFoundError:
            yield Finding(
                f"data set {name}", f"its folder holds no {RECORD}", f"restore it from a backup, or delete {folder}"
            )
        except LabError as error:
            yield Finding(f"data set {name}", str(error), f"restore it from a backup, or delete {folder}")
        else:
            yield from _dataset(dataset, thorough)


def _dataset(dataset: Dataset, thorough: bool) -> Iterator[Finding]:
    place = f"data set {dataset.name}"
    if dataset.id != dataset.folder.name:
        yield Finding(place, f"its record has the id {shown(dataset.id)}, its folder is {dataset.folder.name}", ANEW)
    try:
        images = dataset.images
        fits = images.columns.isin(_COLUMNS).sum() == len(_COLUMNS) and _content(images) == dataset.content
    except (LabError, OSError, ValueError, KeyError, TypeError) as error:
        yield Finding(place, f"{IMAGES} {_why(error)}", ANEW)
        return
    if not fits or not images["label"].between(0, len(dataset.classes) - 1).all():
        yield Finding(place, f"{IMAGES} is not the table that was made with {RECORD}", ANEW)
        return
    counts = images["split"].value_counts()
    found = {split: int(counts.get(split, 0)) for split in dataset.counts}
    if found != dataset.counts:
        counted = partial(_write_counts, dataset, found)
        yield Finding(place, f"{RECORD} counts other images than there are", "the counts are written anew", counted)
    yield from _refused(dataset, place)
    yield from _originals(dataset, place, images, thorough)


def _content(images: pd.DataFrame) -> str:
    return hashlib.sha256("\n".join(images["sha256"]).encode()).hexdigest()[:32]


def _write_counts(dataset: Dataset, counts: dict[str, int]) -> None:
    right = dataset.model_copy(update={"counts": counts})
    write_atomic(dataset.folder / RECORD, right.model_dump_json(indent=1).encode())


def _refused(dataset: Dataset, place: str) -> Iterator[Finding]:
    path = dataset.folder / REFUSED
    try:
        _ = dataset.refused
    except (LabError, OSError, ValueError, KeyError) as error:
        yield Finding(
            place,
            f"{REFUSED}, the list of files that were not taken, {_why(error)}",
            "an empty one takes its place",
            lambda: pd.DataFrame([], columns=["name", "reason"]).to_parquet(path),
        )


def _why(error: Exception) -> str:
    return "is gone" if isinstance(error, NotFound) else f"cannot be read ({error})"


def _originals(dataset: Dataset, place: str, images: pd.DataFrame, thorough: bool) -> Iterator[Finding]:
    root = dataset.root
    if not root.is_dir():
        yield Finding(place, f"the folder of its images, {root}, is not there", f"bring it back, or {ANEW}")
        return
    gone, changed = [], []
    for file, name, size, sha256 in zip(*(images[part] for part in ("file", "name", "bytes", "sha256")), strict=True):
        path = root / file
        try:
            if path.stat().st_size != size or (thorough and _digest(path) != sha256):
                changed.append(name)
        except OSError:
            gone.append(name)
    for names, what in ((gone, "cannot be read"), (changed, "are not what was imported")):
        if names:
            yield Finding(place, f"images that {what}: {some(names)}", ANEW)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
