"""The decoded cache is measured by the table of images, and what does not come back from the disk is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.datasets import Dataset, add_dataset, cache, decoded
from lrlab.errors import LabError
from lrlab.home import Home


@pytest.fixture
def made(home: Home, contents: Callable[[str], dict[str, bytes]], make_tree: Callable[..., Path]) -> Dataset:
    return add_dataset(home, make_tree(contents("A/1.png A/2.png B/1.png B/2.png")), "made")


class Once:
    """A Progress that fails where the images are decoded a second time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        self.times += done == total
        assert self.times <= 1, "they are decoded again and again"


def test_a_record_that_counts_other_images_than_there_are_is_no_hindrance(home: Home, made: Dataset) -> None:
    wrong = made.model_copy(update={"counts": {"train": 5, "val": 0, "test": 0}})
    assert decoded(home, wrong, 16, Once()).shape == (4, 18, 18, 3)


def test_images_that_do_not_come_back_from_the_disk_are_told_of(
    home: Home, made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "kept_squares", lambda path, count, side: None)
    with pytest.raises(LabError, match=r"the decoded images of 'made' do not come back from .*\.npy") as caught:
        decoded(home, made, 16, Once())
    assert caught.value.field == "dataset"
