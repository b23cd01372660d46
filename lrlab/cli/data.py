"""`data`: take images in, list the data sets of the lab, show one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import Bar, Steps, moment, note, say, say_json, say_table
from lrlab.errors import LabError
from lrlab.home import Home, lab_home

if TYPE_CHECKING:
    from lrlab.datasets import Dataset

LOOK = 0.1
"""Seconds between two looks at an import."""

LISTED = 20
"""So many refused files are named; --json names all."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "data", help="add, list and show data sets", description="The data sets of the lab."
    )
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    adding = deeds.add_parser(
        "add",
        help="take in a zip file or a folder of images",
        description="Take in a zip file or a folder: one folder per class; train, val and test folders are respected.",
    )
    source = adding.add_mutually_exclusive_group(required=True)
    source.add_argument("path", metavar="PATH", nargs="?", help="a zip file or a folder on this machine")
    source.add_argument("--sample", action="store_true", help="draw the built-in sample set instead")
    adding.add_argument("--name", help="what the data set is called (default: the name of the file or folder)")
    adding.set_defaults(run=add)

    listing = deeds.add_parser("list", help="list the data sets", description="List the data sets, the newest first.")
    add_json(listing, "an array of data sets")
    listing.set_defaults(run=list_)

    showing = deeds.add_parser(
        "show", help="show one data set", description="Show classes, sizes, remarks and refused files of a data set."
    )
    showing.add_argument("name", metavar="NAME", help="name or id of the data set")
    add_json(showing, "the data set")
    showing.set_defaults(run=show)


def add(given: argparse.Namespace) -> int:
    from lrlab.datasets import SAMPLE_NAME, Sample, existing, load_dataset
    from lrlab.jobs import start_import

    home = lab_home()
    if given.name is not None and not given.name.strip():
        raise LabError("--name: got an empty name, allowed: 1 or more characters", field="name")
    source: Sample | Path = Sample() if given.sample else existing(given.path)
    name = given.name or (SAMPLE_NAME if isinstance(source, Sample) else _plain_name(source))
    dataset = load_dataset(home, _followed(home, start_import(home, source, name)))
    say(f"Added {dataset.name}: {_size(dataset)}.")
    for remark in dataset.notes:
        say(remark)
    if dataset.refused:
        say(f"{len(dataset.refused):,} files were not taken; python -m lrlab data show {dataset.name} says why.")
    return 0


def _followed(home: Home, import_id: str) -> str:
    """Shows an import until it ends; the data set's id. Ctrl-C cancels it, and waits until nothing of it is left.

    Where the import was faster than Ctrl-C, that is said: its data set stays.
    """
    from lrlab.jobs import cancel_import, import_status

    bar = Bar()
    steps = Steps(bar)
    try:
        while not (status := import_status(home, import_id)).ended:
            steps(status.what, status.done, status.total)
            time.sleep(LOOK)
        if status.state == "succeeded":
            bar.show(1.0, status.what, mark=status.what)
    except KeyboardInterrupt:
        while not (status := import_status(home, import_id)).ended:
            cancel_import(home, import_id)  # again and again: a process that does not listen is ended in the end
            time.sleep(LOOK)
        if status.state == "succeeded":
            bar.close()
            note(f"{status.dataset} was added all the same; the import was at its end.")
        raise
    finally:
        bar.close()
    if status.dataset_id is None:
        raise LabError(status.error or "the import was cancelled", status.field)
    return status.dataset_id


def list_(given: argparse.Namespace) -> int:
    from lrlab.datasets import list_datasets

    found = list_datasets(lab_home())
    if given.json:
        say_json([_facts(dataset) for dataset in found])
        return 0
    if not found:
        say("No data sets yet. Add one: python -m lrlab data add PATH --name NAME, or --sample for the built-in one")
        return 0
    rows = [
        [
            dataset.name, dataset.id, str(len(dataset.classes)),
            *(f"{dataset.counts.get(split, 0):,}" for split in ("train", "val", "test")),
            dataset.source, moment(dataset.created),
        ]
        for dataset in found
    ]  # fmt: skip
    numbers = ["classes", "train", "val", "test"]
    say_table(["name", "id", *numbers, "from", "added"], rows, right=numbers)
    return 0


def show(given: argparse.Namespace) -> int:
    from lrlab.datasets import counts, load_dataset, sizes

    dataset = load_dataset(lab_home(), given.name)
    table, measured = counts(dataset), sizes(dataset)
    if given.json:
        classes = [{"class": name, **row} for name, row in table.to_dict("index").items()]
        refused = [{"name": one.name, "reason": one.reason} for one in dataset.refused]
        say_json({**_facts(dataset), "per_class": classes, "sizes": vars(measured), "refused": refused})
        return 0
    say(f"{dataset.name} ({dataset.id}): {_size(dataset)}")
    say(f"from a {dataset.source}, added {moment(dataset.created)}; the images lie in {dataset.root}")
    smallest, median, largest = (
        "x".join(map(str, side)) for side in (measured.smallest, measured.median, measured.largest)
    )
    say(f"sizes {smallest} to {largest}, median {median} pixels; {measured.bytes / 1e6:,.1f} MB")
    say()
    rows = [
        [str(name), *(f"{number:,}" for number in row)] for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    say_table(["class", *table.columns], rows, right=list(table.columns))
    for remark in dataset.notes:
        say(f"\n{remark}")
    if dataset.refused:
        say(f"\n{len(dataset.refused):,} files were not taken:")
        for refusal in dataset.refused[:LISTED]:
            say(f"  {refusal.name} {refusal.reason}")
        if len(dataset.refused) > LISTED:
            say(f"  and {len(dataset.refused) - LISTED:,} more")
    return 0


def _plain_name(path: Path) -> str:
    return path.stem if path.is_file() else path.name


def _size(dataset: Dataset) -> str:
    parts = ", ".join(f"{number:,} {split}" for split, number in dataset.counts.items() if number)
    return f"{len(dataset.classes)} classes, {len(dataset):,} images ({parts})"


def _facts(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "classes": dataset.classes,
        "images": len(dataset),
        "train": dataset.counts.get("train", 0),
        "val": dataset.counts.get("val", 0),
        "test": dataset.counts.get("test", 0),
        "source": dataset.source,
        "created": dataset.created,
        "folder": str(Path(dataset.root)),
        "notes": dataset.notes,
    }
