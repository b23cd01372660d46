"""Early stopping by tables: when a run ends, and what is said of the LR that was still to come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lrlab.experiments import EarlyStopping
from lrlab.runs.stopping import Course, Fall, Patience, closing, next_fall, outlook
from lrlab.schedules import ScheduleSpec, curve

NAN, INF = math.nan, math.inf

LOSSES: dict[str, tuple[dict[str, Any], list[float], int | None, int | None]] = {
    # settings, values of the epochs, the epoch that ends the run, the epoch of the last improvement
    "two without a gain": ({"patience": 2}, [1.0, 0.9, 0.95, 0.9, 0.5], 3, 1),
    "a gain in time begins anew": ({"patience": 2}, [1.0, 1.1, 0.9, 1.0, 0.8, 0.9], None, 4),
    "patience 1 ends with the first": ({"patience": 1}, [1.0, 0.9, 0.9], 2, 1),
    "equal is no gain": ({"patience": 2}, [1.0, 1.0, 1.0], 2, 0),
    "a gain of just min_delta is none": ({"patience": 2, "min_delta": 0.25}, [1.0, 0.75, 0.75], 2, 0),
    "a gain above min_delta": ({"patience": 2, "min_delta": 0.25}, [1.0, 0.74, 0.5, 0.5], 3, 1),
    "small gains add up": ({"patience": 3, "min_delta": 0.25}, [1.0, 0.9, 0.8, 0.7, 0.6], None, 3),
    "epochs before the start are not seen": ({"patience": 2, "start_from_epoch": 3}, [0.1, 2, 2, 1, 1, 1], 5, 3),
    "not a number is no gain": ({"patience": 2}, [1.0, NAN, INF], 2, 0),
    "nor is it a best value": ({"patience": 3}, [NAN, 5.0, 6.0, 4.0], None, 3),
    "never a number": ({"patience": 2}, [NAN, NAN], 1, None),
    "minus infinity is no number": ({"patience": 2}, [1.0, -INF, 0.5], None, 2),
}


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize("case", LOSSES)
def test_when_a_run_ends(case: str, monitor: str) -> None:
    settings, values, end, best = LOSSES[case]
    sign = 1 if monitor == "val_loss" else -1  # what falls for a loss rises for an accuracy
    patience = Patience(EarlyStopping.model_validate({"monitor": monitor, **settings}))
    ended = next((epoch for epoch, value in enumerate(values) if patience.see(epoch, sign * value)), None)
    assert ended == end
    assert patience.epoch == best


FALLS: dict[str, tuple[list[float], int, Fall | None]] = {
    "a step down": ([1, 1, 1, 0.5, 0.5, 0.25], 0, Fall(3, 1, 0.5, True)),
    "the next step": ([1, 1, 1, 0.5, 0.5, 0.25], 3, Fall(5, 0.5, 0.25, True)),
    "no further": ([1, 0.5, 0.5, 0.5], 1, None),
    "only up": ([0.1, 0.2, 0.3], 0, None),
    "in small steps": ([1, 0.9, 0.8, 0.7, 0.7], 0, Fall(3, 1, 0.7, False)),
    "too little": ([1, 0.97, 0.96, 0.955], 0, None),
    "gradually": ([1, 0.98, 0.96, 0.94, 0.92, 0.90], 0, Fall(5, 1, 0.90, False)),
    "gradually, then kept": ([1, 0.97, 0.94, 0.92, 0.92, 0.92], 0, Fall(3, 1, 0.92, False)),
    "gradually, then up again": ([1, 0.97, 0.94, 0.92, 0.99, 0.5], 0, Fall(3, 1, 0.92, False)),
    "up before it falls": ([1, 2, 1.95, 0.5], 0, Fall(3, 1, 0.5, True)),
    "to 0": ([1, 0], 0, Fall(1, 1, 0, True)),
    "from 0": ([0, 1], 0, None),
    "at the end": ([1, 0.5], 1, None),
}


@pytest.mark.parametrize("case", FALLS)
def test_the_next_fall(case: str) -> None:
    lr, update, expected = FALLS[case]
    assert next_fall(np.array(lr, float), update, 1) == expected


def course(scheduler: dict[str, Any], *, interval: str = "epoch", epochs: int = 20, plannable: bool = True) -> Course:
    spec = ScheduleSpec.model_validate({"scheduler": scheduler, "interval": interval})
    return Course(spec, curve(spec, 0.001, epochs, 10).lr if plannable else np.zeros(0), 10)


STEPS = course({"name": "MultiStepLR", "milestones": [12], "gamma": 0.5})
FIXED = course({"name": "Fixed"})
COSINE = course({"name": "CosineAnnealingLR", "T_max": 10, "eta_min": 0.0001}, epochs=10)
PLATEAU = course({"name": "ReduceLROnPlateau", "patience": 10}, plannable=False)
QUICK_PLATEAU = course({"name": "ReduceLROnPlateau", "patience": 1}, plannable=False)
BEST_4 = [0.9, 0.8, 0.7, 0.6, 0.5, 0.6, 0.6, 0.6]

CLOSINGS: dict[str, tuple[Course, dict[str, Any], list[float], str]] = {
    "the LR is to fall": (
        STEPS,
        {"patience": 3},
        BEST_4,
        "Stopped early after epoch 8: val_loss had not improved for 3 epochs since epoch 5. The LR would have fallen "
        "from 0.001 to 5e-4 at epoch 13. A patience of 8 would have waited for that.",
    ),
    "the LR stays": (
        FIXED,
        {"patience": 3},
        BEST_4,
        "Stopped early after epoch 8: val_loss had not improved for 3 epochs since epoch 5.",
    ),
    "no epoch but the first was better": (
        STEPS,
        {"patience": 3},
        [*([0.9] * 10), 0.5, 0.6, 0.6, 0.6],
        "Stopped early after epoch 4: val_loss had not improved for 3 epochs since epoch 1. The LR would have fallen "
        "from 0.001 to 5e-4 at epoch 13. A patience of 12 would have waited for that.",
    ),
    "gradually": (
        COSINE,
        {"patience": 1, "min_delta": 0.01},
        [0.9, 0.895],
        "Stopped early after epoch 2: val_loss had not improved by more than 0.01 for 1 epoch since epoch 1. The LR "
        "would have fallen from 9.78e-4 to 1.22e-4 by epoch 10. A patience of 9 would have waited for that.",
    ),
    "never a number": (
        STEPS,
        {"patience": 2, "start_from_epoch": 1},
        [0.5, NAN, NAN],
        "Stopped early after epoch 3: val_loss had not improved for 2 epochs. The LR would have fallen from 0.001 to "
        "5e-4 at epoch 13. A patience of 12 would have waited for that.",
    ),
    "a plateau that waits longer": (
        PLATEAU,
        {"patience": 3},
        BEST_4,
        "Stopped early after epoch 8: val_loss had not improved for 3 epochs since epoch 5. The LR could not fall "
        "before: ReduceLROnPlateau lowers it after 11 such epochs, and early stopping waits for 3.",
    ),
    "a plateau that is quicker": (
        QUICK_PLATEAU,
        {"patience": 3},
        BEST_4,
        "Stopped early after epoch 8: val_loss had not improved for 3 epochs since epoch 5.",
    ),
}


@pytest.mark.parametrize("case", CLOSINGS)
def test_the_closing_words(case: str) -> None:
    schedule, settings, values, expected = CLOSINGS[case]
    patience = Patience(EarlyStopping.model_validate({"monitor": "val_loss", **settings}))
    ended = next(epoch for epoch, value in enumerate(values) if patience.see(epoch, value))
    assert closing(schedule, patience, ended) == expected


def test_the_patience_that_is_named_waits_for_the_fall() -> None:
    """With it, the run lives through epoch 12, whose LR is the lower one; with one less it ends before."""
    for patience, reached in ((8, True), (7, False)):
        counted = Patience(EarlyStopping(monitor="val_loss", patience=patience))
        values = [*BEST_4, *([0.6] * 12)]
        ended = next(epoch for epoch, value in enumerate(values) if counted.see(epoch, value))
        assert (ended >= 12) == reached


OUTLOOKS: dict[str, tuple[Course, dict[str, Any], list[float], str]] = {
    "nothing yet": (STEPS, {}, [], ""),
    "it improves": (STEPS, {}, [0.9, 0.8], ""),
    "not near": (STEPS, {}, BEST_4[:6], ""),
    "near, and the LR is to fall": (
        STEPS,
        {},
        BEST_4[:7],
        "val_loss has not improved for 2 epochs since epoch 5; another such epoch ends the run, though the LR is to "
        "fall from 0.001 to 5e-4 at epoch 13.",
    ),
    "near, and the LR stays": (
        FIXED,
        {},
        BEST_4[:7],
        "val_loss has not improved for 2 epochs since epoch 5; another such epoch ends the run.",
    ),
    "over": (STEPS, {}, BEST_4, ""),
    "off": (STEPS, {"monitor": "none"}, BEST_4[:7], ""),
    "patience 1 is always near, and nothing is said": (STEPS, {"patience": 1}, BEST_4[:3], ""),
}


# It was stopped early after epoch 8, its best being the 5th's, and trained on with new patience.
TRAINED_ON = {
    "patience begins anew": ([], ""),
    "near": (
        [0.9, 0.9],
        "val_loss has not improved for 2 epochs since epoch 5; another such epoch ends the run.",
    ),
    "over again": ([0.9, 0.9, 0.9], ""),
}


@pytest.mark.parametrize("case", TRAINED_ON)
def test_the_outlook_of_a_run_that_was_trained_on(case: str) -> None:
    more, expected = TRAINED_ON[case]
    chosen = EarlyStopping.model_validate({"monitor": "val_loss", "patience": 3})
    assert outlook(FIXED, chosen, [*BEST_4, *more], len(BEST_4)) == expected


@pytest.mark.parametrize("case", OUTLOOKS)
def test_the_outlook(case: str) -> None:
    schedule, settings, values, expected = OUTLOOKS[case]
    chosen = EarlyStopping.model_validate({"monitor": "val_loss", "patience": 3, **settings})
    assert outlook(schedule, chosen, values) == expected
