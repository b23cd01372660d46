"""What a person should know about their images although nothing was refused for it: one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from lrlab.datasets.layout import SPLITS, TRAIN, VAL

_NAMED = 3


def findings(found: pd.DataFrame, classes: Sequence[str], hollow: Iterable[str]) -> tuple[str, ...]:
    """Notes on a new data set.

    `found`: one row per accepted image with name, split, class and sha256, classes that are left out included.
    `classes`: those that are kept. `hollow`: class folders without any accepted image.
    """
    notes = []
    if empty := sorted(set(hollow)):
        notes.append(f"{_classes(empty)} without a single usable image, left out: {_list(empty)}.")
    kept = found[found["class"].isin(classes)]
    if untrained := sorted(set(found["class"]) - set(classes)):
        notes.append(f"{_classes(untrained)} without an image to train on, left out: {_list(untrained)}.")
    by_split = kept.groupby(["class", "split"]).size().unstack(fill_value=0).reindex(columns=SPLITS, fill_value=0)
    brings_val = bool(by_split[VAL].any())
    if single := by_split.index[by_split[TRAIN] == 1].tolist():
        end = "" if brings_val else ", so it is trained on and never validated"
        notes.append(f"{_classes(single)} with one image to train on{end}: {_list(single)}.")
    if brings_val and (unvalidated := by_split.index[by_split[VAL] == 0].tolist()):
        notes.append(f"{_classes(unvalidated)} without an image to validate on: {_list(unvalidated)}.")
    nested = [name for name in classes if any(other.startswith(f"{name}/") for other in classes)]
    if nested:
        notes.append(f"{_classes(nested)} whose folder also holds folders that are classes: {_list(nested)}.")
    return (*notes, *_alike(classes), *_duplicates(kept))


def _alike(classes: Sequence[str]) -> list[str]:
    """Classes that most people would take for one."""
    folded: dict[str, list[str]] = {}
    for name in classes:
        folded.setdefault(name.casefold(), []).append(name)
    return [
        f"Classes that differ in upper and lower case only: {_list(names)}."
        for names in folded.values()
        if len(names) > 1
    ]


def _duplicates(kept: pd.DataFrame) -> list[str]:
    """The same file in two classes, in two splits, or twice in one place; each kind counted by distinct contents."""
    repeated = kept[kept.duplicated("sha256", keep=False)]
    groups = repeated.groupby("sha256", sort=False)
    classes, splits = groups["class"].nunique(), groups["split"].nunique()
    kinds = (
        (classes > 1, "class", "more than one class"),
        ((classes == 1) & (splits > 1), "split", "more than one of train, val and test"),
        ((classes == 1) & (splits == 1), "name", "one class more than once"),
    )
    notes = []
    for chosen, differing, where in kinds:
        if count := int(chosen.sum()):
            example = groups.get_group(chosen.index[chosen][0]).drop_duplicates(differing)["name"]
            subject = "1 image lies" if count == 1 else f"{count:,} images lie"
            notes.append(f"{subject} in {where}, for example {example.iloc[0]} and {example.iloc[1]}.")
    return notes


def _classes(names: Sequence[str]) -> str:
    return "1 class" if len(names) == 1 else f"{len(names)} classes"


def _list(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
