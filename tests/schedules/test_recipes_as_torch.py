"""What every recipe becomes: torch's own class where one does the same, a formula elsewhere, and never too long."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.schedules import RECIPES, ScheduleSpec


@pytest.mark.parametrize(
    ("name", "values", "run", "scheduler", "warmup"),
    [
        ("keras-exponential-decay", {"decay_steps": 9}, (2, 9), {"name": "StepLR", "step_size": 9, "gamma": 0.92}, 0),
        (
            "keras-exponential-decay",
            {"decay_steps": 2, "decay_rate": 0.25, "staircase": False},
            (2, 9),
            {"name": "ExponentialLR", "gamma": 0.5},
            0,
        ),
        (
            "keras-piecewise-constant",
            {"boundaries": [3, 8], "factor": 0.1},
            (2, 9),
            {"name": "MultiStepLR", "milestones": [4, 9], "gamma": 0.1},
            0,
        ),
        ("keras-cosine-decay", {}, (2, 9), {"name": "CosineAnnealingLR", "T_max": 18}, 0),
        (
            "keras-cosine-decay",
            {"decay_steps": 9},
            (2, 9),
            {"name": "LambdaLR", "formula": "(1 + cos(pi * min(step, 9) / 9)) / 2"},
            0,
        ),
        (
            "keras-cosine-restarts",
            {"first_decay_steps": 6, "m_mul": 1, "alpha": 0.5},
            (2, 9),
            {"name": "CosineAnnealingWarmRestarts", "T_0": 6, "T_mult": 2, "eta_min": 0.05},
            0,
        ),
        (
            "keras-cosine-restarts",
            {"first_decay_steps": 6, "t_mul": 1},
            (2, 9),
            {"name": "LambdaLR", "formula": "0.7 ** (step // 6) * (1 + cos(pi * (step % 6) / 6)) / 2"},
            0,
        ),
        (
            "step-decay",
            {"epochs_drop": 10},
            (50, 9),
            {"name": "MultiStepLR", "milestones": [9, 19, 29, 39, 49], "gamma": 0.5},
            0,
        ),
        (
            "step-decay",
            {"epochs_drop": 1},
            (50, 9),
            {"name": "LambdaLR", "formula": "0.5 ** ((1 + epoch) // 1)"},
            0,
        ),
        (
            "warmup-cosine",
            {"warmup": 3, "final_lr": 0.01},
            (2, 9),
            {"name": "CosineAnnealingLR", "T_max": 15, "eta_min": 0.01},
            3,
        ),
        (
            "transformers-linear",
            {"warmup": 3},
            (2, 9),
            {"name": "LinearLR", "start_factor": 1, "end_factor": 0, "total_iters": 15},
            3,
        ),
        (
            "bert-linear",
            {"warmup_proportion": 0.2},
            (2, 10),
            {"name": "LinearLR", "start_factor": 0.8, "end_factor": 0, "total_iters": 16},
            4,
        ),
        (
            "warmup-polynomial",
            {"warmup": 3, "final_lr": 0},
            (2, 9),
            {"name": "PolynomialLR", "total_iters": 15, "power": 0.9},
            3,
        ),
        (
            "warmup-polynomial",
            {"warmup": 3, "final_lr": 0.01},
            (2, 9),
            {"name": "LambdaLR", "formula": "0.1 + 0.9 * max(0, 1 - step / 15) ** 0.9"},
            3,
        ),
        (
            "flat-cosine",
            {},
            (2, 10),
            {
                "name": "SequentialLR",
                "schedulers": [{"name": "Fixed"}, {"name": "CosineAnnealingLR", "T_max": 5, "eta_min": 1e-6}],
                "milestones": [15],
            },
            0,
        ),
        (
            "flat-cosine",
            {"pct_start": 0.7},
            (1, 9),
            {"name": "LambdaLR", "formula": "1 if t < 0.7 else 1e-05 + 0.99999 * (1 + cos(pi * (t - 0.7) / 0.3)) / 2"},
            0,
        ),
        (
            "warmup-stable-decay",
            {"warmup": 0.1, "decay": 0.2, "shape": "1-sqrt"},
            (2, 10),
            {"name": "LambdaLR", "formula": "1 if step < 14 else (1 - sqrt(min(step - 14, 4) / 4))"},
            2,
        ),
        (
            "warmup-stable-decay",
            {"warmup": 0.1, "decay": 0.2, "shape": "cosine", "final_factor": 0.1},
            (2, 10),
            {
                "name": "SequentialLR",
                "schedulers": [{"name": "Fixed"}, {"name": "CosineAnnealingLR", "T_max": 4, "eta_min": 0.01}],
                "milestones": [14],
            },
            2,
        ),
        (
            "timm-cosine",
            {"warmup_epochs": 3, "warmup_prefix": True, "min_lr": 0},
            (10, 9),
            {
                "name": "SequentialLR",
                "schedulers": [
                    {"name": "LinearLR", "start_factor": 0.01, "end_factor": 1.0, "total_iters": 3},
                    {"name": "CosineAnnealingLR", "T_max": 7},
                ],
                "milestones": [3],
            },
            0,
        ),
        ("inverse-sqrt", {"warmup": 3}, (2, 9), {"name": "LambdaLR", "formula": "1 / sqrt(1 + step / 3)"}, 3),
        (
            "noam",
            {"warmup": 4000},
            (2, 9),
            {"name": "LambdaLR", "formula": "512 ** -0.5 * min((step + 1) ** -0.5, (step + 1) * 4000 ** -1.5)"},
            0,
        ),
    ],
)  # fmt: skip
def test_what_it_becomes(
    name: str, values: dict[str, Any], run: tuple[int, int], scheduler: dict[str, Any], warmup: int
) -> None:
    rise = {"length": warmup, "unit": "step", "start_factor": 0.0} if warmup else None
    expected = ScheduleSpec.model_validate({"interval": RECIPES[name].interval, "scheduler": scheduler, "warmup": rise})
    assert RECIPES[name].expand(values, *run, 0.1) == expected


def test_a_decay_never_takes_an_update_of_the_warm_up() -> None:
    """Half of 3 updates is 2 for the warm-up; 1 is left."""
    spec = RECIPES["warmup-stable-decay"].expand({"warmup": 0.5, "decay": 0.5}, 1, 3, 1.0)
    assert spec.warmup is not None
    assert (spec.warmup.length, spec.scheduler.model_dump()["total_iters"]) == (2, 1)
