"""What a data set is made without: files that are no usable images, each refused alone and with its reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.datasets import Dataset, Refusal, add_dataset, building
from lrlab.errors import LabError
from lrlab.home import Home

from .adding import PLAIN, leftovers

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]

REFUSED = [
    ("A/labels.txt", b"a,b", "is no image that lrlab reads; allowed: JPEG, PNG, WebP, BMP, GIF and TIFF"),
    ("labels.csv", b"a,b", "is no image that lrlab reads"),
    ("A/fake.jpg", b"not a picture at all", "is no image that lrlab reads"),
    ("A/empty.png", b"", "is empty"),
    ("A/half.png", None, "is cut off before its end"),
    ("stray.png", None, "lies in no class folder"),
]


def test_what_is_no_image_is_refused_one_by_one(add: Callable[..., Dataset], contents: Contents) -> None:
    files = contents(PLAIN)
    half = files["A/1.png"][:-60]
    files |= {path: half if data is None else data for path, data, _ in REFUSED}
    dataset = add(files)
    assert len(dataset) == 4
    reasons = {refusal.name: refusal.reason for refusal in dataset.refused}
    assert reasons.keys() == {path for path, _, _ in REFUSED}
    for path, _, reason in REFUSED:
        assert reasons[path].startswith(reason), path
    assert list(reasons) == sorted(reasons)


def test_an_image_is_known_by_its_content_not_by_its_extension(
    add: Callable[..., Dataset], picture: Callable[..., bytes]
) -> None:
    files = {
        "A/photo": picture(1),
        "A/scan.dat": picture(2, "TIFF"),
        "B/wrong.gif": picture(3, "JPEG"),
        "B/1.PNG": picture(4),
    }
    dataset = add(files)
    assert dataset.refused == ()
    assert len(dataset) == 4


def test_a_class_whose_images_were_all_refused_is_left_out(home: Home, contents: Contents, make_zip: Make) -> None:
    files = contents(PLAIN) | {"C/1.png": b"broken", "C/2.png": b"broken too"}
    dataset = add_dataset(home, make_zip(files), "made")
    assert dataset.classes == ("A", "B")
    assert dataset.notes == ("1 class without a single usable image, left out: C.",)
    assert [refusal.name for refusal in dataset.refused] == ["C/1.png", "C/2.png"]


def test_images_that_are_all_broken_are_refused_with_the_first_reason(home: Home, make_zip: Make) -> None:
    with pytest.raises(LabError, match=r"no image that could be read; 'A/1.png' is no image"):
        add_dataset(home, make_zip({"A/1.png": b"broken", "B/1.png": b"broken"}), "made")
    assert leftovers(home) == []


def test_an_image_file_that_is_too_large_is_refused_alone(
    home: Home, contents: Contents, make_zip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MAX_IMAGE_BYTES", 2000)
    files = contents(PLAIN)
    large = files["A/1.png"] + bytes(2000)
    dataset = add_dataset(home, make_zip(files | {"A/large.png": large}), "made")
    assert dataset.refused == (Refusal(name="A/large.png", reason="is larger than 1.95 kB, the most for one image"),)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a file name")
def test_a_file_whose_name_is_no_text_is_refused_alone(home: Home, contents: Contents, make_tree: Make) -> None:
    root = make_tree(contents(PLAIN))
    (root / "A/2.png").rename(root / "A" / os.fsdecode(b"\xc9\xee.png"))
    (root / "A/two\nlines.png").write_bytes(b"")
    dataset = add_dataset(home, root, "made")
    assert len(dataset) == 3
    assert {refusal.reason for refusal in dataset.refused} == {"has a name that is not UTF-8 or cannot be shown"}
    assert len(dataset.refused) == 2
