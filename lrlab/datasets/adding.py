"""Images in: from a source to a data set of the lab, built in a hidden folder that gets its name at the very end."""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock
from pydantic import ValidationError

from lrlab.datasets.dataset import IMAGES, ORIGINALS, RECORD, REFUSED, Dataset, check_name
from lrlab.datasets.findings import findings
from lrlab.datasets.images import ALLOWED, SIGNATURE_BYTES, SUFFIXES, Unreadable, read_rgb, signature
from lrlab.datasets.layout import SPLITS, TRAIN, Place, arrange
from lrlab.datasets.limits import MAX_IMAGE_BYTES, MAX_TOTAL_BYTES, megabytes
from lrlab.datasets.parallel import in_order
from lrlab.datasets.source import Entry, Listing, Progress, Refused, silent
from lrlab.datasets.sources import Sample, Source, opened
from lrlab.errors import LabError, shown
from lrlab.files import new_id, write_atomic, write_json
from lrlab.home import Home
from lrlab.process import Identity, boot_id, identity, is_alive

_OWNER = "owner.json"
_PARTIAL = ".partial-"
_DELETED = ".deleted-"
_ABANDONED_SECONDS = 24 * 3600.0
_COLUMNS = ["file", "name", "label", "split", "width", "height", "bytes", "sha256"]
_DECODE_AT_LEAST = 64  # pixels: a reduced JPEG decode still reads every byte of the file, which is what is checked


def add_dataset(home: Home, source: Source, name: str, progress: Progress | None = None) -> Dataset:
    """Takes in the images of `source` as the data set `name`.

    `source`: the path of a zip file or a folder on this machine, a finished upload, or `Sample()`.
    Raises LabError with field "name" or "source". Whatever ends it early, an exception of `progress` included,
    leaves nothing behind.
    """
    progress = progress or silent
    name = check_name(home, name)
    home.ensure()
    _sweep(home)
    try:
        with opened(source, progress) as listing, _partial(home) as folder:
            record = _build(listing, name, folder, progress)
            return _publish(home, record, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LabError(f"the disk is full: {name} was not added and nothing of it was kept") from error
        raise


def add_sample(home: Home, progress: Progress | None = None) -> Dataset:
    """Draws the built-in sample set and takes it in under its own name, `SAMPLE_NAME`."""
    return add_dataset(home, Sample(), Sample.name, progress)


def _build(listing: Listing, name: str, folder: Path, progress: Progress) -> Dataset:
    """Fills `folder` with everything a data set is, but for its name in the lab."""
    refused = list(listing.refused)
    candidates = []
    for entry in listing.entries:
        if _may_be_image(entry):
            candidates.append(entry)
        else:
            refused.append(Refused(entry.name, f"is no image that lrlab reads; allowed: {ALLOWED}"))
    layout = arrange([entry.parts for entry in candidates], listing.folders)
    placed = []
    for entry, place in zip(candidates, layout.places, strict=True):
        if isinstance(place, Place):
            placed.append((place, entry))
        else:
            refused.append(Refused(entry.name, place))
    if not placed:
        raise _nothing_placed(listing.title, len(candidates))
    placed.sort(key=lambda item: (SPLITS.index(item[0].split), item[0].class_name, item[1].name))
    entries = [entry for _, entry in placed]
    originals = None if listing.stays else folder / ORIGINALS
    rows = []
    for (place, entry), facts in zip(placed, _examined(entries, originals, progress), strict=True):
        if isinstance(facts, str):
            refused.append(Refused(entry.name, facts))
        else:
            rows.append({**vars(facts), "name": entry.name, "split": place.split, "class": place.class_name})
    if not rows:
        raise _fault(listing.title, f"holds no image that could be read; the first: {_first(refused)}")
    found = pd.DataFrame(rows)
    classes = sorted(set(found.loc[found.split == TRAIN, "class"]))  # as torchvision's ImageFolder orders them
    if len(classes) < 2:
        raise _too_few_classes(listing.title, classes)
    images = found[found["class"].isin(classes)].reset_index(drop=True)
    images["label"] = images["class"].map(classes.index).astype("int64")
    hollow = {place.class_name for place, _ in placed} - set(found["class"])
    notes = findings(found, classes, [*layout.empty, *hollow])
    if originals:
        for file in found.loc[~found["class"].isin(classes), "file"]:
            (originals / file).unlink()
    images[_COLUMNS].to_parquet(folder / IMAGES)
    refused.sort(key=lambda refusal: refusal.name)
    pd.DataFrame(refused, columns=["name", "reason"]).to_parquet(folder / REFUSED)
    counts = images.split.value_counts()
    return Dataset(
        id=folder.name.removeprefix(_PARTIAL),
        name=name,
        classes=tuple(classes),
        created=time.time(),
        source=listing.kind,
        notes=notes,
        counts={split: int(counts.get(split, 0)) for split in SPLITS},
        content=hashlib.sha256("\n".join(images.sha256).encode()).hexdigest()[:32],
        originals=str(listing.stays or ORIGINALS),
    )


def _may_be_image(entry: Entry) -> bool:
    """Files with an image's extension are judged when they are decoded; the others by their first bytes."""
    if Path(entry.parts[-1]).suffix.lower() in SUFFIXES:
        return True
    try:
        return signature(entry.read(SIGNATURE_BYTES)) is not None
    except (Unreadable, OSError):
        return False


@dataclass(frozen=True)
class _Facts:
    """What the table of images says about a file itself."""

    file: str
    width: int
    height: int
    bytes: int
    sha256: str


def _examined(entries: list[Entry], originals: Path | None, progress: Progress) -> Iterator[_Facts | str]:
    """The facts of every entry in order, or why it was refused; copies are kept in `originals` where it is given."""
    if originals:
        originals.mkdir()

    def examine(numbered: tuple[int, Entry]) -> _Facts | str:
        number, entry = numbered
        try:
            data = _content(entry)
            picture = read_rgb(data, _DECODE_AT_LEAST)
        except Unreadable as error:
            return str(error)
        if originals is None:
            file = entry.local
        else:
            file = f"{number:06d}.{signature(data[:SIGNATURE_BYTES])}"
            (originals / file).write_bytes(data)
        return _Facts(file, picture.width, picture.height, len(data), hashlib.sha256(data).hexdigest())

    total_bytes = 0
    progress("Checking images", 0, len(entries))
    with closing(in_order(examine, enumerate(entries))) as results:
        for done, facts in enumerate(results, start=1):
            if isinstance(facts, _Facts):
                total_bytes += facts.bytes
                if total_bytes > MAX_TOTAL_BYTES:
                    raise LabError(
                        f"the images are larger than {megabytes(MAX_TOTAL_BYTES)} together, the most that lrlab takes",
                        field="source",
                    )
            progress("Checking images", done, len(entries))
            yield facts


def _content(entry: Entry) -> bytes:
    """The whole file; Unreadable where it is too large or cannot be read."""
    if entry.size == 0:
        raise Unreadable("is empty")
    try:
        data = entry.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from error
    if len(data) > MAX_IMAGE_BYTES:
        raise Unreadable(f"is larger than {megabytes(MAX_IMAGE_BYTES)}, the most for one image")
    return data


def _fault(title: str, text: str) -> LabError:
    return LabError(f"{title} {text}", field="source")


def _first(refused: list[Refused]) -> str:
    return f"{shown(refused[0].name)} {refused[0].reason}" if refused else "no file at all"


def _nothing_placed(title: str, candidates: int) -> LabError:
    if candidates == 0:
        return _fault(title, f"holds no image; allowed: {ALLOWED}, one folder for each class")
    return _fault(
        title, "holds images, but none in a class folder; put the images of each class into a folder of its name"
    )


def _too_few_classes(title: str, classes: list[str]) -> LabError:
    if not classes:
        return _fault(title, "holds no images to train on, only some to validate or test; add a train folder")
    return _fault(title, f"holds images of one class only, {shown(classes[0])}; at least two are needed")


@contextmanager
def _partial(home: Home) -> Iterator[Path]:
    """A hidden folder for a data set in the making, deleted at the end unless it was renamed."""
    folder = home.datasets / f"{_PARTIAL}{new_id()}"
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


def _sweep(home: Home) -> None:
    """Removes what a killed import or deletion left. Processes of other machines get a day before they are doubted."""
    for folder in home.datasets.glob(f"{_DELETED}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in home.datasets.glob(f"{_PARTIAL}*"):
        try:
            owner = Identity.model_validate_json((folder / _OWNER).read_bytes())
            judged = owner.boot_id == boot_id()
            abandoned = judged and not is_alive(owner)
        except (FileNotFoundError, ValidationError):
            judged = abandoned = False
        try:
            old = time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS
        except FileNotFoundError:
            continue
        if abandoned or (not judged and old):
            shutil.rmtree(folder, ignore_errors=True)
