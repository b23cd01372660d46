"""Small deeds on files: what is written to a slow disk is heard of, piece by piece, and is whole; a tree goes whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lrlab import files
from lrlab.files import Synced, remove_tree, write_atomic


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes with which files were brought to the disk; a test appends -1 where it is told so. A piece is 1 kB."""
    seen: list[int] = []
    real = os.fsync

    def fsync(number: int) -> None:
        real(number)
        seen.append(os.fstat(number).st_size)

    monkeypatch.setattr(files, "PIECE", 1024)
    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, [0]),
        (1023, [1023]),
        (1024, [1024, -1, 1024]),
        (2500, [1024, -1, 2048, -1, 2500]),
    ],
)
def test_every_piece_is_on_the_disk_before_it_is_told(
    tmp_path: Path, events: list[int], size: int, expected: list[int]
) -> None:
    content = os.urandom(size)
    write_atomic(tmp_path / "model", content, told=lambda: events.append(-1))
    assert (tmp_path / "model").read_bytes() == content
    assert events == expected


def test_torch_writes_through_it(tmp_path: Path, events: list[int]) -> None:
    weights = {"weight": torch.randn(50, 50), "step": 3}
    with (tmp_path / "1-3.pt").open("wb") as file:
        synced = Synced(file, lambda: events.append(-1))
        torch.save(weights, synced)
        synced.sync()
    found = torch.load(tmp_path / "1-3.pt", weights_only=True)
    assert torch.equal(found["weight"], weights["weight"]) and found["step"] == 3
    assert events.count(-1) >= 9  # of 10 kB


@pytest.mark.parametrize("name", ["unlink", "rmdir", "scandir"])
def test_a_tree_that_others_delete_meanwhile_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The others come just before one step of ours: a file, a folder, or a look into one."""
    tree, real, come = tmp_path / "tree", getattr(os, name), []
    for number in range(4):
        (tree / f"folder {number}").mkdir(parents=True)
        (tree / f"folder {number}" / "file").touch()

    def step(*args: Any, **options: Any) -> Any:
        if not come:
            come.append(True)
            shutil.rmtree(tree)
        return real(*args, **options)

    monkeypatch.setattr(os, name, step)
    remove_tree(tree)
    assert come and not tree.exists()
    remove_tree(tree)  # and so is one that is not there at all


def test_what_may_not_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").touch()

    def refuse(path: str, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(PermissionError):
        remove_tree(tmp_path / "tree")
    monkeypatch.undo()
    assert (tmp_path / "tree" / "file").exists()
