"""`predict`: what the model of a finished run says of images on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import complain, say, say_json, say_table
from lrlab.errors import LabError
from lrlab.home import lab_home

if TYPE_CHECKING:
    from lrlab.training.predicting import Prediction

REFUSED = 2
"""The exit code where an image could not be read; those that could are answered all the same."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "predict",
        help="ask a run's model what is on images",
        description="Ask a run's model what is on images. Each is prepared as the validation images were.",
    )
    parser.add_argument("id", metavar="ID", help="the run's id")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="an image file on this machine")
    parser.add_argument("--model", choices=("best", "last"), default="best", help="which of its models (default: best)")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to name (default: 5)")
    add_json(parser, "an array of the images")
    parser.set_defaults(run=predict)


def predict(given: argparse.Namespace) -> int:
    if given.top < 1:
        raise LabError(f"--top: got {given.top}, allowed: 1 or more", field="top")
    from lrlab.runs import load_run

    run = load_run(given.id, lab_home())
    from lrlab.training.predicting import Predictor  # torch takes seconds, so what can be refused is refused before

    predictor = Predictor(run, given.model)
    squares, refused = {}, {}
    for file in given.images:
        try:
            squares[file] = predictor.square(Path(file), file)
        except LabError as error:
            refused[file] = str(error)
    found = dict(zip(squares, predictor.predict(list(squares.values()), given.top), strict=True))
    if given.json:
        say_json([_plain(file, found.get(file), refused.get(file)) for file in given.images])
    elif found:
        _say_table(found)
    for sentence in refused.values():
        complain(sentence)
    return REFUSED if refused else 0


def _plain(file: str, found: Prediction | None, error: str | None) -> dict[str, Any]:
    if found is None:
        return {"file": file, "predicted": None, "error": error}
    pairs = zip(found.classes, found.probabilities, strict=True)
    top = [{"class": name, "probability": probability} for name, probability in pairs]
    return {"file": file, "predicted": found.classes[0], "top": top}


def _say_table(found: dict[str, Prediction]) -> None:
    from lrlab.runs import chance

    rows = [
        [file if place == 0 else "", name, chance(probability)]
        for file, one in found.items()
        for place, (name, probability) in enumerate(zip(one.classes, one.probabilities, strict=True))
    ]
    say_table(["image", "class", "probability"], rows, right=["probability"])
    if len(found) > 1:
        say(f"{len(found):,} images")
