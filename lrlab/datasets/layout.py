"""From paths to classes and splits: what a person meant by the way they put images into folders. Pure functions.

coffee/train/Dark/1.png      one wrapping folder is stripped, again and again while only one is left
       train/Dark/1.png      train/, val/ and test/ (and their other names) are splits where they hold class folders
Fruit/Apple/Gala/1.png       the class is the path of the folder that holds the image: "Fruit/Apple/Gala"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lrlab.datasets.paths import Parts

TRAIN: Final = "train"
VAL: Final = "val"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VAL, TEST)

_SPLIT_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validation": VAL,
    "test": TEST,
    "testing": TEST,
}


@dataclass(frozen=True)
class Place:
    """Where one image belongs."""

    split: str
    class_name: str


@dataclass(frozen=True)
class Layout:
    """`places`: one item per path, a Place, or a text that says why the image belongs nowhere.

    `empty`: names of class folders that hold no image in any split.
    """

    places: tuple[Place | str, ...]
    empty: tuple[str, ...]


def arrange(images: Sequence[Parts], folders: Iterable[Parts]) -> Layout:
    """The split and the class of each of `images`; `folders` are all folders of the source, empty ones included."""
    wrap = _wrapping(images)
    splits = _split_folders(images, len(wrap))
    within = [_within(parts, wrap, splits) for parts in images]
    inner = _wrapping([found[1] for found in within if not isinstance(found, str)])
    places = tuple(_place(found, len(inner)) for found in within)
    used = {place.class_name for place in places if isinstance(place, Place)}
    found_folders = [_within((*folder, ""), wrap, splits) for folder in _leaves(folders)]
    named = [_place(found, len(inner)) for found in found_folders]
    return Layout(places, tuple(sorted({place.class_name for place in named if isinstance(place, Place)} - used)))


def _wrapping(images: Sequence[Parts]) -> Parts:
    """The leading folders that do nothing but wrap the rest; images that lie beside them belong to no class anyway."""
    depth = 0
    while True:
        deeper = [parts for parts in images if len(parts) > depth + 1]
        tops = {parts[depth] for parts in deeper}
        holds_folders = any(len(parts) > depth + 2 for parts in deeper)
        if len(tops) != 1 or not holds_folders or min(tops).lower() in _SPLIT_NAMES:
            return deeper[0][:depth] if deeper else ()
        depth += 1


def _split_folders(images: Sequence[Parts], depth: int) -> dict[str, str]:
    """The folders at `depth` that are splits, by name; a folder "test" full of images is a class instead."""
    return {
        parts[depth]: _SPLIT_NAMES[parts[depth].lower()]
        for parts in images
        if len(parts) > depth + 2 and parts[depth].lower() in _SPLIT_NAMES
    }


def _within(parts: Parts, wrap: Parts, splits: dict[str, str]) -> tuple[str, Parts] | str:
    """The split of a file and its path below the split folder, or why it is in none."""
    rest = parts[len(wrap) :]
    if parts[: len(wrap)] != wrap or len(rest) < 2:
        return "lies in no class folder"
    if rest[0] in splits:
        return splits[rest[0]], rest[1:]
    if TRAIN not in splits.values():
        return TRAIN, rest
    if rest[0].lower() in _SPLIT_NAMES:  # a test folder of unlabelled images
        return _in_no_class(_SPLIT_NAMES[rest[0].lower()])
    return "lies beside the train folder, not in it"


def _place(found: tuple[str, Parts] | str, inner: int) -> Place | str:
    if isinstance(found, str):
        return found
    split, rest = found
    folders = rest[inner:-1]
    return Place(split, "/".join(folders)) if folders else _in_no_class(split)


def _in_no_class(split: str) -> str:
    return f"lies in the {split} folder but in no class folder"


def _leaves(folders: Iterable[Parts]) -> set[Parts]:
    known = set(folders)
    return known - {folder[:depth] for folder in known for depth in range(1, len(folder))}
