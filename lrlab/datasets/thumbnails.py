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
    # Looked for here too: whoever waited for their turn to draw may find that another has drawn the same.
    if kept := found_thumbnail(home, dataset, row, side):
        return kept
    drawn = thumbnail(dataset, row, side)
    if path := _place(home, dataset, row, side):
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, drawn, sync=False)
            _make_room(path.parent)
    return drawn


def found_thumbnail(home: Home, dataset: Dataset, row: int, side: int) -> bytes | None:
    """The JPEG that `kept_thumbnail` has kept; None where it would have to be drawn."""
    path = _place(home, dataset, row, side)
    if path is None:
        return None
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        return None
    return kept if kept.endswith(_END) else None


def _place(home: Home, dataset: Dataset, row: int, side: int) -> Path | None:
    """Where the thumbnail is kept; None where there is no such row, or one so large is not kept."""
    if side > LARGEST_SIDE or not 0 <= row < len(dataset):
        return None
    return home.thumbnails / f"{dataset.images['sha256'].iloc[row]}-v{CONVERSION}-{side}.jpg"


def _make_room(folder: Path) -> None:
    kept = list(folder.iterdir())
    if len(kept) > MOST:
        for path in sorted(kept, key=_written)[: MOST // 4]:
            path.unlink(missing_ok=True)


def _written(path: Path) -> float:
    with suppress(FileNotFoundError):  # "Clear caches" came first
        return path.stat().st_mtime
    return 0.0
