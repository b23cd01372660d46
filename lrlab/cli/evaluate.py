"""`evaluate`: how well the best model of a run tells the classes apart, from the predictions that the run left."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import percent, say, say_json, say_table
from lrlab.errors import LabError, NotFound
from lrlab.home import lab_home

if TYPE_CHECKING:
    from lrlab.runs import Evaluation, Predictions, Run

PARTS = {"val": "validation", "test": "test"}

PAIRS = 5
"""So many pairs of classes that are confused are named, and so many mistakes."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "evaluate",
        help="show how well a run's best model tells the classes apart",
        description="Show precision, recall and F1 of each class, what is confused, and the most confident mistakes.",
    )
    parser.add_argument("id", metavar="ID", help="the run's id")
    parser.add_argument("--split", choices=tuple(PARTS), default="val", help="which images (default: val)")
    add_json(parser, "the confusion matrix, the table of classes, their means and all mistakes")
    parser.set_defaults(run=evaluate_)


def evaluate_(given: argparse.Namespace) -> int:
    from lrlab.runs import confusions, evaluate, load_predictions, load_run, means, per_class

    run = load_run(given.id, lab_home())
    predictions = load_predictions(run) or _made(run)
    split = given.split
    if split not in predictions.splits:
        why = "a run that was stopped keeps them for its end"
        if not getattr(run.record.dataset, split):
            why = f"the data set has no {PARTS[split]} images"
        raise LabError(f"--split: got {split}, but {why}", field="split")
    found = evaluate(predictions, split)
    table = per_class(found.matrix, found.classes)
    averages = means(table)
    if given.json:
        say_json(
            {
                "run": run.id, "split": split, "epoch": predictions.epoch, "images": found.images,
                "accuracy": found.accuracy, "classes": found.classes, "confusion": found.matrix,
                "per_class": table.reset_index().to_dict("records"), "means": averages.to_dict("index"),
                "mistakes": found.mistakes[["row", "file", "label", "predicted", "confidence"]].to_dict("records"),
            }
        )  # fmt: skip
        return 0
    say(
        f"{run.record.name} ({run.id}): {found.right:,} of {found.images:,} {PARTS[split]} images right, "
        f"{percent(found.accuracy)}\n"
    )
    shares = ["precision", "recall", "f1"]
    rows = [
        [str(name), f"{row['images']:.0f}", *(percent(row[share]) for share in shares)]
        for name, row in table.to_dict("index").items()
    ]
    for name, row in averages.to_dict("index").items():
        rows.append([f"({name} mean)", "", *(percent(row[share]) for share in shares)])
    say_table(["class", "images", *shares], rows, right=["images", *shares])
    for pair in confusions(found, PAIRS):
        say(f"{pair.label} taken for {pair.predicted}: {pair.count:,} ({percent(pair.share)})")
    _say_mistakes(found)
    return 0


def _made(run: Run) -> Predictions:
    """The predictions of a run that ended without them; torch takes seconds, so only then."""
    from lrlab.runs import load_predictions
    from lrlab.training.evaluation import evaluate

    evaluate(lab_home(), run=run.id)
    made = load_predictions(run)
    if made is None:
        raise NotFound(f"run {run.id} was deleted", field="run")
    return made


def _say_mistakes(found: Evaluation) -> None:
    from lrlab.runs import chance

    if found.mistakes.empty:
        return
    say("\nthe most confident mistakes")
    shown = found.mistakes[["file", "label", "predicted", "confidence"]][:PAIRS].to_dict("records")
    rows = [[str(row["file"]), str(row["label"]), str(row["predicted"]), chance(row["confidence"])] for row in shown]
    say_table(["image", "is", "said", "with"], rows, right=["with"])
