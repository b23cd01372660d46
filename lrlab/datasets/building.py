"""From the files of a source to the tables of a data set: sorted into classes, each decoded once, copied or not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lrlab.datasets.dataset import IMAGES, ORIGINALS, REFUSED, Dataset
from lrlab.datasets.findings import findings
from lrlab.datasets.images import ALLOWED, SIGNATURE_BYTES, Unreadable, read_rgb, signature
from lrlab.datasets.layout import SPLITS, TRAIN, Place, arrange
from lrlab.datasets.limits import MAX_IMAGE_BYTES, MAX_TOTAL_BYTES, check_import, is_named_image, megabytes
from lrlab.datasets.parallel import in_order
from lrlab.datasets.source import READING, Entry, Listing, Progress, Refusal
from lrlab.errors import LabError, shown
from lrlab.home import Home

_COLUMNS = ["file", "name", "label", "split", "width", "height", "bytes", "sha256"]
_DECODE_AT_LEAST = 64  # pixels: a reduced JPEG decode still reads every byte of the file, which is what is checked


def build(home: Home, listing: Listing, dataset_id: str, name: str, folder: Path, progress: Progress) -> Dataset:
    """Writes the tables (and, unless the files stay in their place, the copies) into `folder`; returns the record.

    Raises LabError (field "source") where the files make no data set, or one that `home` has no place for; Dataset
    lists what each table holds.
    """
    placed, empty, refused = _sorted_out(listing, progress)
    entries = [entry for _, entry in placed]
    # Not before: files without an image's extension are known by their first bytes, and count as well.
    check_import(home, listing.title, len(entries), 0 if listing.stays else sum(entry.size for entry in entries))
    originals = None if listing.stays else folder / ORIGINALS
    rows = []
    with closing(_examined(entries, originals, progress)) as outcomes:
        for (place, entry), facts in zip(placed, outcomes, strict=True):
            if isinstance(facts, str):
                refused.append(Refusal(entry.name, facts))
            else:
                rows.append({**vars(facts), "name": entry.name, "split": place.split, "class": place.class_name})
    refused.sort(key=lambda refusal: refusal.name)
    if not rows:
        raise _fault(listing, f"holds no image that could be read; {shown(refused[0].name)} {refused[0].reason}")

    found = pd.DataFrame(rows)
    classes = sorted(set(found.loc[found["split"] == TRAIN, "class"]))  # as torchvision's ImageFolder orders them
    if len(classes) < 2:
        raise _too_few_classes(listing, classes)
    trained = found["class"].isin(classes)
    images = found[trained].reset_index(drop=True)
    images["label"] = images["class"].map({name: label for label, name in enumerate(classes)}).astype("int64")
    for file in found.loc[~trained, "file"] if originals else ():
        (folder / ORIGINALS / file).unlink()

    images[_COLUMNS].to_parquet(folder / IMAGES)
    pd.DataFrame(refused, columns=["name", "reason"]).to_parquet(folder / REFUSED)
    hollow = {place.class_name for place, _ in placed} - set(found["class"])
    counts = images["split"].value_counts()
    return Dataset(
        id=dataset_id,
        name=name,
        classes=tuple(classes),
        created=time.time(),
        source=listing.kind,
        notes=findings(found, classes, [*empty, *hollow]),
        counts={split: int(counts.get(split, 0)) for split in SPLITS},
        content=hashlib.sha256("\n".join(images["sha256"]).encode()).hexdigest()[:32],
        originals=str(listing.stays or ORIGINALS),
    )


def _sorted_out(
    listing: Listing, progress: Progress
) -> tuple[list[tuple[Place, Entry]], tuple[str, ...], list[Refusal]]:
    """The files that may be images with their places, in the order of the rows; empty class folders; the refused."""
    refused = list(listing.refused)
    candidates = []
    for entry in listing.entries:
        progress(READING, 0, 0)
        if _may_be_image(entry):
            candidates.append(entry)
        else:
            refused.append(Refusal(entry.name, f"is no image that lrlab reads; allowed: {ALLOWED}"))
    if not candidates:
        raise _fault(listing, f"holds no image; allowed: {ALLOWED}, one folder for each class")
    layout = arrange([entry.parts for entry in candidates], listing.folders)
    placed = []
    for entry, place in zip(candidates, layout.places, strict=True):
        if isinstance(place, Place):
            placed.append((place, entry))
        else:
            refused.append(Refusal(entry.name, place))
    if not placed:
        raise _fault(
            listing, "holds images, but none in a class folder; put the images of each class into a folder of its name"
        )
    placed.sort(key=lambda item: (SPLITS.index(item[0].split), item[0].class_name, item[1].name))
    return placed, layout.empty, refused


def _may_be_image(entry: Entry) -> bool:
    """Files with an image's extension are judged when they are decoded; the others by their first bytes."""
    if is_named_image(entry.parts[-1]):
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


def _examined(entries: list[Entry], originals: Path | None, progress: Progress) -> Generator[_Facts | str, None, None]:
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
                    limit = megabytes(MAX_TOTAL_BYTES)
                    raise LabError(f"the images are larger than {limit} together, the most allowed", field="source")
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


def _fault(listing: Listing, text: str) -> LabError:
    return LabError(f"{listing.title} {text}", field="source")


def _too_few_classes(listing: Listing, classes: list[str]) -> LabError:
    if not classes:
        return _fault(listing, "holds no images to train on, only some to validate or test; add a train folder")
    return _fault(listing, f"holds images of one class only, {shown(classes[0])}; at least two are needed")
