"""The built-in sample set: pictures that lrlab draws itself, so that a newcomer without data trains within a minute."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image

from lrlab.datasets.beans import ROASTS, draw
from lrlab.datasets.source import Entry, Listing, Progress, silent

TRAIN_IMAGES: Final = 1200
VAL_IMAGES: Final = 600
SEED: Final = 7

_BATCH = 24  # pictures drawn at once


def draw_sample(progress: Progress = silent) -> Listing:
    """The sample set as a source: train/ and val/, the classes evenly many. The same pixels every time."""
    rng = np.random.default_rng(SEED)
    entries = []
    total = TRAIN_IMAGES + VAL_IMAGES
    for split, images in (("train", TRAIN_IMAGES), ("val", VAL_IMAGES)):
        roasts = np.arange(images) % len(ROASTS)
        for first in range(0, images, _BATCH):
            chosen = roasts[first : first + _BATCH]
            for number, (roast, pixels) in enumerate(zip(chosen, draw(chosen, rng), strict=True), start=first):
                data = _png(pixels)
                parts = (split, ROASTS[roast], f"bean_{number:04d}.png")
                entries.append(Entry(parts, len(data), _Bytes(data)))
            progress("Drawing beans", len(entries), total)
    folders = frozenset(entry.parts[:depth] for entry in entries for depth in (1, 2))
    return Listing("sample", "the sample set", tuple(entries), folders)


class _Bytes:
    """Reads the first bytes of a file that was never on disk."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self, limit: int) -> bytes:
        return self._data[:limit]


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
