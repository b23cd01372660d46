"""The doctor and the cache: it removes what a run would not take, and leaves what it would."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lrlab.datasets import decoded
from lrlab.keeping import examine

from .conftest import Lab
from .damaging import told


def test_decoded_images_of_another_type_are_damaged(lab: Lab) -> None:
    decoded(lab.home, lab.dataset, 16)
    (path,) = lab.home.cache.glob("*.npy")
    path.write_bytes(path.read_bytes().replace(b"|u1", b"|i1"))
    assert told(list(examine(lab.home))) == [("repaired", "cache", f"{path.name} is damaged")]
    assert not path.exists()


def test_a_record_that_counts_wrongly_does_not_condemn_the_cache(lab: Lab) -> None:
    images = np.array(decoded(lab.home, lab.dataset, 16))
    record = lab.dataset.folder / "dataset.json"
    record.write_text(record.read_text().replace('"train": 6', '"train": 7'))
    (only,) = told(list(examine(lab.home, repair=False)))
    assert only[2] == "dataset.json counts other images than there are"
    (path,) = lab.home.cache.glob("*.npy")
    assert np.array_equal(np.load(path), images)


def test_decoded_images_of_a_damaged_table_stay_until_it_is_mended(lab: Lab) -> None:
    decoded(lab.home, lab.dataset, 16)
    (lab.dataset.folder / "images.parquet").write_bytes(b"no table")
    assert [place for _, place, _ in told(list(examine(lab.home)))] == ["data set lights"]
    assert len(list(lab.home.cache.glob("*.npy"))) == 1


@pytest.mark.parametrize("old", [False, True])
def test_a_half_written_thumbnail_goes_once_it_is_old(lab: Lab, old: bool) -> None:
    lab.home.thumbnails.mkdir()
    path = lab.home.thumbnails / ".0f-v2-160.jpg.123.abcdef"
    path.write_bytes(b"half")
    if old:
        os.utime(path, (0, 0))
    found = [("repaired", "lab", f"cache/thumbnails/{path.name}, which somebody was killed over")]
    assert told(list(examine(lab.home))) == (found if old else [])
    assert path.exists() != old
