"""Which images train, which validate, which test. The same on every machine for the same data set and seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.datasets.dataset import Dataset
from lrlab.datasets.layout import TEST, TRAIN, VAL
from lrlab.experiments import Validation

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Row numbers of `dataset.images`, ascending, in three parts that share none.

    `by_folders`: whether the data set brought a val/ folder, so that nothing was drawn.
    """

    train: Rows
    val: Rows
    test: Rows
    by_folders: bool


def split(dataset: Dataset, validation: Validation) -> Split:
    """The parts of `dataset`. Where it brings no val/, `validation.fraction` of each class is held out.

    Of a class with n >= 2 images to train on at least 1 and at most n - 1 are held out; of a single one, none.
    """
    part = dataset.images["split"].to_numpy()
    train, val, test = (np.flatnonzero(part == name).astype(np.int64) for name in (TRAIN, VAL, TEST))
    if len(val):
        return Split(train, val, test, by_folders=True)
    labels = dataset.images["label"].to_numpy()[train]
    held_out = np.concatenate(
        [_drawn(train[labels == label], label, validation) for label in range(len(dataset.classes))]
    )
    return Split(np.setdiff1d(train, held_out), np.sort(held_out), test, by_folders=False)


def _drawn(rows: Rows, label: int, validation: Validation) -> Rows:
    """The rows of one class that are held out. A seed of its own keeps a class's draw apart from the others."""
    if len(rows) < 2:
        return rows[:0]
    count = min(max(round(len(rows) * validation.fraction), 1), len(rows) - 1)
    # Sorting random doubles, not Generator.permutation: NumPy promises nothing about the latter between versions.
    order = np.argsort(np.random.default_rng([validation.seed, label]).random(len(rows)), kind="stable")
    return rows[order[:count]]
