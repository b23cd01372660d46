"""What the Images page shows of a data set, as pure functions: counts, sizes, a grid of examples, thumbnails."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrlab.datasets.dataset import Dataset
from lrlab.datasets.images import Unreadable, read_rgb, square
from lrlab.datasets.layout import SPLITS
from lrlab.datasets.splitting import Split
from lrlab.errors import LabError, NotFound, shown


def counts(dataset: Dataset, parts: Split | None = None) -> pd.DataFrame:
    """Images per class (index, in the order of `classes`) and split (columns train, val, test).

    `parts`: the split to count by, as `split` gives it; without it, the split that the folders make.
    """
    labels = dataset.images["label"]
    if parts is None:
        table = pd.crosstab(labels, dataset.images["split"])
    else:
        rows = {"train": parts.train, "val": parts.val, "test": parts.test}
        table = pd.DataFrame({name: labels.iloc[chosen].value_counts() for name, chosen in rows.items()})
    table = table.reindex(index=range(len(dataset.classes)), columns=list(SPLITS)).fillna(0).astype("int64")
    return table.set_axis(pd.Index(dataset.classes, name="class"), axis=0).rename_axis(columns=None)


@dataclass(frozen=True)
class Sizes:
    """Of all images: how many, their bytes together, the range and the median of their sides in pixels.

    `commonest`: (width, height) of most images, and `share` of them have it (0 to 1).
    """

    images: int
    bytes: int
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    commonest: tuple[int, int]
    share: float


def sizes(dataset: Dataset) -> Sizes:
    """The sizes of the images; smallest, median and largest are taken of width and height apart."""
    sides = dataset.images[["width", "height"]]
    pairs = sides.value_counts()
    low, middle, high = (tuple(int(side) for side in values) for values in (sides.min(), sides.median(), sides.max()))
    width, height = pairs.index[0]
    return Sizes(
        images=len(sides),
        bytes=int(dataset.images["bytes"].sum()),
        smallest=(low[0], low[1]),
        median=(middle[0], middle[1]),
        largest=(high[0], high[1]),
        commonest=(int(width), int(height)),
        share=float(pairs.iloc[0] / len(sides)),
    )


def grid_rows(dataset: Dataset, n: int = 10, seed: int = 0) -> list[int]:
    """`n` different rows (fewer where there are fewer images), spread evenly over the classes, ordered by class."""
    rng = np.random.default_rng(seed)
    labels = dataset.images["label"].to_numpy()
    rank = np.empty(len(labels), dtype=np.int64)  # of each image in a random order of its class
    for label in range(len(dataset.classes)):
        rows = np.flatnonzero(labels == label)
        rank[rng.permutation(rows)] = np.arange(len(rows))
    turn = rng.permutation(len(dataset.classes))[labels]
    chosen = np.lexsort((turn, rank))[:n]
    return sorted(int(row) for row in chosen)


def thumbnail(dataset: Dataset, row: int, side: int) -> bytes:
    """Image `row` as a JPEG: the square that a model sees, rotation applied, at most `side` (16 to 1024) pixels wide.

    Raises NotFound where there is no such row or the file is gone, LabError where `side` is out of range.
    """
    if not 16 <= side <= 1024:
        raise LabError(f"side: got {side}, allowed: 16 to 1024", field="side")
    if not 0 <= row < len(dataset):
        raise NotFound(f"row: got {row}, allowed: 0 to {len(dataset) - 1}", field="row")
    image = dataset.images.iloc[row]
    try:
        picture = read_rgb((dataset.root / image["file"]).read_bytes(), 2 * side, taken=True)
    except (OSError, Unreadable) as error:
        raise NotFound(f"{shown(image['name'])} of {shown(dataset.name)} cannot be read any more") from error
    buffer = io.BytesIO()
    small = square(picture.rgb, min(side, *picture.rgb.size))
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
