"""A data set is deleted: copies and cache go, a server's folder stays, and only ids reach the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrlab.datasets import Dataset, add_dataset, decoded, delete_dataset, load_dataset, sweep_partials
from lrlab.errors import NotFound
from lrlab.home import Home

from .adding import PLAIN, leftovers

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]


def test_delete_takes_copies_and_cache_but_never_a_server_folder(
    home: Home, contents: Contents, make_zip: Make, make_tree: Make
) -> None:
    folder = make_tree(contents(PLAIN))
    copied, in_place = add_dataset(home, make_zip(contents(PLAIN)), "a"), add_dataset(home, folder, "b")
    decoded(home, copied, 16)
    delete_dataset(home, copied.id)
    assert list(home.cache.glob("*.npy")), "the other data set has the same images"
    delete_dataset(home, in_place.id)
    assert not list(home.cache.glob("*.npy"))
    assert leftovers(home) == []
    assert len(list(folder.rglob("*.png"))) == 4
    fresh = Dataset.model_validate(in_place.model_dump())  # read before, its tables asked for after
    fresh._folder = in_place.folder
    with pytest.raises(NotFound, match="'b' was deleted"):
        _ = fresh.images
    for gone in (copied.id, "a"):
        with pytest.raises(NotFound):
            load_dataset(home, gone)


def test_a_deletion_that_others_sweep_comes_to_its_end(
    home: Home, make_zip: Make, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add_dataset(home, make_zip(contents(PLAIN)), "made")
    decoded(home, dataset, 8)
    real, swept = os.unlink, []

    def unlink(*args: Any, **options: Any) -> None:
        if not swept:  # another's import starts after the folder was listed, before the first file of it goes
            swept.append(True)
            sweep_partials(home)
        real(*args, **options)

    monkeypatch.setattr(os, "unlink", unlink)
    delete_dataset(home, dataset.id)
    assert swept
    assert leftovers(home) == []
    assert not list(home.cache.glob("*.npy"))
    with pytest.raises(NotFound):
        delete_dataset(home, dataset.id)


@pytest.mark.parametrize("bad", ["", "..", "../datasets", "/etc", "nosuchid", "a" * 40, ".lock"])
def test_only_ids_reach_the_disk(home: Home, bad: str) -> None:
    with pytest.raises(NotFound):
        delete_dataset(home, bad)
    with pytest.raises(NotFound, match="there are: none"):
        load_dataset(home, bad)
