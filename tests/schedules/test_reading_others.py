"""Schedules of Keras, transformers and other libraries give the curve that they have there."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lrlab.schedules import ScheduleSpec, curve
from tests.schedules import keras_stand_in
from tests.schedules.reading import read

OTHERS = {
    "the source tutorial's, in steps": (
        "keras.optimizers.schedules.ExponentialDecay(1e-4, decay_steps=30, decay_rate=0.92, staircase=True)",
        {"name": "StepLR", "step_size": 30, "gamma": 0.92}, 1e-4,
    ),
    "continuous": (
        "tf.keras.optimizers.schedules.ExponentialDecay(0.1, 30, 0.5)",
        {"name": "ExponentialLR", "gamma": 0.5 ** (1 / 30)}, 0.1,
    ),
    "in pieces": (
        "PiecewiseConstantDecay([99, 199], [0.1, 0.01, 0.001])",
        {"name": "MultiStepLR", "milestones": [100, 200], "gamma": 0.1}, 0.1,
    ),
    "in pieces of any height": (
        "PiecewiseConstantDecay(boundaries=[99], values=[0.1, 0.05])",
        {"name": "MultiStepLR", "milestones": [100], "gamma": 0.5}, 0.1,
    ),
    "a line": (
        "PolynomialDecay(0.1, 50, end_learning_rate=0.01)",
        {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.1, "total_iters": 50}, 0.1,
    ),
    "a parabola": (
        "PolynomialDecay(0.1, 50, 0, power=2)", {"name": "PolynomialLR", "total_iters": 50, "power": 2.0}, 0.1,
    ),
    "restarts": (
        "CosineDecayRestarts(0.1, 50, t_mul=2.0, alpha=0.1)",
        {"name": "CosineAnnealingWarmRestarts", "T_0": 50, "T_mult": 2, "eta_min": 0.1 * 0.1}, 0.1,
    ),
    "a plateau": (
        "keras.callbacks.ReduceLROnPlateau(monitor='val_loss', factor=0.2, patience=5, min_lr=0.001)",
        {"name": "ReduceLROnPlateau", "mode": "min", "factor": 0.2, "patience": 4, "threshold": 0.0001,
         "threshold_mode": "abs", "cooldown": 0, "min_lr": 0.001, "eps": 0.0}, None,
    ),
    "a plateau of an accuracy": (
        "ReduceLROnPlateau('val_accuracy', patience=2, cooldown=3, min_delta=0)".replace("('", "(monitor='"),
        {"name": "ReduceLROnPlateau", "mode": "max", "patience": 1, "cooldown": 2, "threshold": 0.0,
         "threshold_mode": "abs", "eps": 0.0}, None,
    ),
    "transformers": (
        "get_linear_schedule_with_warmup(optimizer, 100, num_training_steps=600)",
        {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": 500}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_schedules_of_other_libraries(case: str) -> None:
    text, expected, lr = OTHERS[case]
    reading = read(text)
    assert reading.spec is not None
    assert reading.spec.interval == ("epoch" if "plateau" in case else "step")
    assert reading.spec.scheduler == ScheduleSpec.model_validate({"scheduler": expected}).scheduler
    assert reading.lr == lr


KERAS = (
    "ExponentialDecay(0.1, 7, 0.5)", "ExponentialDecay(0.1, decay_steps=7, decay_rate=0.5, staircase=True)",
    "PiecewiseConstantDecay([3, 9], [0.1, 0.2, 0.01])", "PiecewiseConstantDecay([3, 9], [0.1, 0.05, 0.025])",
    "PolynomialDecay(0.1, 20)", "PolynomialDecay(0.1, 20, 0.01, 2.0)", "PolynomialDecay(0.1, 20, 0.2, 1.0)",
    "CosineDecay(0.1, 11)", "CosineDecay(0.1, 40, alpha=0.25)",
    "CosineDecay(0.01, 11, 0.1, warmup_target=0.2, warmup_steps=6)",
    "CosineDecayRestarts(0.1, 8, t_mul=1.0, alpha=0.1)",
)  # fmt: skip


@pytest.mark.parametrize("text", KERAS)
def test_keras_schedules_have_the_same_curve(text: str) -> None:
    expected = eval(text, vars(keras_stand_in))  # noqa: S307
    reading = read(text)
    assert reading.spec is not None
    assert reading.lr is not None
    drawn = curve(reading.spec, reading.lr, 1, 30).lr
    assert_allclose(drawn, [expected(update) for update in range(30)], rtol=1e-9, atol=1e-12)


def transformers(kind: str, update: int, rise: int, total: int) -> float:
    """As its documentation describes the factor on the LR."""
    if update < rise:
        return update / max(1, rise)
    share = (update - rise) / max(1, total - rise)
    return {"constant": 1.0, "linear": max(0.0, 1 - share), "cosine": max(0.0, (1 + np.cos(np.pi * share)) / 2)}[kind]


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_transformers_schedules_have_the_same_curve(kind: str) -> None:
    total = "" if kind == "constant" else ", num_training_steps=60"
    reading = read(f"get_{kind}_schedule_with_warmup(AdamW(p, lr=0.1), num_warmup_steps=8{total})")
    assert reading.spec is not None
    drawn = curve(reading.spec, 0.1, 2, 30).lr
    assert_allclose(drawn, [0.1 * transformers(kind, update, 8, 60) for update in range(60)], rtol=1e-9, atol=1e-15)
