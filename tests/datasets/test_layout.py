"""What folders mean, as a table of trees: `path -> split:class`, or why the file belongs nowhere."""

from __future__ import annotations

import pytest

from lrlab.datasets.layout import Place, arrange

NO_CLASS = "lies in no class folder"
BESIDE = "lies beside the train folder, not in it"
IN_TEST = "lies in the test folder but in no class folder"

TREES = {
    "plain": "A/1.png -> train:A | B/1.png -> train:B",
    "wrapped": "coffee/A/1.png -> train:A | coffee/B/1.png -> train:B",
    "wrapped twice": "x/y/A/1.png -> train:A | x/y/B/1.png -> train:B",
    "one class is no wrapper": "A/1.png -> train:A | A/2.png -> train:A",
    "one wrapped class": "x/A/1.png -> train:A",
    "leaf folders are classes": "F/Fig/1.png -> train:F/Fig | V/1.png -> train:V | "
    "F/Apple/Gala/1.png -> train:F/Apple/Gala",
    "one branch is a wrapper": "F/Apple/Gala/1.png -> train:Apple/Gala | F/Fig/1.png -> train:Fig",
    "a class inside a class": "A/1.png -> train:A | A/old/1.png -> train:A/old | B/1.png -> train:B",
    "splits": "train/A/1.png -> train:A | val/A/2.png -> val:A | test/B/1.png -> test:B | train/B/2.png -> train:B",
    "other names of splits": "Training/A/1.png -> train:A | valid/A/2.png -> val:A | TESTING/A/3.png -> test:A",
    "validation is val": "train/A/1.png -> train:A | validation/A/1.png -> val:A",
    "wrapped splits": "x/train/A/1.png -> train:A | x/test/A/1.png -> test:A",
    "a wrapper inside the splits": "train/x/A/1.png -> train:A | train/x/B/1.png -> train:B | test/x/A/1.png -> test:A",
    "nested classes in splits": "train/F/Fig/1.png -> train:F/Fig | train/V/1.png -> train:V | test/V/1.png -> test:V",
    "train alone": "train/A/1.png -> train:A | train/B/1.png -> train:B",
    "test beside classes": "A/1.png -> train:A | B/1.png -> train:B | test/A/1.png -> test:A",
    "a class called test": "test/1.png -> train:test | pass/1.png -> train:pass",
    "a class called val, split called train": "train/A/1.png -> train:A | train/val/1.png -> train:val",
    "beside train": f"train/A/1.png -> train:A | train/B/1.png -> train:B | more/C/1.png -> {BESIDE}",
    "unlabelled test": f"train/A/1.png -> train:A | train/B/1.png -> train:B | test/1.png -> {IN_TEST}",
    "an image in the split folder": "train/A/1.png -> train:A | train/B/1.png -> train:B | "
    "train/1.png -> lies in the train folder but in no class folder",
    "an image at the root": f"1.png -> {NO_CLASS} | A/1.png -> train:A | B/1.png -> train:B",
    "an image beside a wrapper": f"1.png -> {NO_CLASS} | x/2.png -> {NO_CLASS} | "
    "x/A/1.png -> train:A | x/B/1.png -> train:B",
    "no folder at all": f"1.png -> {NO_CLASS} | 2.png -> {NO_CLASS}",
    "no folder below the wrapper": "x/1.png -> train:x | x/2.png -> train:x",
    "spaces and dots": "My set/v1.0/A b/1.png -> train:A b | My set/v1.0/C/1.png -> train:C",
    "nothing": "",
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_tree(tree: str) -> None:
    lines = [line.split(" -> ") for line in tree.split(" | ") if line]
    layout = arrange([tuple(path.split("/")) for path, _ in lines], [])
    got = [place if isinstance(place, str) else f"{place.split}:{place.class_name}" for place in layout.places]
    assert got == [meant for _, meant in lines]


EMPTY = [
    ("A/1.png B/1.png C/", ("C",)),
    ("x/A/1.png x/B/1.png x/C/", ("C",)),
    ("train/A/1.png train/B/1.png val/A/1.png train/C/ val/B/", ("C",)),
    ("A/1.png B/1.png F/Fig/", ("F/Fig",)),
    ("A/1.png B/1.png F/ F/Fig/", ("F/Fig",)),
    ("x/A/1.png x/B/1.png annotations/", ()),
    ("A/1.png B/1.png", ()),
]


@pytest.mark.parametrize(("tree", "empty"), EMPTY)
def test_empty_class_folders_are_told(tree: str, empty: tuple[str, ...]) -> None:
    paths = tree.split()
    images = [tuple(path.split("/")) for path in paths if not path.endswith("/")]
    folders = [tuple(path[:-1].split("/")) for path in paths if path.endswith("/")]
    folders += [parts[:depth] for parts in images for depth in range(1, len(parts))]
    assert arrange(images, folders).empty == empty


def test_order_of_paths_does_not_matter() -> None:
    paths = [("x", "train", "A", "1"), ("x", "train", "B", "1"), ("x", "test", "A", "1"), ("x", "readme")]
    forward, backward = arrange(paths, []).places, arrange(paths[::-1], []).places
    assert forward == backward[::-1]
    assert forward[0] == Place("train", "A")
