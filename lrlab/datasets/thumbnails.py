"""Thumbnails as they were drawn once, kept in the lab's cache by what the image file holds.

A class that opens a set of large pictures has each of them decoded once, not once for every browser.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lrlab.datasets.dataset import Dataset
from lrlab.datasets.images import CONVERSION
from lrlab.datasets.views import thumbnail
from lrlab.files import write_atomic
from lrlab.home import Home

LARGEST_SIDE = 320
"""Pixels up to which a thumbnail is kept: what the pages ask for."""

MOST = 2000
"""So many are kept, of some 25 kB each; beyond that the oldest quarter goes."""

_END = b"\xff\xd9"  # of a whole JPEG; a power cut may leave less


def kept_thumbnail(home: Home, dataset: Dataset, row: int, side: int) -> bytes:
    """`thumbnail`, drawn once for each content and side. Raises what that raises; a full disk only keeps nothing."""
    if side > LARGEST_SIDE or not 0 <= row < len(dataset):
        return thumbnail(dataset, row, side)
    path = home.thumbnails / f"{dataset.images['sha256'].iloc[row]}-v{CONVERSION}-{side}.jpg"
    with suppress(FileNotFoundError):
        kept = path.read_bytes()
        if kept.endswith(_END):
            return kept
    drawn = thumbnail(dataset, row, side)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, drawn, sync=False)
        _make_room(path.parent)
    return drawn


def _make_room(folder: Path) -> None:
    kept = list(folder.iterdir())
    if len(kept) > MOST:
        for path in sorted(kept, key=_written)[: MOST // 4]:
            path.unlink(missing_ok=True)


def _written(path: Path) -> float:
    with suppress(FileNotFoundError):  # "Clear caches" came first
        return path.stat().st_mtime
    return 0.0
