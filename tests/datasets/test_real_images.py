"""Real images beside the project become data sets: every class, split and picture that is in them."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from lrlab.datasets import add_dataset
from lrlab.home import Home

# file of ../shared/data -> images per split, number of classes, refused files
REAL = {
    "coffee_roast.zip": ({"train": 760, "val": 0, "test": 240}, ("Dark", "Green", "Light", "Medium"), 0),
    "trashnet.zip": (
        {"train": 1262, "val": 0, "test": 0}, ("cardboard", "glass", "metal", "paper", "plastic", "trash"), 0
    ),
    "sign_digits.zip": ({"train": 600, "val": 0, "test": 0}, tuple("0123456789"), 0),
    "odd_images.zip": (None, ("bmp", "exif", "gif", "jpg", "png", "webp"), None),
}  # fmt: skip


@pytest.mark.parametrize("file", REAL)
def test_real_images(home: Home, shared_data: Path, file: str) -> None:
    counts, classes, refused = REAL[file]
    dataset = add_dataset(home, shared_data / file, "real")
    assert dataset.classes == classes
    if counts is None:
        assert len(dataset) + len(dataset.refused) == 207
        assert len(dataset) > 160
    else:
        assert dataset.counts == counts
        assert len(dataset.refused) == refused
    row = dataset.images.iloc[len(dataset) // 2]
    with Image.open(dataset.root / row["file"]) as image:
        assert sorted(image.size) == sorted((row["width"], row["height"]))


def test_real_nested_classes(home: Home, shared_data: Path) -> None:
    """Against a reading of the archive's names by hand: the class is every folder between train/ and the file."""
    dataset = add_dataset(home, shared_data / "grocery_nested.zip", "grocery")
    with zipfile.ZipFile(shared_data / "grocery_nested.zip") as archive:
        paths = [name.split("/") for name in archive.namelist() if not name.endswith("/")]
    meant = Counter(("/".join(path[2:-1]), path[1]) for path in paths)
    trained = {name for name, split in meant if split == "train"}
    meant = Counter({key: count for key, count in meant.items() if key[0] in trained})
    images = dataset.images
    assert Counter(zip([dataset.classes[label] for label in images["label"]], images["split"], strict=True)) == meant
    assert dataset.classes == tuple(sorted(trained))
    assert "Fruit/Apple/Royal-Gala" in dataset.classes
