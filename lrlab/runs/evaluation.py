"""How well a model tells the classes apart, from its predictions: pure pandas and NumPy, shares from 0 to 1.

Where a share would be 0 / 0: the precision of a class that was never predicted is 0, since none of its images was
found. A class without images has no recall and no F1 (NaN), and it does not enter the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lrlab.runs.predictions import Predictions

Matrix = NDArray[np.int64]
"""A confusion matrix, shape (classes, classes): images by label (row) and by predicted class (column)."""

MEASURES = ["precision", "recall", "f1"]


@dataclass(frozen=True)
class Confusion:
    """`count` images of the class `label` were taken for `predicted`, `share` of all images of the label."""

    label: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Evaluation:
    """How a model did on one part of the images. `classes` in the order of the labels; `mistakes` as the function."""

    classes: tuple[str, ...]
    matrix: Matrix
    mistakes: pd.DataFrame

    @property
    def images(self) -> int:
        return int(self.matrix.sum())

    @property
    def right(self) -> int:
        """How many images were named right."""
        return int(np.trace(self.matrix))

    @property
    def accuracy(self) -> float:
        return self.right / self.images if self.images else float("nan")


def evaluate(predictions: Predictions, split: str) -> Evaluation:
    """How the model did on the part `split` ("val" or "test")."""
    frame = predictions.of(split)
    return Evaluation(predictions.classes, confusion(frame, predictions.classes), mistakes(frame))


def confusion(frame: pd.DataFrame, classes: Sequence[str]) -> Matrix:
    """The confusion matrix of `frame` (columns label and predicted, by name), in the order of `classes`."""
    places = pd.Index(classes)
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    label, predicted = (places.get_indexer(pd.Index(frame[column])) for column in ("label", "predicted"))
    np.add.at(matrix, (label, predicted), 1)
    return matrix


def per_class(matrix: Matrix, classes: Sequence[str]) -> pd.DataFrame:
    """One row per class (index): `images` that have it, how many were `predicted`, and the shares.

    `precision`: of those predicted, the share that has the class. `recall`: of those that have it, the share predicted.
    `f1`: their harmonic mean, 2 right / (images + predicted). See the head of this module for 0 / 0.
    """
    right, images, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    present = images > 0
    return pd.DataFrame(
        {
            "images": images,
            "predicted": predicted,
            "precision": _share(right, predicted, predicted > 0, otherwise=0.0),
            "recall": _share(right, images, present, otherwise=np.nan),
            "f1": _share(2 * right, images + predicted, present, otherwise=np.nan),
        },
        index=pd.Index(classes, name="class"),
    )


def means(table: pd.DataFrame) -> pd.DataFrame:
    """The means of precision, recall and F1 in `table` (of `per_class`) over the classes that have images.

    Row "macro": each class counts the same. Row "weighted": each by its images; its recall is the accuracy.
    """
    present = table[table["images"] > 0]
    if present.empty:
        return pd.DataFrame(np.nan, index=["macro", "weighted"], columns=MEASURES)
    weights = present["images"] / present["images"].sum()
    return pd.DataFrame({"macro": present[MEASURES].mean(), "weighted": present[MEASURES].mul(weights, axis=0).sum()}).T


def confusions(evaluation: Evaluation, most: int = 3) -> list[Confusion]:
    """The pairs of classes that are confused most often, at most `most`; of equal counts the larger share first."""
    matrix, classes = evaluation.matrix, evaluation.classes
    images = matrix.sum(axis=1)
    found = [
        Confusion(classes[label], classes[predicted], int(count), float(count / images[label]))
        for (label, predicted), count in np.ndenumerate(matrix)
        if count and label != predicted
    ]
    return sorted(found, key=lambda one: (-one.count, -one.share))[:most]


def mistakes(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of predictions that are wrong, the most confident first; `confidence` is what the wrong class got."""
    wrong = frame[frame["predicted"] != frame["label"]]
    confidence = np.array([found[0] for found in wrong["top_probabilities"]], dtype=np.float64)
    return wrong.assign(confidence=confidence).sort_values("confidence", ascending=False, kind="stable")


def _share(
    part: NDArray[np.int64], whole: NDArray[np.int64], where: NDArray[np.bool_], *, otherwise: float
) -> NDArray[np.float64]:
    shares = np.full(len(part), otherwise)
    np.divide(part, whole, out=shares, where=where)
    return shares
