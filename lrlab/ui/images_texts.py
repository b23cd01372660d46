"""The Images page's words, in one place. What holds a file's or a class's name is plain text, never Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from lrlab.datasets import Dataset, Sizes, Split
from lrlab.experiments import Validation

LEAD = "Bring the images that a model shall learn to tell apart: one folder for each class."

CONTROL = {
    # the three ways in
    "drop": "Drop a zip or a folder of images here",
    "drop_hint": "One folder for each class, such as Dark/ and Light/. Folders train/, val/ and test/ are respected.",
    "choose_zip": "Choose a zip",
    "choose_folder": "Choose a folder",
    "no_images": "No images at hand?",
    "sample": "Use the sample set",
    "sample_hint": "Coffee beans of four roasts, drawn by lrlab in a few seconds.",
    "on_server": "Already on the server?",
    "name_folder": "Folder on the server",
    "name_hint": "Its files stay where they are.",
    # the form
    "chosen_zip": "{name}, {size}",
    "chosen_folder": "{name}: {files} files, {size}",
    "path_call": "Images on the server, where lrlab runs. A folder's files stay where they are.",
    "path": "Path of a folder or a zip file",
    "path_example": "/data/coffee",
    "name": "Name of the data set",
    "add": "Add these images",
    "back": "Back",
    "path_needed": "The path of a folder or a zip file is needed.",
    "name_needed": "A name is needed.",
    "name_taken": "There is already a data set named {name}; choose another name.",
    "unnamed": "images",
    # what cannot be taken
    "nothing": "Nothing was chosen.",
    "empty": "{name} holds no files.",
    "neither": "{name} is neither a zip nor a folder. Drop the folder that holds the class folders, or a zip of it.",
    "loose": "These are single files. Drop the folder that holds the class folders, or a zip of it.",
    "one_zip": "Add one zip at a time.",
    "too_many": "This folder holds {got} files; allowed: at most {most}.",
    "reading": "Reading the folder: {files} files so far",
    "cannot_read": "The browser cannot read this ({why}).",
    # while it runs
    "under_way": "Images being added",
    "starting": "Starting",
    "sending": "Sending",
    "bytes": "{sent} of {all}",
    "files": "{sent} of {all} files",
    "rate": "{rate} a second",
    "left": "{time} left",
    "done": "{done} of {total}",
    "added": "Done",
    "failed": "Not added",
    "cancelling": "Cancelling",
    "cancel": "Cancel",
    "retry": "Try again",
    "dismiss": "Close",
    "interrupted": "The server does not answer. Trying again.",
    # how it may fail
    "offline": "The server does not answer. Check that lrlab is running, then try again.",
    "lost": "The connection to the server was lost. Nothing was added.",
    "broken": "The server could not do this (status {status}). Nothing was added.",
    "unreadable": "{name} was moved or changed while it was being sent. Nothing was added; choose the images again.",
    "cut_off": "The upload of {name} was cut off when the page was closed or reloaded. Nothing of it was kept.",
}

CHOICE = "Data set"
BAD_LINK = "The data set in this page's address is not in this lab, so another one is shown."
GONE = "This data set was deleted meanwhile. Reload the page to see what is there."
TRAIN = "Train with these images"
DELETE = "Delete"
CLASS = "Class"
CLASSES = "Images per class"
TABLE = "The same as a table"
PARTS = {"train": "Training", "val": "Validation", "test": "Test"}
SIZES = "Sizes"
SPLIT = "Split"
NOTES = "Worth knowing"
EXAMPLES = "Examples"
OTHERS = "Other ten"
UNREADABLE = "This image cannot be read any more."
FILE, REASON = "File", "Why it was not taken"

DELETE_TITLE = "Delete this data set?"
DELETE_RUNS = "Runs that were trained on it keep their logs and models."
DELETE_COPIES = f"Its images are deleted from the server. {DELETE_RUNS}"
DELETE_IN_PLACE = f"It is taken off the list; its files stay where they are on the server. {DELETE_RUNS}"
DELETE_YES = "Delete it"
DELETE_NO = "Keep it"

_SOURCES = {
    "zip": "from a zip file",
    "upload": "from an uploaded folder",
    "folder": "in a folder on the server",
    "sample": "drawn by lrlab",
}


def headline(dataset: Dataset, sizes: Sizes) -> str:
    """What the data set is, in one line."""
    parts = [f"{len(dataset):,} images in {len(dataset.classes)} classes", _megabytes(sizes.bytes)]
    return ", ".join([*parts, _SOURCES[dataset.source]]) + "."


def size_sentence(sizes: Sizes) -> str:
    """Width and height in pixels."""
    if sizes.smallest == sizes.largest:
        return f"All images are {_sides(sizes.median)} pixels (width x height)."
    ends = f"From {_sides(sizes.smallest)} to {_sides(sizes.largest)}"
    text = f"{ends} pixels (width x height), the median {_sides(sizes.median)}."
    if sizes.share >= 0.5:
        text += f" {_percent(sizes.share)} are {_sides(sizes.commonest)}."
    return text


def split_sentence(parts: Split, validation: Validation) -> str:
    """Where the split comes from."""
    if parts.by_folders:
        text = "As the folders have it: the images of val/ validate."
    else:
        text = (
            f"Drawn by lrlab: {_percent(validation.fraction)} of each class validates "
            f"(fraction {validation.fraction:g}, seed {validation.seed}). Both can be changed on Train."
        )
    return text + (" The images of test/ are looked at once, when a run has ended." if len(parts.test) else "")


def refused_title(count: int) -> str:
    """Above the list of files that were not taken."""
    return "1 file was not taken" if count == 1 else f"{count:,} files were not taken"


def in_use(runs: Sequence[str]) -> str:
    """Why a data set cannot be deleted now; `runs`: names of those that need it. Plain text."""
    which = f"the run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs, {runs[0]} among them,"
    return f"It is needed by {which} in the queue or at work. Wait until that has ended, or stop it."


def chart_label(dataset: Dataset) -> str:
    """The chart's name for a screen reader."""
    return f"Bar chart: images per class of {dataset.name}, {len(dataset.classes)} classes"


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]:,} x {size[1]:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
