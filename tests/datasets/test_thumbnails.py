"""Kept thumbnails: those that another version of the conversion drew are not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.datasets import add_dataset, kept_thumbnail, thumbnails
from lrlab.home import Home


def test_after_a_changed_conversion_a_thumbnail_is_drawn_anew(
    home: Home,
    contents: Callable[[str], dict[str, bytes]],
    make_tree: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = add_dataset(home, make_tree(contents("A/1.png B/2.png")), "made")
    before = kept_thumbnail(home, dataset, 0, 16)
    another = b"drawn otherwise \xff\xd9"
    monkeypatch.setattr(thumbnails, "thumbnail", lambda dataset, row, side: another)
    assert kept_thumbnail(home, dataset, 0, 16) == before
    monkeypatch.setattr(thumbnails, "CONVERSION", thumbnails.CONVERSION + 1)
    assert kept_thumbnail(home, dataset, 0, 16) == another
