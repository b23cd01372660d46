"""Small pictures, zips and folders, made on the spot, and data sets of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Dataset, add_dataset
from lrlab.home import Home

from .adding import uploaded

MakeImage = Callable[..., bytes]
MakeZip = Callable[..., Path]
MakeTree = Callable[..., Path]


@pytest.fixture(scope="session")
def picture() -> MakeImage:
    """`picture(seed)`: a PNG of 12 x 10 coloured noise, different for each seed; `format` and `size` may be given."""

    def make(seed: int = 0, format: str = "PNG", size: tuple[int, int] = (12, 10)) -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format)
        return buffer.getvalue()

    return make


@pytest.fixture
def contents(picture: MakeImage) -> Callable[[str], dict[str, bytes]]:
    """`contents("A/1.png A/2.png")`: each path with a picture of its own; a path that ends in / is an empty folder."""

    def make(paths: str) -> dict[str, bytes]:
        return {path: b"" if path.endswith("/") else picture(seed) for seed, path in enumerate(paths.split())}

    return make


@pytest.fixture
def make_zip(tmp_path: Path) -> MakeZip:
    """Writes a zip of a name-to-bytes mapping and returns its path."""

    def make(files: Mapping[str, bytes], name: str = "made.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            for entry, data in files.items():
                archive.writestr(entry, data)
        return path

    return make


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Writes a folder of a name-to-bytes mapping and returns its path."""

    def make(files: Mapping[str, bytes], name: str = "made") -> Path:
        root = tmp_path / name
        root.mkdir()
        for entry, data in files.items():
            path = root / entry
            if entry.endswith("/"):
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        return root

    return make


@pytest.fixture(params=["zip", "folder", "upload"])
def add(
    request: pytest.FixtureRequest,
    home: Home,
    contents: Callable[[str], dict[str, bytes]],
    make_zip: MakeZip,
    make_tree: MakeTree,
) -> Callable[[str], Dataset]:
    """Adds a tree of pictures, once through each kind of source."""

    def run(tree: str | dict[str, bytes]) -> Dataset:
        files = contents(tree) if isinstance(tree, str) else tree
        if request.param == "upload":
            source = uploaded(home, {path: data for path, data in files.items() if not path.endswith("/")})
        else:
            source = {"zip": make_zip, "folder": make_tree}[request.param](files)
        return add_dataset(home, source, "made")

    return run
