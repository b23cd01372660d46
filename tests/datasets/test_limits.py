"""The keeper's limits: each is refused with its own sentence, and before anything was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrlab.datasets import add_dataset, begin_upload
from lrlab.errors import LabError
from lrlab.home import Home


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten files that would not pass as images: a limit is seen before any of them is decoded.

    Two have no extension, and are taken for images by how they begin.
    """
    root = tmp_path / "pictures"
    for name in ("A", "B"):
        (root / name).mkdir(parents=True)
        for number in range(5):
            file = root / name / (f"{number}.png" if number else "scan")
            file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100_000))
    return root


def left(home: Home) -> list[Path]:
    """What lies in the folders of uploads and data sets."""
    return [path for folder in (home.uploads, home.datasets) for path in folder.iterdir() if path.name != ".lock"]


UPLOADS = [
    ("upload_gb = 0.5", 1, 600 * 1024**2, "upload: got 600 MB, allowed: at most 512 MB (upload_gb in lab.toml)"),
    ("upload_gb = 0.5", 1, 1, None),
    ("images = 2", 3, 1, "upload: got 3 images, allowed: at most 2 (images in lab.toml)"),
    ("images = 3", 3, 1, None),
    ("disk_gb = 0.001", 1, 10**6, "upload: needs 1.91 MB, and the lab has"),
]


@pytest.mark.parametrize(("limit", "files", "size", "said"), UPLOADS)
def test_an_upload(home: Home, limit: str, files: int, size: int, said: str | None) -> None:
    home.settings.write_text(f"[limits]\n{limit}\n")
    announced = [(f"A/{number}.png", size) for number in range(files)]
    if said is None:
        assert begin_upload(home, "made", announced).bytes == files * size
        return
    with pytest.raises(LabError) as raised:
        begin_upload(home, "made", announced)
    assert said in str(raised.value)
    assert raised.value.field == "source"
    assert left(home) == []


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("images = 9", "pictures: got 10 images, allowed: at most 9 (images in lab.toml)"),
        ("images = 10", "holds no image that could be read"),  # the limit is kept: the fault is another
        ("disk_gb = 1e-9", "pictures: needs 0 bytes, and the lab has"),  # a folder is used where it lies
    ],
)
def test_an_import(home: Home, pictures: Path, limit: str, said: str) -> None:
    home.settings.write_text(f"[limits]\n{limit}\n")
    with pytest.raises(LabError) as raised:
        add_dataset(home, pictures, "made")
    assert said in str(raised.value)
    assert raised.value.field == "source"
    assert left(home) == []


def test_a_fault_in_the_settings_is_named_to_who_adds_images(home: Home, pictures: Path) -> None:
    home.settings.write_text("[limits]\nimages = 'many'\n")
    with pytest.raises(LabError, match=r"lab\.toml: limits\.images: got 'many', allowed: a whole number"):
        add_dataset(home, pictures, "made")
