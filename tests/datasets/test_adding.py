"""From a source to a data set of the lab: what is kept, what is said, and that a failure leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from PIL import Image

from lrlab.datasets import (
    Dataset,
    Refusal,
    Source,
    add_dataset,
    begin_upload,
    building,
    decoded,
    delete_dataset,
    folders,
    list_datasets,
    load_dataset,
    sweep_partials,
)
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.process import Identity, boot_id, identity

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]

PLAIN = "A/1.png A/2.png B/1.png B/2.png"


def _upload(home: Home, files: Mapping[str, bytes]) -> Source:
    upload = begin_upload(home, "made", [(path, len(data)) for path, data in files.items()])
    for number, data in enumerate(files.values()):
        with upload.receive(number) as receiver:
            receiver.write(data)
    upload.finish()
    return upload


@pytest.fixture(params=["zip", "folder", "upload"])
def add(
    request: pytest.FixtureRequest, home: Home, contents: Contents, make_zip: Make, make_tree: Make
) -> Callable[[str], Dataset]:
    """Adds a tree of pictures, once through each kind of source."""

    def run(tree: str | dict[str, bytes]) -> Dataset:
        files = contents(tree) if isinstance(tree, str) else tree
        if request.param == "upload":
            source = _upload(home, {path: data for path, data in files.items() if not path.endswith("/")})
        else:
            source = {"zip": make_zip, "folder": make_tree}[request.param](files)
        return add_dataset(home, source, "made")

    return run


def _leftovers(home: Home) -> list[str]:
    return sorted(path.name for path in home.datasets.iterdir() if path.name != ".lock")


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
    dataset = add_dataset(home, _upload(home, {"my set.ZIP": archive}), "made")
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
    assert _leftovers(home) == []


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
    assert len(_leftovers(home)) == 1


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
    assert _leftovers(home) == []


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
    assert len(_leftovers(home)) == 1


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
    assert _leftovers(home) == []
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
    assert _leftovers(home) == []


def test_more_files_than_allowed_end_the_import(
    home: Home, contents: Contents, make_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_FILES", 3)
    with pytest.raises(LabError, match="too many files; allowed: at most 3"):
        add_dataset(home, make_tree(contents(PLAIN)), "made")


def test_an_image_file_that_is_too_large_is_refused_alone(
    home: Home, contents: Contents, make_zip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MAX_IMAGE_BYTES", 2000)
    files = contents(PLAIN)
    large = files["A/1.png"] + bytes(2000)
    dataset = add_dataset(home, make_zip(files | {"A/large.png": large}), "made")
    assert dataset.refused == (Refusal(name="A/large.png", reason="is larger than 1.95 kB, the most for one image"),)


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a file name")
def test_a_file_whose_name_is_no_text_is_refused_alone(home: Home, contents: Contents, make_tree: Make) -> None:
    root = make_tree(contents(PLAIN))
    (root / "A/2.png").rename(root / "A" / os.fsdecode(b"\xc9\xee.png"))
    (root / "A/two\nlines.png").write_bytes(b"")
    dataset = add_dataset(home, root, "made")
    assert len(dataset) == 3
    assert {refusal.reason for refusal in dataset.refused} == {"has a name that is not UTF-8 or cannot be shown"}
    assert len(dataset.refused) == 2


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
    assert set(_leftovers(home)) == {".partial-alive", ".partial-elsewhere", dataset.id}


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
    assert _leftovers(home) == []
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
    assert _leftovers(home) == []
    assert not list(home.cache.glob("*.npy"))
    with pytest.raises(NotFound):
        delete_dataset(home, dataset.id)


@pytest.mark.parametrize("bad", ["", "..", "../datasets", "/etc", "nosuchid", "a" * 40, ".lock"])
def test_only_ids_reach_the_disk(home: Home, bad: str) -> None:
    with pytest.raises(NotFound):
        delete_dataset(home, bad)
    with pytest.raises(NotFound, match="there are: none"):
        load_dataset(home, bad)


# file of ../shared/data -> images per split, number of classes, refused files
REAL = {
    "coffee_roast.zip": ({"train": 760, "val": 0, "test": 240}, ("Dark", "Green", "Light", "Medium"), 0),
    "trashnet.zip": (
        {"train": 1262, "val": 0, "test": 0}, ("cardboard", "glass", "metal", "paper", "plastic", "trash"), 0
    ),
    "sign_digits.zip": ({"train": 600, "val": 0, "test": 0}, tuple("0123456789"), 0),
    "odd_images.zip": (None, ("bmp", "exif", "gif", "jpg", "png", "webp"), None),
}  # fmt: skip


@pytest.mark.parametrize("file", REAL)
def test_real_images(home: Home, shared_data: Path, file: str) -> None:
    counts, classes, refused = REAL[file]
    dataset = add_dataset(home, shared_data / file, "real")
    assert dataset.classes == classes
    if counts is None:
        assert len(dataset) + len(dataset.refused) == 207
        assert len(dataset) > 160
    else:
        assert dataset.counts == counts
        assert len(dataset.refused) == refused
    row = dataset.images.iloc[len(dataset) // 2]
    with Image.open(dataset.root / row["file"]) as image:
        assert sorted(image.size) == sorted((row["width"], row["height"]))


def test_real_nested_classes(home: Home, shared_data: Path) -> None:
    """Against a reading of the archive's names by hand: the class is every folder between train/ and the file."""
    dataset = add_dataset(home, shared_data / "grocery_nested.zip", "grocery")
    with zipfile.ZipFile(shared_data / "grocery_nested.zip") as archive:
        paths = [name.split("/") for name in archive.namelist() if not name.endswith("/")]
    meant = Counter(("/".join(path[2:-1]), path[1]) for path in paths)
    trained = {name for name, split in meant if split == "train"}
    meant = Counter({key: count for key, count in meant.items() if key[0] in trained})
    images = dataset.images
    assert Counter(zip([dataset.classes[label] for label in images["label"]], images["split"], strict=True)) == meant
    assert dataset.classes == tuple(sorted(trained))
    assert "Fruit/Apple/Royal-Gala" in dataset.classes
