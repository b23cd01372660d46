"""The code that is written for a schedule is read back as the same schedule, on the same run and the same groups."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import (
    CATALOGUE,
    PRESETS,
    RECIPES,
    Composition,
    json_code,
    keras_code,
    pytorch_code,
    read_code,
    starting,
)
from tests.schedules import strategies
from tests.schedules.test_code import EPOCHS, GROUPS, KINDS, STEPS, WARMUPS, composed

EXAMPLES = 1000 if os.environ.get("LRLAB_LONG") == "1" else 60


def assert_comes_back(composition: Composition) -> None:
    reading = read_code(pytorch_code(composition), epochs=1, steps_per_epoch=1)
    assert reading.questions == ()
    back = reading.onto(Composition(metric=composition.metric))
    assert (back.lr, back.epochs, back.steps_per_epoch) == (
        composition.lr, composition.epochs, composition.steps_per_epoch,
    )  # fmt: skip
    assert back.groups == composition.groups
    schedule, written = composition.schedule, back.schedule
    assert written.warmup == schedule.warmup
    if composition.calls and schedule.scheduler.name != "Fixed":
        assert written.interval == schedule.interval
    one, other = composition.curve(), back.curve()
    assert_allclose(other.lr, one.lr, rtol=1e-9, atol=1e-12 * one.lr.max())
    for (name, drawn), (_, again) in zip(composition.group_curves(), back.group_curves(), strict=True):
        assert_allclose(again.lr, drawn.lr, rtol=1e-9, atol=1e-12 * drawn.lr.max(), err_msg=name)


@pytest.mark.parametrize("groups", [[], GROUPS], ids=["one group", "groups"])
@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_written_code_is_read_back(name: str, warmup: str, groups: Any) -> None:
    for interval in CATALOGUE[name].intervals:
        scheduler = starting(name, interval, EPOCHS, STEPS, lr=0.1)
        assert_comes_back(composed(scheduler, interval, WARMUPS[warmup], groups=groups))


@pytest.mark.parametrize("recipe", RECIPES)
def test_written_recipes_are_read_back(recipe: str) -> None:
    schedule = RECIPES[recipe].expand({}, 12, 7, 0.1)
    assert_comes_back(Composition(lr=0.1, epochs=12, steps_per_epoch=7, schedule=schedule))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_written_presets_are_read_back(preset: Any) -> None:
    reading = read_code(pytorch_code(preset.composition), epochs=1, steps_per_epoch=1)
    back = reading.onto(Composition())
    assert back.schedule.warmup == preset.composition.schedule.warmup
    assert (back.lr, back.epochs) == (preset.composition.lr, preset.composition.epochs)


@pytest.mark.parametrize("name", KINDS)
def test_random_schedules_are_read_back(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        made=KINDS[name],
        interval=st.sampled_from(["epoch", "step"]),
        warmup=st.one_of(st.none(), strategies.warmups),
        lr=strategies.rates_above_zero,
        steps_per_epoch=st.integers(1, 12),
        updates=st.integers(1, 100),
        groups=st.sampled_from([[], GROUPS]),
    )
    def check(made: Any, interval: str, warmup: Any, steps_per_epoch: int, updates: int, **around: Any) -> None:
        composition = composed(
            made, interval, warmup, epochs=max(1, updates // steps_per_epoch), steps_per_epoch=steps_per_epoch, **around
        )
        try:
            composition.curve(), composition.group_curves()
        except LabError:
            assume(False)
        assert_comes_back(composition)

    check()


@settings(max_examples=EXAMPLES, deadline=None)
@given(parameters=strategies.plateau, warmup=st.one_of(st.none(), strategies.warmups))
def test_random_plateaus_are_read_back(parameters: Any, warmup: Any) -> None:
    composition = composed({"name": "ReduceLROnPlateau", **parameters}, "epoch", warmup)
    reading = read_code(pytorch_code(composition), epochs=1, steps_per_epoch=1)
    assert reading.spec == composition.schedule


@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ExponentialLR", "PolynomialLR", "LinearLR", "ConstantLR"])
def test_keras_code_is_read_back(name: str) -> None:
    composition = composed(starting(name, "step", EPOCHS, STEPS, lr=0.1), "step")
    reading = read_code(keras_code(composition), epochs=EPOCHS, steps_per_epoch=STEPS)
    back = reading.onto(Composition(epochs=EPOCHS, steps_per_epoch=STEPS))
    assert_allclose(back.curve().lr, composition.curve().lr, rtol=1e-9)


def test_json_is_read() -> None:
    composition = composed(starting("OneCycleLR", "step", EPOCHS, STEPS), "step", WARMUPS["warm-up of whole epochs"])
    assert read_code(json_code(composition), epochs=1, steps_per_epoch=1).spec == composition.schedule
    whole = read_code(json.dumps(composition.model_dump(mode="json")), epochs=1, steps_per_epoch=1)
    assert whole.onto(Composition()) == composition
