"""What the Images page shows: counts, sizes, the grid, thumbnails."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Dataset, add_dataset, counts, grid_rows, sizes, split, thumbnail
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Validation
from lrlab.home import Home

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]


@pytest.fixture
def made(home: Home, contents: Contents, make_zip: Make, picture: Callable[..., bytes]) -> Dataset:
    tree = "train/A/1.png train/A/2.png train/A/3.png train/B/1.png train/B/2.png train/C/1.png test/A/1.png"
    files = contents(tree) | {"test/B/wide.png": picture(99, size=(40, 20))}
    return add_dataset(home, make_zip(files), "made")


def test_counts_by_folders_and_by_a_split(made: Dataset) -> None:
    table = counts(made)
    assert table.index.tolist() == ["A", "B", "C"]
    assert table.columns.tolist() == ["train", "val", "test"]
    assert table.to_numpy().tolist() == [[3, 0, 1], [2, 0, 1], [1, 0, 0]]
    drawn = counts(made, split(made, Validation(fraction=0.34)))
    assert drawn.to_numpy().tolist() == [[2, 1, 1], [1, 1, 1], [1, 0, 0]]


def test_sizes(made: Dataset) -> None:
    summary = sizes(made)
    assert summary.images == 8
    assert (summary.smallest, summary.median, summary.largest) == ((12, 10), (12, 10), (40, 20))
    assert (summary.commonest, summary.share) == ((12, 10), 7 / 8)
    assert summary.bytes == sum((made.root / file).stat().st_size for file in made.images["file"])


GRIDS = [(1, [1]), (3, [1, 1, 1]), (4, [1, 1, 2]), (5, [1, 2, 2]), (8, [1, 3, 4]), (20, [1, 3, 4])]


@pytest.mark.parametrize(("n", "per_class"), GRIDS)
def test_the_grid_is_spread_over_the_classes(made: Dataset, n: int, per_class: list[int]) -> None:
    for seed in range(20):
        rows = grid_rows(made, n, seed)
        assert len(set(rows)) == len(rows) == min(n, 8)
        labels = made.images["label"].iloc[rows]
        assert sorted(Counter(labels).values()) == per_class


def test_the_grid_changes_with_its_seed_alone(made: Dataset) -> None:
    assert grid_rows(made, 3, seed=1) == grid_rows(made, 3, seed=1)
    assert len({tuple(grid_rows(made, 3, seed)) for seed in range(30)}) > 5


def test_a_thumbnail_is_what_a_model_sees(made: Dataset) -> None:
    row = made.images["name"].tolist().index("test/B/wide.png")
    with (
        Image.open(io.BytesIO(thumbnail(made, row, 16))) as small,
        Image.open(made.root / made.images["file"][row]) as full,
    ):
        assert (small.format, small.size) == ("JPEG", (16, 16))
        meant = full.crop((10, 0, 30, 20)).resize((16, 16), Image.Resampling.BILINEAR)
        assert abs(np.asarray(small).mean() - np.asarray(meant).mean()) < 6
    with Image.open(io.BytesIO(thumbnail(made, row, 300))) as small:
        assert small.size == (20, 20)


@pytest.mark.parametrize(
    ("row", "side", "field"), [(-1, 64, "row"), (8, 64, "row"), (0, 15, "side"), (0, 1025, "side")]
)
def test_a_thumbnail_that_cannot_be(made: Dataset, row: int, side: int, field: str) -> None:
    with pytest.raises(LabError) as caught:
        thumbnail(made, row, side)
    assert caught.value.field == field


def test_a_thumbnail_of_a_lost_file_is_not_found(made: Dataset) -> None:
    (made.root / made.images["file"][0]).unlink()
    with pytest.raises(NotFound, match="cannot be read any more"):
        thumbnail(made, 0, 64)


def test_a_thumbnail_is_turned(home: Home, make_zip: Make) -> None:
    """The sun stands on the left in the file and on top once its orientation (6: turn right) is applied."""
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, exif=exif)
    files = {"A/1.jpg": buffer.getvalue(), "B/1.jpg": buffer.getvalue()}
    with Image.open(io.BytesIO(thumbnail(add_dataset(home, make_zip(files), "made"), 0, 32))) as image:
        grey = np.asarray(image.convert("L")).astype(float)
    assert grey[:14].mean() > 240
    assert grey[18:].mean() < 15
