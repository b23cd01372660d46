"""What comes of the LR, in words: true to the curve that they are made from."""

from __future__ import annotations

import numpy as np
import pytest

from lrlab.schedules import ReduceLROnPlateau, ahead, ahead_of_plateau

CASES = {
    "stays": ([0.1] * 8, 3, "The LR stays at 0.1 to the end of epoch 4, the last."),
    "stays, after a fall": ([0.1] * 2 + [0.05] * 6, 2, "The LR stays at 0.05 to the end of epoch 4, the last."),
    "stays but for rounding": (
        [0.1, 0.1 * (1 + 1e-12)] * 4, 0, "The LR stays at 0.1 to the end of epoch 4, the last.",
    ),
    "the last update": ([0.1] * 7 + [0.2], 7, "The LR stays at 0.2 to the end of epoch 4, the last."),
    "falls at once": (
        [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], 1, "The LR falls from 0.7 to 0.1 in the last epoch, 4.",
    ),
    "rises at once": ([0.1, 0.2, 0.4, 0.4], 0, "The LR rises from 0.1 to 0.4 in the last epoch, 2."),
    "falls later": (
        [0.4] * 4 + [0.2] * 2 + [0.1] * 2, 1,
        "The LR stays at 0.4 until epoch 3, then falls to 0.1 in the last epoch, 4.",
    ),
    "falls in the next update": (
        [0.4] * 4 + [0.2] * 2 + [0.1] * 2, 3, "The LR falls from 0.4 to 0.1 in the last epoch, 4.",
    ),
    "goes up and down": (
        [0.1, 0.2, 0.3, 0.4, 0.3, 0.2], 0,
        "The LR is 0.1 now, moves between 0.1 and 0.4 (highest in epoch 2) and ends at 0.2 in the last epoch, 3.",
    ),
    "goes up and down later": (
        [0.2, 0.2, 0.2, 0.4, 0.3, 0.1], 0,
        "The LR stays at 0.2 until epoch 2, then moves between 0.1 and 0.4 (highest in epoch 2) "
        "and ends at 0.1 in the last epoch, 3.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_sentence_is_that_of_the_curve(case: str) -> None:
    lr, update, expected = CASES[case]
    assert ahead(np.array(lr), update, steps_per_epoch=2) == expected


PLATEAUS = [
    ({}, 0.01, 1.0,
     "The LR stays at 0.01 and is multiplied by 0.1 after 11 epochs in a row without a better val_loss."),
    ({"patience": 0, "factor": 0.5}, None, 1.0,
     "The LR is multiplied by 0.5 after an epoch without a better val_loss."),
    ({"patience": 1, "min_lr": 1e-4}, None, 0.5,
     "The LR is multiplied by 0.1 after 2 epochs in a row without a better val_loss, down to 5e-5."),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "lr", "factor", "expected"), PLATEAUS)
def test_a_plateau_is_told_by_its_rule(
    settings: dict[str, float], lr: float | None, factor: float, expected: str
) -> None:
    assert ahead_of_plateau(ReduceLROnPlateau.model_validate(settings), "val_loss", lr, factor) == expected
