"""What the LR does from an update on, in sentences made from the curve itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules import spec as specs
from lrlab.schedules.words import number

SAME = 1e-9
"""Relative differences up to this are rounding: no change that a person means."""


def ahead(lr: NDArray[np.float64], update: int, steps_per_epoch: int) -> str:
    """What comes of `lr`, one value for each update of a run, from `update` on: one sentence.

    Epochs count from 1, as in all that is told of runs. LRs are given to 3 significant digits.
    """
    rest = lr[update:]
    change = np.diff(rest)
    change[np.abs(change) <= SAME * np.maximum(rest[1:], rest[:-1])] = 0
    moves = np.flatnonzero(change)
    last_epoch = (len(lr) - 1) // steps_per_epoch + 1
    if not len(moves):
        return f"The LR stays at {number(rest[0])} to the end of epoch {last_epoch}, the last."
    start = update + 1 + int(moves[0])
    until = "" if moves[0] == 0 else f"stays at {number(rest[0])} until epoch {start // steps_per_epoch + 1}, then "
    now = f" from {number(rest[0])}" if moves[0] == 0 else ""
    if (change <= 0).all() or (change >= 0).all():
        falls = change[moves[0]] < 0
        return (
            f"The LR {until}{'falls' if falls else 'rises'}{now} to {number(rest[-1])} in the last epoch, {last_epoch}."
        )
    low, high = number(rest.min()), number(rest.max())
    highest = (update + int(rest.argmax())) // steps_per_epoch + 1
    so_far = until or f"is {number(rest[0])} now, "
    return (
        f"The LR {so_far}moves between {low} and {high} (highest in epoch {highest}) "
        f"and ends at {number(rest[-1])} in the last epoch, {last_epoch}."
    )


def ahead_of_plateau(plateau: specs.ReduceLROnPlateau, watched: str, lr: float | None, factor: float) -> str:
    """What ReduceLROnPlateau does from here on, where the LR is `lr` (None: not known); one sentence.

    `watched`: the column that it is given. `factor`: what a person multiplies its LR by.
    """
    waits = plateau.patience + 1
    epochs = f"{waits} epochs in a row" if waits > 1 else "an epoch"
    now = f"stays at {number(lr)} and " if lr is not None else ""
    lowest = f", down to {number(plateau.min_lr * factor)}" if plateau.min_lr else ""
    return f"The LR {now}is multiplied by {number(plateau.factor)} after {epochs} without a better {watched}{lowest}."
