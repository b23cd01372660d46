"""The words below a finished run. What holds a class's or a file's name is plain text, never Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lrlab.jobs import EvaluationStatus
from lrlab.runs import Confusion, Evaluation

TITLE = "What the best model says"
PARTS = {"val": "Validation images", "test": "Test images"}
WHAT = {"val": "validation images", "test": "test images"}
PART = "Images"
NUMBERS = {False: "Counts", True: "Shares"}
NUMBERS_LABEL = "Numbers in the matrix"
TABLE = "Class by class"
COLUMNS = {"class": "Class", "images": "Images", "precision": "Precision", "recall": "Recall", "f1": "F1"}
HELP = {
    "images": "How many images have this class.",
    "precision": "Of the images that were said to have this class, the share that has it. 0 where it was never said.",
    "recall": "Of the images that have this class, the share that was found.",
    "f1": "The harmonic mean of precision and recall.",
}
MEANS = {"macro": "mean of the classes", "weighted": "mean, weighted by images"}
SAVE = "Predictions as CSV"
MAKE = "Ask it now"
DAMAGED = "The predictions of this run cannot be shown."

MISTAKES = {
    "title": "The most confident mistakes",
    "said": "said",
    "is": "is",
    "more": "Show more",
    "unreadable": "This image cannot be read any more.",
    "deleted": "The data set was deleted, so the pictures are gone.",
}
NO_MISTAKES = "None of them was named wrong."

OWN = {
    "title": "Try your own image",
    "lead": "What the model says of any picture. It is looked at once and not kept.",
    "drop": "Drop pictures here",
    "choose": "Choose pictures",
    "formats": "JPEG, PNG, WebP, BMP, GIF or TIFF",
    "model": "Model",
    "best": "best",
    "last": "last",
    "epoch": "epoch {n}",
    "waiting": "Waiting",
    "asking": "Asking the model. The first answer takes some seconds.",
    "seen": "{name} as the model sees it",
    "remove": "Clear",
    "too_large": "{name} has more than {most}, the most that is allowed.",
    "too_many": "{got} pictures were given; the first {most} are tried.",
    "unreadable": "The browser cannot read {name}. Choose picture files, not folders.",
    "offline": "The server does not answer. Check that lrlab is running, then try again.",
    "broken": "The server could not do this (status {status}).",
    "square": "The model sees the square in the middle, at its own size: {size} x {size} pixels.",
}


def headline(evaluation: Evaluation, part: str, epoch: int | None, monitor: str) -> str:
    """How many images were named right, and by which model. `monitor`: what early stopping watches."""
    by_loss = " by validation loss" if monitor == "val_loss" else ""
    model = f"The best model{by_loss}" if epoch is None else f"The best model{by_loss}, of epoch {epoch + 1:,},"
    share = f"{100 * evaluation.accuracy:.1f} %"
    return f"{model} names {evaluation.right:,} of {evaluation.images:,} {WHAT[part]} right: {share}."


def confused(found: Sequence[Confusion], short: Mapping[str, str]) -> str:
    """Which classes are taken for which; `short`: what each is called."""
    if not found:
        return ""
    pairs = [
        f"{short[one.label]} for {short[one.predicted]} ({one.count:,} of {round(one.count / one.share):,})"
        for one in found
    ]
    return f"Most often it takes {_listed(pairs)}."


def averages(means: pd.DataFrame) -> str:
    """The means below the table of the classes."""
    lines = []
    for row, title in MEANS.items():
        precision, recall, f1 = (f"{100 * means[name][row]:.1f} %" for name in ("precision", "recall", "f1"))
        lines.append(f"{title[0].upper()}{title[1:]}: precision {precision}, recall {recall}, F1 {f1}.")
    return " ".join(lines)


def most_classes(shown: int, of: int) -> str:
    """Why not all classes are in the matrix."""
    return f"The {shown} classes with the most mistakes of {of:,}; the table has all." if shown < of else ""


def without(state: str, images: int) -> str:
    """Why a run that has ended shows no predictions. `images`: those of the validation."""
    if state == "succeeded":
        return "This run has no predictions: it was trained before they were kept."
    if state == "cancelled":
        return f"This run was cancelled, and its best model was not asked about the {images:,} validation images."
    return "This run did not come to its end, so its best model was not asked about the images to check it on."


def making(status: EvaluationStatus) -> str:
    """What is being done so that there will be predictions."""
    what = status.what[:1].upper() + status.what[1:]
    return f"{what}: {status.done:,} of {status.total:,}" if status.total else what


def matrix_label(evaluation: Evaluation, part: str) -> str:
    """The figure's name for a screen reader."""
    return (
        f"Confusion matrix of {evaluation.images:,} {WHAT[part]}, {len(evaluation.classes)} classes; "
        "the table beside it has recall and precision of each"
    )


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
