"""What is said about a schedule is true: sentences, labels and numbers against cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lrlab.schedules import Curve, ScheduleSpec, curve, label, number, sentences

STEP_LR = {"name": "StepLR", "step_size": 5, "gamma": 0.5}
CYCLE = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 20}
PLATEAU = {"name": "ReduceLROnPlateau", "factor": 0.1, "patience": 1}


def sequence(apart: int, *names: str) -> dict[str, Any]:
    """Schedulers of these names, a milestone every `apart` calls."""
    needed: dict[str, dict[str, Any]] = {"CosineAnnealingLR": {"T_max": 5}}
    schedulers = [{"name": name, **needed.get(name, {})} for name in names]
    milestones = [apart * place for place in range(1, len(names))]
    return {"name": "SequentialLR", "schedulers": schedulers, "milestones": milestones}


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
    "two valleys: the peaks are told, the drops are not": (
        [1.0, 0.5, 0.5, 1.0, 1.0, 0.25, 0.25, 2.0, 0.5], 3,
        [
            "The LR starts at 1.",
            "It ends at 0.5.",
            "It is highest at update 7 (epoch 2): 2.",
            "It is lowest at update 5 (epoch 1): 0.25.",
            "It has 3 peaks, at updates 0, 3 and 7 (epochs 0, 1 and 2).",
        ],
    ),
    "a rise to the end is no peak yet": (
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 6,
        [
            "The LR starts at 0.",
            "It ends at 1.",
            "It is highest at update 1 (epoch 0): 1.",
            "It is lowest at update 0 (epoch 0): 0.",
            "It has 2 peaks, at updates 1 and 3 (epochs 0 and 0).",
        ],
    ),
    "more peaks than one reads": (
        [0.5, 1.0] * 8, 4,
        [
            "The LR starts at 0.5.",
            "It ends at 1.",
            "It is highest at update 1 (epoch 0): 1.",
            "It is lowest at update 0 (epoch 0): 0.5.",
            "It has 7 peaks, first at update 1 (epoch 0), last at update 13 (epoch 3).",
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
        (
            {"scheduler": {"name": "CosineAnnealingWarmRestarts", "T_0": 3, "T_mult": 2}},
            "It has 3 peaks, at updates 0, 90 and 270 (epochs 0, 3 and 9).",
        ),
        (
            {"interval": "step", "scheduler": {**CYCLE, "step_size_up": 75}},  # tops at 75, 225, 375 and 525
            "It has 4 peaks, at updates 75, 225, 375 and 525 (epochs 2, 7, 12 and 17).",
        ),
        (
            {"interval": "step", "scheduler": {**CYCLE, "step_size_up": 10}},  # tops at 10, 30, ..., 590
            "It has 30 peaks, first at update 10 (epoch 0), last at update 590 (epoch 19).",
        ),
    ],
)
def test_sentences_of_a_run_of_20_epochs_of_30_steps(document: dict[str, Any], expected: str) -> None:
    said = sentences(curve(ScheduleSpec.model_validate(document), 0.001, 20, 30))
    assert any(sentence.startswith(expected) for sentence in said), said


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        (ONE_CYCLE, "Momentum moves between 0.95 and 0.85."),
        (CYCLE | {"step_size_up": 5}, "Momentum moves between 0.9 and 0.8."),
        (ONE_CYCLE | {"base_momentum": 0.7, "max_momentum": 0.7}, "Momentum is set to 0.7."),
        (ONE_CYCLE | {"cycle_momentum": False}, None),
        (STEP_LR, None),
    ],
)
def test_the_momentum_is_told_where_it_is_moved(scheduler: dict[str, Any], expected: str | None) -> None:
    said = sentences(curve(ScheduleSpec.model_validate({"scheduler": scheduler}), 0.001, 20, 30))
    assert [sentence for sentence in said if "omentum" in sentence] == ([expected] if expected else [])


CUTS: dict[str, tuple[dict[str, Any], list[float], list[str]]] = {
    # changes to PLATEAU, metrics of each epoch, what is said of its cuts: worked by hand
    "none": (
        {}, [5, 4, 3, 3, 2],
        ["There is no cut: the metric never goes long enough without getting better."],
    ),
    "one": (
        {}, [5, 4, 4, 4, 3, 3],
        ["It is cut once, at the end of epoch 3, after 2 epochs in a row without a better metric."],
    ),
    "two": (
        {}, [5, 5, 5, 5, 5, 4],
        ["It is cut 2 times, at the end of epochs 2 and 4, each time after 2 epochs in a row without a better metric."],
    ),
    "the last one comes too late": (
        {}, [5, 4, 4, 4],
        [
            "It is cut once, at the end of epoch 3, after 2 epochs in a row without a better metric.",
            "The last cut comes after the last update.",
        ],
    ),
    "more than one reads": (
        {"patience": 0, "factor": 0.5}, [5.0] * 9 + [4],
        [
            "It is cut 8 times, at the end of epoch 1 first and of epoch 8 last, "
            "each time after 1 epoch without a better metric.",
        ],
    ),
    "min_lr stops the second and third": (
        {"min_lr": 0.01}, [5.0] * 7 + [4],
        [
            "It is cut once, at the end of epoch 2, after 2 epochs in a row without a better metric.",
            "2 more cuts changed nothing: min_lr or eps forbade it.",
        ],
    ),
    "eps stops the only one": (
        {"eps": 1.0}, [5, 5, 5, 4],
        ["One cut changed nothing: min_lr or eps forbade it."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CUTS)
def test_cuts_are_told(case: str) -> None:
    changes, metrics, expected = CUTS[case]
    spec = ScheduleSpec.model_validate({"scheduler": PLATEAU | changes})
    said = sentences(curve(spec, 0.1, len(metrics), 10, metrics))
    told = [sentence for sentence in said if "cut" in sentence]
    assert told == expected
    assert not any("drops" in sentence for sentence in said), "a cut is told once"


def test_cuts_after_a_warm_up_are_counted_in_the_runs_epochs() -> None:
    spec = ScheduleSpec.model_validate({"scheduler": PLATEAU, "warmup": {"length": 3}})
    said = sentences(curve(spec, 0.1, 8, 10, [9, 8, 7, 5, 5, 5, 4, 3]))
    assert "It is cut once, at the end of epoch 5, after 2 epochs in a row without a better metric." in said


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
        (
            {"scheduler": {"name": "MultiStepLR", "milestones": [1, 2, 3, 4, 5, 6, 7, 8]}},
            "MultiStepLR(milestones=[1, 2, 3, 4, 5, 3 more], gamma=0.1)",
        ),
        ({"scheduler": {"name": "LambdaLR", "formula": " 0.65 **\n epoch "}}, "LambdaLR(0.65 ** epoch)"),
        (
            {"interval": "step", "scheduler": {"name": "MultiplicativeLR", "formula": "0.999"}},
            "MultiplicativeLR(0.999) per step",
        ),
        (
            {"scheduler": {"name": "LambdaLR", "formula": "min(1, epoch / 5) if epoch < 5 else 0.65 ** (epoch - 5)"}},
            "LambdaLR(min(1, epoch / 5) if epoch < 5 else 0...)",
        ),
        ({"scheduler": {"name": "LambdaLR", "table": {"points": [[0, 1], [5, 0.1]]}}}, "LambdaLR(2 points)"),
        ({"scheduler": {"name": "LambdaLR", "table": {"points": [[0, 1]]}}}, "LambdaLR(1 point)"),
        ({"scheduler": ONE_CYCLE}, "OneCycleLR(max_lr=0.1, total_steps=20)"),
        (
            {"scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "epochs": 2, "steps_per_epoch": 10, "pct_start": 0.25}},
            "OneCycleLR(max_lr=0.1, epochs=2, steps_per_epoch=10, pct_start=0.25)",
        ),
        ({"scheduler": CYCLE}, "CyclicLR(base_lr=0.01, max_lr=0.1, step_size_up=2000)"),
        ({"scheduler": CYCLE | {"gamma": 0.9}}, "CyclicLR(base_lr=0.01, max_lr=0.1, step_size_up=2000)"),
        (
            {"scheduler": CYCLE | {"gamma": 0.9, "mode": "exp_range", "cycle_momentum": False}},
            "CyclicLR(base_lr=0.01, max_lr=0.1, step_size_up=2000, mode=exp_range, gamma=0.9, cycle_momentum=False)",
        ),
        ({"scheduler": PLATEAU}, "ReduceLROnPlateau(factor=0.1, patience=1)"),
        (
            {"scheduler": PLATEAU | {"mode": "max", "min_lr": 1e-5}, "warmup": {"length": 2}},
            "ReduceLROnPlateau(mode=max, factor=0.1, patience=1, min_lr=1e-5), warm-up 2 epochs",
        ),
        (
            {"scheduler": sequence(3, "LinearLR", "CosineAnnealingLR")},
            "SequentialLR(LinearLR → CosineAnnealingLR at 3)",
        ),
        ({"interval": "step", "scheduler": sequence(3, "Fixed", "Fixed")}, "SequentialLR(Fixed → Fixed at 3) per step"),
        ({"scheduler": sequence(3, "Fixed")}, "SequentialLR(Fixed)"),
        ({"scheduler": sequence(3, *["Fixed"] * 4)}, "SequentialLR(Fixed → Fixed at 3 → Fixed at 6 → Fixed at 9)"),
        ({"scheduler": sequence(3, *["Fixed"] * 6)}, "SequentialLR(Fixed → Fixed at 3 → Fixed at 6 → 3 more)"),
        (
            {"scheduler": {"name": "ChainedScheduler", "schedulers": [{"name": "ConstantLR"}, {"name": "LinearLR"}]}},
            "ChainedScheduler(ConstantLR × LinearLR)",
        ),
        (
            {"scheduler": {"name": "ChainedScheduler", "schedulers": [sequence(3, "Fixed", "Fixed")]}},
            "ChainedScheduler(SequentialLR of 2)",
        ),
        ({"warmup": {"length": 1}}, "Fixed, warm-up 1 epoch"),
        ({"warmup": {"length": 50, "unit": "step"}}, "Fixed, warm-up 50 steps"),
    ],
)
def test_label(document: dict[str, Any], expected: str) -> None:
    assert label(ScheduleSpec.model_validate(document)) == expected
