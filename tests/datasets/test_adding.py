"""From a source to a data set of the lab: what is kept, what is said, and that a failure leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest

from lrlab.datasets import Dataset, add_dataset, building, decoded, folders, list_datasets, load_dataset
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.process import Identity, boot_id, identity

from .adding import PLAIN, leftovers, uploaded

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]


def test_every_source_gives_the_same_data_set(add: Callable[[str], Dataset], home: Home, contents: Contents) -> None:
    tree = "set/train/B/2.png set/train/A/1.png set/val/A/3.png set/val/B/5.png set/test/B/4.png set/train/A/0.png"
    files = contents(tree + " set/train/B/0.png")
    dataset = add(files)
    assert dataset.classes == ("A", "B")
    assert dataset.counts == {"train": 4, "val": 2, "test": 1}
    assert len(dataset) == 7
    images = dataset.images
    assert [name.removeprefix("set/") for name in images["name"]] == [
        "train/A/0.png", "train/A/1.png", "train/B/0.png", "train/B/2.png", "val/A/3.png", "val/B/5.png", "test/B/4.png"
    ]  # fmt: skip
    assert images["label"].tolist() == [0, 0, 1, 1, 0, 1, 1]
    assert images["split"].tolist() == ["train"] * 4 + ["val"] * 2 + ["test"]
    assert images[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[12, 10]]
    for row in images.itertuples():
        data = files[row.name]
        assert (dataset.root / row.file).read_bytes() == data
        assert (row.bytes, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert dataset.refused == () and dataset.notes == ()


def test_originals_are_kept_under_names_of_our_own_or_left_in_place(
    home: Home, contents: Contents, make_zip: Make, make_tree: Make
) -> None:
    copied = add_dataset(home, make_zip(contents(PLAIN)), "copied")
    assert copied.source == "zip"
    assert copied.root == home.datasets / copied.id / "images"
    assert copied.images["file"].tolist() == ["000000.png", "000001.png", "000002.png", "000003.png"]
    folder = make_tree(contents(PLAIN))
    in_place = add_dataset(home, str(folder), "in place")
    assert in_place.source == "folder"
    assert in_place.root == folder
    assert in_place.images["file"].tolist() == PLAIN.split()
    assert not (home.datasets / in_place.id / "images").exists()
    assert copied.content == in_place.content


def test_a_zip_that_was_uploaded_is_a_zip(home: Home, contents: Contents, make_zip: Make) -> None:
    archive = make_zip(contents(PLAIN)).read_bytes()
    dataset = add_dataset(home, uploaded(home, {"my set.ZIP": archive}), "made")
    assert dataset.source == "zip"
    assert len(dataset) == 4


def test_the_record_is_read_back_as_it_was(home: Home, contents: Contents, make_zip: Make) -> None:
    files = contents(PLAIN) | {"A/notes.txt": b"no image"}
    made = add_dataset(home, make_zip(files), "  made  ")
    for again in (load_dataset(home, "made"), load_dataset(home, made.id), *list_datasets(home)):
        assert again.model_dump() == made.model_dump()
        assert again.images.equals(made.images)
        assert again.refused == made.refused
    assert made.name == "made"


NAMES = {
    "": "1 to 80",
    "   ": "1 to 80",
    "x" * 81: "1 to 80",
    "a/b": "without / and",
    "a\\b": "without / and",
    "a\nb": "printable",
    "a\0b": "printable",
    "taken": "already a data set 'taken'",
    " taken ": "already a data set 'taken'",
}


@pytest.mark.parametrize(("name", "reason"), NAMES.items())
def test_a_bad_name_is_refused_before_anything_is_read(
    home: Home, contents: Contents, make_zip: Make, name: str, reason: str
) -> None:
    source = make_zip(contents(PLAIN))
    add_dataset(home, source, "taken")
    source.unlink()
    with pytest.raises(LabError, match=reason) as caught:
        add_dataset(home, source, name)
    assert caught.value.field == "name"
    assert len(leftovers(home)) == 1


@pytest.mark.parametrize("name", ["x", "x" * 80, "咖啡 豆", "a.b-c_d (1)", "☕️"])
def test_a_good_name_is_kept(home: Home, contents: Contents, make_zip: Make, name: str) -> None:
    assert add_dataset(home, make_zip(contents(PLAIN)), name).name == name
    assert load_dataset(home, name).name == name


SOURCES = ["", "  ", "/no/such/thing", "no\0such", "~nobody_of_this_name/x", "/dev/null"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_not_there_is_refused(home: Home, source: str) -> None:
    with pytest.raises(LabError) as caught:
        add_dataset(home, source, "made")
    assert caught.value.field == "source"
    assert leftovers(home) == []


def test_two_imports_that_race_for_a_name_make_one(home: Home, contents: Contents, make_zip: Make) -> None:
    source = make_zip(contents(PLAIN))
    barrier, outcomes = Barrier(2), []

    def at_the_end(what: str, done: int, total: int) -> None:
        if total and done == total:
            barrier.wait(30)  # both passed the first check of the name

    def run() -> None:
        try:
            outcomes.append(add_dataset(home, source, "made", at_the_end).name)
        except LabError as error:
            outcomes.append(error.field)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"made": 1, "name": 1}
    assert len(leftovers(home)) == 1


class Stop(Exception):
    """What a caller's progress raises to end an import."""


@pytest.mark.parametrize("at", range(5))
def test_an_import_that_is_ended_leaves_nothing(home: Home, contents: Contents, make_zip: Make, at: int) -> None:
    source = make_zip(contents(PLAIN))

    def progress(what: str, done: int, total: int) -> None:
        if total and done == at:
            raise Stop

    with pytest.raises(Stop):
        add_dataset(home, source, "made", progress)
    assert leftovers(home) == []
    assert add_dataset(home, source, "made").name == "made"


def test_progress_counts_to_the_end(home: Home, contents: Contents, make_zip: Make) -> None:
    seen: list[tuple[str, int, int]] = []
    add_dataset(home, make_zip(contents(PLAIN)), "made", lambda *args: seen.append(args))
    assert [(done, total) for what, done, total in seen if total] == [(n, 4) for n in range(5)]
    assert all(what for what, _, _ in seen)


def test_a_full_disk_is_said_in_words_and_leaves_nothing(
    home: Home, contents: Contents, make_zip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_zip(contents(PLAIN))

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LabError, match="the disk is full"):
        add_dataset(home, source, "made")
    monkeypatch.undo()
    assert list(home.datasets.glob("[!.]*")) == list(home.datasets.glob(".partial*")) == []


def test_more_bytes_than_allowed_end_the_import(
    home: Home, contents: Contents, make_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MAX_TOTAL_BYTES", 1000)
    with pytest.raises(LabError, match="larger than 1000 bytes together"):
        add_dataset(home, make_tree(contents(PLAIN)), "made")
    assert leftovers(home) == []


def test_more_files_than_allowed_end_the_import(
    home: Home, contents: Contents, make_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_FILES", 3)
    with pytest.raises(LabError, match="too many files; allowed: at most 3"):
        add_dataset(home, make_tree(contents(PLAIN)), "made")


def test_links_in_a_server_folder_are_followed_once(home: Home, contents: Contents, make_tree: Make) -> None:
    """Subsets of large data sets are often folders of links; a loop of links must end."""
    store = make_tree(contents("s/1.png s/2.png"), "store")
    root = make_tree(contents("A/1.png B/1.png"), "linked")
    (root / "A" / "one.png").symlink_to(store / "s" / "1.png")
    (root / "C").symlink_to(store / "s", target_is_directory=True)
    (root / "B" / "loop").symlink_to(root, target_is_directory=True)
    (root / "B" / "broken.png").symlink_to(root / "nowhere.png")
    (root / "B" / "circle").symlink_to(root / "B" / "circle")
    dataset = add_dataset(home, root, "linked")
    assert dataset.images["name"].tolist() == ["A/1.png", "A/one.png", "B/1.png", "C/1.png", "C/2.png"]
    assert [refusal.name for refusal in dataset.refused] == ["B/broken.png", "B/circle"]
    assert all(refusal.reason.startswith("is a broken link") for refusal in dataset.refused)
    assert decoded(home, dataset, 16).shape == (5, 18, 18, 3)


def test_what_a_killed_import_left_is_swept_and_a_living_one_is_not(
    home: Home, contents: Contents, make_zip: Make
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    dead = Identity(boot_id=boot_id(), pid=ended.pid, started=1.0)
    ended.wait()
    elsewhere = Identity(boot_id="another machine", pid=1, started=1.0)
    for name, owner in (("dead", dead), ("alive", identity()), ("elsewhere", elsewhere)):
        folder = home.datasets / f".partial-{name}"
        folder.mkdir()
        (folder / "owner.json").write_text(owner.model_dump_json())
    (home.datasets / ".deleted-something").mkdir()
    dataset = add_dataset(home, make_zip(contents(PLAIN)), "made")
    assert set(leftovers(home)) == {".partial-alive", ".partial-elsewhere", dataset.id}
