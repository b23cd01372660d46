"""What is said about a schedule is true: sentences, labels and numbers against cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lrlab.schedules import Curve, ScheduleSpec, curve, label, number, sentences

STEP_LR = {"name": "StepLR", "step_size": 5, "gamma": 0.5}

SENTENCES: dict[str, tuple[list[float], int, list[str]]] = {
    "never changes": (
        [0.001] * 4, 2,
        ["The LR never changes: it is 0.001 from the first update to the last."],
    ),
    "one update": ([0.5], 1, ["The LR never changes: it is 0.5 from the first update to the last."]),
    "two drops": (
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001], 2,
        [
            "The LR starts at 0.1.",
            "It ends at 0.001.",
            "It is highest at update 0 (epoch 0): 0.1.",
            "It is lowest at update 4 (epoch 2): 0.001.",
            "It drops 2 times, at updates 2 and 4 (epochs 1 and 2).",
        ],
    ),
    "a drop at the last update": (
        [1.0, 1.0, 1.0, 0.5], 2,
        [
            "The LR starts at 1.",
            "It ends at 0.5.",
            "It is highest at update 0 (epoch 0): 1.",
            "It is lowest at update 3 (epoch 1): 0.5.",
            "It drops once, at update 3 (epoch 1).",
        ],
    ),
    "a smooth fall has no drops": (
        [4.0, 3.0, 2.0, 1.0], 4,
        [
            "The LR starts at 4.",
            "It ends at 1.",
            "It is highest at update 0 (epoch 0): 4.",
            "It is lowest at update 3 (epoch 0): 1.",
        ],
    ),
    "a rise, then a fall that is not in steps": (
        [1.0, 2.0, 3.0, 2.0, 1.5, 1.5], 3,
        [
            "The LR starts at 1.",
            "It ends at 1.5.",
            "It is highest at update 2 (epoch 0): 3.",
            "It is lowest at update 0 (epoch 0): 1.",
        ],
    ),
    "down and up again": (
        [1.0, 0.5, 0.25, 0.5, 1.0], 1,
        [
            "The LR starts at 1.",
            "It ends at 1.",
            "It is highest at update 0 (epoch 0): 1.",
            "It is lowest at update 2 (epoch 2): 0.25.",
            "After having fallen, it rises again at update 3 (epoch 3).",
        ],
    ),
    "zero at the end": (
        [1.0, 0.5, 0.0, 0.0], 2,
        [
            "The LR starts at 1.",
            "It ends at 0.",
            "It is highest at update 0 (epoch 0): 1.",
            "It is lowest at update 2 (epoch 1): 0.",
            "From update 2 (epoch 1) on it is 0: nothing is learnt any more.",
        ],
    ),
    "more drops than one reads": (
        [value for drop in range(8) for value in (0.5**drop, 0.5**drop)], 2,
        [
            "The LR starts at 1.",
            "It ends at 0.00781.",
            "It is highest at update 0 (epoch 0): 1.",
            "It is lowest at update 14 (epoch 7): 0.00781.",
            "It drops 7 times, first at update 2 (epoch 1), last at update 14 (epoch 7).",
        ],
    ),
    "rounding is no change": (
        [0.1, np.nextafter(0.1, 1), 0.1], 3,
        ["The LR never changes: it is 0.1 from the first update to the last."],
    ),
    "a small drop beside a large LR is one": (
        [1000.0, 1000.0, 1e-10, 1e-10, 1e-11, 1e-11], 6,
        [
            "The LR starts at 1000.",
            "It ends at 1e-11.",
            "It is highest at update 0 (epoch 0): 1000.",
            "It is lowest at update 4 (epoch 0): 1e-11.",
            "It drops 2 times, at updates 2 and 4 (epochs 0 and 0).",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SENTENCES)
def test_sentences(case: str) -> None:
    values, steps_per_epoch, expected = SENTENCES[case]
    assert sentences(Curve(np.array(values), steps_per_epoch)) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"scheduler": STEP_LR},
            "It drops 3 times, at updates 150, 300 and 450 (epochs 5, 10 and 15).",
        ),
        (
            {"scheduler": STEP_LR, "warmup": {"length": 3}},
            "It drops 3 times, at updates 240, 390 and 540 (epochs 8, 13 and 18).",
        ),
        (
            {"scheduler": {"name": "CosineAnnealingLR", "T_max": 10}},
            "After having fallen, it rises again at update 330 (epoch 11).",
        ),
        (
            {"scheduler": {"name": "PolynomialLR", "total_iters": 18}},
            "From update 540 (epoch 18) on it is 0: nothing is learnt any more.",
        ),
        ({"scheduler": {"name": "StepLR", "step_size": 20}}, "The LR never changes: it is 0.001 from"),
    ],
)
def test_sentences_of_a_run_of_20_epochs_of_30_steps(document: dict[str, Any], expected: str) -> None:
    said = sentences(curve(ScheduleSpec.model_validate(document), 0.001, 20, 30))
    assert any(sentence.startswith(expected) for sentence in said), said


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"), (0.1, "0.1"), (0.001, "0.001"), (0.0005, "5e-4"), (1e-4, "1e-4"), (1.25e-4, "1.25e-4"),
        (3.14159e-6, "3.14e-6"), (1 / 3, "0.333"), (1.0, "1"), (10, "10"), (1000.0, "1000"),
        (12_345.0, "1.23e4"), (-0.01, "-0.01"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_number(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "Fixed"),
        ({"interval": "step"}, "Fixed"),
        ({"scheduler": STEP_LR}, "StepLR(step_size=5, gamma=0.5)"),
        ({"interval": "step", "scheduler": STEP_LR}, "StepLR(step_size=5, gamma=0.5) per step"),
        ({"scheduler": {"name": "MultiStepLR", "milestones": [3, 5]}}, "MultiStepLR(milestones=[3, 5], gamma=0.1)"),
        ({"warmup": {"length": 1}}, "Fixed, warm-up 1 epoch"),
        ({"warmup": {"length": 50, "unit": "step"}}, "Fixed, warm-up 50 steps"),
    ],
)
def test_label(document: dict[str, Any], expected: str) -> None:
    assert label(ScheduleSpec.model_validate(document)) == expected
