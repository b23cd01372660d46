"""What people put into folders: taken, flagged, left out or refused, each with its own sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lrlab.datasets import Dataset, Source, add_dataset, begin_upload, delete_dataset, list_datasets
from lrlab.errors import LabError
from lrlab.home import Home

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]

PLAIN = "A/1.png A/2.png B/1.png B/2.png"
FOUR = "train/A/1.png train/A/2.png train/B/1.png train/B/2.png"
LITTER = (
    "__MACOSX/A/._1.png A/.DS_Store A/Thumbs.db .git/config desktop.ini A/._2.png B/ehthumbs.db .hidden/C/1.png "
    "$RECYCLE.BIN/D/1.png __macosx/x A/Desktop.ini"
)


@dataclass(frozen=True)
class Tree:
    """`paths`: files with a picture each; a path that ends in / is an empty folder.

    `same`: files that hold one and the same picture. `litter`: files beside them that hold no picture. `classes`,
    `counts` ("train val test") and `notes` are those of the data set; `refused` names files with how their reason
    begins. `fault`: how the refusal of the whole begins, behind the title.
    """

    paths: str
    classes: str = "A B"
    counts: str = "4 0 0"
    notes: tuple[str, ...] = ()
    refused: Mapping[str, str] | None = None
    same: str = ""
    litter: str = ""
    fault: str = ""


TREES = {
    "classes": Tree(PLAIN),
    "litter of three systems": Tree(PLAIN, litter=LITTER),
    "wrapped in one folder": Tree(" ".join(f"coffee/{path}" for path in PLAIN.split())),
    "wrapped, with litter beside it": Tree(" ".join(f"x/y/{path}" for path in PLAIN.split()), litter="x/.DS_Store"),
    "splits": Tree(FOUR + " val/A/3.png val/B/3.png test/A/4.png", counts="4 2 1"),
    "splits by their other names": Tree(
        "Training/A/1.png Training/B/1.png valid/A/2.png validation/B/2.png TESTING/B/3.png", counts="2 2 1",
        notes=("2 classes with one image to train on: A, B.",),
    ),
    "nested classes of uneven depth": Tree(
        "F/Apple/Gala/1.png F/Apple/Gala/2.png F/Fig/1.png F/Fig/2.png V/1.png V/2.png",
        classes="F/Apple/Gala F/Fig V", counts="6 0 0",
    ),
    "a class within a class": Tree(
        PLAIN + " A/old/1.png A/old/2.png", classes="A A/old B", counts="6 0 0",
        notes=("1 class whose folder also holds folders that are classes: A.",),
    ),
    "a class called test": Tree("test/1.png test/2.png pass/1.png pass/2.png", classes="pass test"),
    "an empty class": Tree(PLAIN + " C/", notes=("1 class without a single usable image, left out: C.",)),
    "empty classes": Tree(
        PLAIN + " C/ D/ E/ F/", notes=("4 classes without a single usable image, left out: C, D, E and 1 more.",)
    ),
    "a class with one image": Tree(
        PLAIN + " C/1.png", classes="A B C", counts="5 0 0",
        notes=("1 class with one image to train on, so it is trained on and never validated: C.",),
    ),
    "a class with one image, val brought": Tree(
        "train/A/1.png train/A/2.png train/B/1.png val/A/3.png val/B/4.png", counts="3 2 0",
        notes=("1 class with one image to train on: B.",),
    ),
    "a class without an image in val": Tree(
        FOUR + " val/A/3.png", counts="4 1 0", notes=("1 class without an image to validate on: B.",)
    ),
    "a class in test only": Tree(
        FOUR + " test/C/3.png", notes=("1 class without an image to train on, left out: C.",)
    ),
    "classes that differ in case": Tree(
        "A/1.png A/2.png a/1b.png a/2b.png", classes="A a",
        notes=("Classes that differ in upper and lower case only: A, a.",),
    ),
    "an image in two classes": Tree(
        PLAIN, same="A/2.png B/2.png",
        notes=("1 image lies in more than one class, for example A/2.png and B/2.png.",),
    ),
    "an image in two splits": Tree(
        FOUR + " test/A/1.png test/B/1.png", counts="4 0 2", same="train/A/1.png test/A/1.png",
        notes=("1 image lies in more than one of train, val and test, for example train/A/1.png and test/A/1.png.",),
    ),
    "an image in two classes and two splits": Tree(
        FOUR + " test/A/1.png", counts="4 0 1", same="train/A/1.png train/B/1.png test/A/1.png",
        notes=("1 image lies in more than one class, for example train/A/1.png and train/B/1.png.",),
    ),
    "an image twice in a class": Tree(
        PLAIN, same="A/1.png A/2.png",
        notes=("1 image lies in one class more than once, for example A/1.png and A/2.png.",),
    ),
    "files that are no images": Tree(
        PLAIN, litter="labels.csv A/notes.txt B/fake.jpg",
        refused={"A/notes.txt": "is no image", "B/fake.jpg": "is no image", "labels.csv": "is no image"},
    ),
    "images beside the classes": Tree(PLAIN + " stray.png", refused={"stray.png": "lies in no class folder"}),
    "images beside train": Tree(
        FOUR + " more/C/1.png", refused={"more/C/1.png": "lies beside the train folder, not in it"}
    ),
    "a test folder without classes": Tree(
        FOUR + " test/1.png", refused={"test/1.png": "lies in the test folder but in no class folder"}
    ),
    "one class": Tree("A/1.png A/2.png", fault="holds images of one class only, 'A'; at least two are needed"),
    "one class and an empty one": Tree("A/1.png A/2.png B/", fault="holds images of one class only, 'A'"),
    "all images at the root": Tree("1.png 2.png", fault="holds images, but none in a class folder"),
    "no images": Tree("A/ B/", litter="A/notes.txt", fault="holds no image; allowed: JPEG"),
    "litter alone": Tree("A/", litter=LITTER, fault="holds no image; allowed: JPEG"),
    "test alone": Tree("test/A/1.png test/B/1.png", fault="holds no images to train on"),
    "images that are all broken": Tree("A/ B/", litter="A/1.png B/1.png", fault="holds no image that could be read"),
}  # fmt: skip


ONE_FAULT = [["one class", "one class and an empty one"], ["no images", "litter alone"]]
"""Trees in which the same is wrong."""


def upload(home: Home, files: Mapping[str, bytes]) -> Source:
    files = {path: data for path, data in files.items() if not path.endswith("/")}
    begun = begin_upload(home, "made", [(path, len(data)) for path, data in files.items()])
    for number, data in enumerate(files.values()):
        with begun.receive(number) as receiver:
            receiver.write(data)
    return begun


@pytest.fixture
def add(home: Home, contents: Contents, make_zip: Make, make_tree: Make) -> Callable[[Tree, str], Dataset]:
    """Adds a tree as a zip, a folder or an upload."""

    def run(tree: Tree, kind: str) -> Dataset:
        files = contents(tree.paths) | dict.fromkeys(tree.litter.split(), b"no picture")
        if tree.same:
            first, *others = tree.same.split()
            files |= dict.fromkeys(others, files[first])
        if kind == "upload":
            return add_dataset(home, upload(home, files), "made")
        return add_dataset(home, {"zip": make_zip, "folder": make_tree}[kind](files), "made")

    return run


CASES = [
    pytest.param(tree, kind, id=f"{name}, {kind}")
    for name, tree in TREES.items()
    for kind in ("zip", "folder", "upload")
    if kind != "upload" or "/ " not in f"{tree.paths} "  # a browser sends no empty folders
]


@pytest.mark.parametrize(("tree", "kind"), CASES)
def test_a_tree_is_taken_flagged_or_refused(
    add: Callable[[Tree, str], Dataset], tree: Tree, kind: str, home: Home
) -> None:
    if tree.fault:
        with pytest.raises(LabError) as caught:
            add(tree, kind)
        said = str(caught.value)
        assert any(said.startswith(f"{title} {tree.fault}") for title in ("made.zip", "made", "The upload")), said
        assert caught.value.field == "source"
        assert list_datasets(home) == []
        return
    dataset = add(tree, kind)
    assert dataset.classes == tuple(tree.classes.split())
    assert [dataset.counts[split] for split in ("train", "val", "test")] == [int(n) for n in tree.counts.split()]
    assert dataset.notes == tree.notes
    refused = {refusal.name: refusal.reason for refusal in dataset.refused}
    meant = tree.refused or {}
    assert refused.keys() == meant.keys()
    for name, reason in meant.items():
        assert refused[name].startswith(reason)
    if dataset.source != "folder":
        assert {path.name for path in dataset.root.iterdir()} == set(dataset.images["file"])


def test_what_is_wrong_has_a_sentence_of_its_own(
    add: Callable[[Tree, str], Dataset], home: Home, figure: Callable[[str, str], None]
) -> None:
    refused: dict[str, list[str]] = {}
    flagged: dict[tuple[str, ...], list[str]] = {}
    for name, tree in TREES.items():
        try:
            dataset = add(tree, "zip")
        except LabError as error:
            refused.setdefault(str(error), []).append(name)
        else:
            said = (*dataset.notes, *(f"{refusal.name} {refusal.reason}" for refusal in dataset.refused))
            flagged.setdefault(said, []).append(name)
            delete_dataset(home, dataset.id)
    assert len(TREES) >= 20
    taken = flagged.pop(())
    assert [names for names in (*refused.values(), *flagged.values()) if len(names) > 1] == ONE_FAULT
    counts = [sum(map(len, told.values())) for told in (refused, flagged)]
    figure(
        "folder shapes",
        f"{len(TREES)} trees: {counts[0]} refused, {counts[1]} flagged, {len(taken)} taken as meant; "
        f"{len(refused) + len(flagged)} sentences",
    )
