"""A PNG whose last rows never came: refused when it comes, and read as ever where a data set has held it for long."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Dataset, add_dataset, as_cached, decoded, png, thumbnail
from lrlab.errors import LabError
from lrlab.home import Home

CUT = "B/cut.png"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def _cut_png() -> bytes:
    """Of 20 rows of 20 white pixels the upper half came."""
    header = struct.pack(">2L5B", 20, 20, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * 60) * 10)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


@pytest.fixture
def tree(contents: Callable[[str], dict[str, bytes]], make_tree: Callable[..., Path]) -> Path:
    return make_tree({**contents("A/1.png A/2.png B/1.png"), CUT: _cut_png()})


@pytest.fixture
def old(home: Home, tree: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A data set that holds the image, from before anybody asked whether all rows came."""
    with monkeypatch.context() as then:
        then.setattr(png, "is_whole", lambda data, image: True)
        return add_dataset(home, tree, "old")


def test_it_is_not_taken_any_more(home: Home, tree: Path) -> None:
    dataset = add_dataset(home, tree, "new")
    assert [(one.name, one.reason) for one in dataset.refused] == [(CUT, "is cut off before its end")]
    with pytest.raises(LabError, match=r"'cut\.png' is cut off before its end") as caught:
        as_cached(tree / CUT, 16)
    assert caught.value.field == "image"


def test_a_data_set_that_holds_it_is_decoded_and_shown(home: Home, old: Dataset) -> None:
    row = old.images["name"].tolist().index(CUT)
    pixels = decoded(home, old, 16)[row]
    assert (pixels[:8] == 255).all() and not pixels[-8:].any()
    assert np.array_equal(as_cached(old.root / CUT, 16, taken=True), pixels)
    with Image.open(io.BytesIO(thumbnail(old, row, 16))) as small:
        shades = np.asarray(small.convert("L"))
    assert shades[2].min() > 250 and shades[-2].max() < 5  # a JPEG
