"""A wrong value in any field of a ScheduleSpec is refused: the sentence names field, value and what is allowed."""

from __future__ import annotations

import math
import typing
from typing import Any

import pytest
from pydantic import ValidationError

from lrlab.errors import from_validation
from lrlab.schedules import ScheduleSpec, Warmup
from lrlab.schedules.spec import Scheduler

NAMES = (
    "'Fixed', 'StepLR', 'MultiStepLR', 'ExponentialLR', 'CosineAnnealingLR', 'PolynomialLR', 'LinearLR', 'ConstantLR'"
)
LONG = 10_000_001

CASES: list[tuple[dict[str, Any], str, str]] = [
    # scheduler, field at fault, sentence
    ({"name": "StepLR", "step_size": 0}, "step_size", "got 0, allowed: at least 1"),
    ({"name": "StepLR", "step_size": LONG}, "step_size", "got 10000001, allowed: at most 10,000,000"),
    ({"name": "StepLR", "step_size": 1.5}, "step_size", "got 1.5, allowed: a whole number"),
    ({"name": "StepLR", "step_size": "five"}, "step_size", "got 'five', allowed: a whole number"),
    ({"name": "StepLR", "step_size": None}, "step_size", "got None, allowed: a whole number"),
    ({"name": "StepLR"}, "step_size", "is required"),
    ({"name": "StepLR", "step_size": 5, "gamma": -0.1}, "gamma", "got -0.1, allowed: at least 0"),
    ({"name": "StepLR", "step_size": 5, "gamma": 100.5}, "gamma", "got 100.5, allowed: at most 100"),
    ({"name": "StepLR", "step_size": 5, "gamma": math.nan}, "gamma", "got nan, allowed: a finite number"),
    ({"name": "StepLR", "step_size": 5, "gamma": [1]}, "gamma", "got [1], allowed: a number"),
    ({"name": "StepLR", "step_size": 5, "Gamma": 0.1}, "Gamma", "is not a known setting (got 0.1)"),
    ({"name": "MultiStepLR", "milestones": []}, "milestones", "got [], allowed: 1 or more values"),
    ({"name": "MultiStepLR", "milestones": 5}, "milestones", "got 5, allowed: a list"),
    ({"name": "MultiStepLR", "milestones": [5, -1]}, "milestones.1", "got -1, allowed: at least 0"),
    ({"name": "MultiStepLR", "milestones": ["x"]}, "milestones.0", "got 'x', allowed: a whole number"),
    (
        {"name": "MultiStepLR", "milestones": [10, 5]}, "milestones",
        "got [10, 5], allowed: milestones in increasing order, such as [5, 10]",
    ),
    ({"name": "MultiStepLR", "milestones": [5], "gamma": math.inf}, "gamma", "got inf, allowed: a finite number"),
    ({"name": "ExponentialLR"}, "gamma", "is required"),
    ({"name": "ExponentialLR", "gamma": -1}, "gamma", "got -1, allowed: at least 0"),
    ({"name": "CosineAnnealingLR", "T_max": 0}, "T_max", "got 0, allowed: at least 1"),
    ({"name": "CosineAnnealingLR", "T_max": 5, "eta_min": -1e-5}, "eta_min", "got -1e-05, allowed: at least 0"),
    ({"name": "CosineAnnealingLR", "T_max": 5, "eta_min": 1001}, "eta_min", "got 1001, allowed: at most 1,000"),
    ({"name": "PolynomialLR", "total_iters": -1}, "total_iters", "got -1, allowed: at least 0"),
    ({"name": "PolynomialLR", "power": -1}, "power", "got -1, allowed: at least 0"),
    ({"name": "LinearLR", "start_factor": 0}, "start_factor", "got 0, allowed: above 0"),
    ({"name": "LinearLR", "end_factor": 1.5}, "end_factor", "got 1.5, allowed: at most 1"),
    ({"name": "LinearLR", "total_iters": 0.5}, "total_iters", "got 0.5, allowed: a whole number"),
    ({"name": "ConstantLR", "factor": 0}, "factor", "got 0, allowed: above 0"),
    ({"name": "ConstantLR", "total_iters": LONG}, "total_iters", "got 10000001, allowed: at most 10,000,000"),
    ({"name": "Fixed", "gamma": 0.1}, "gamma", "is not a known setting (got 0.1)"),
    ({"name": "NoLR"}, "name", f"got 'NoLR', allowed: {NAMES}"),
    ({"name": 3}, "name", f"got 3, allowed: {NAMES}"),
    ({"step_size": 3}, "name", "is required"),
]  # fmt: skip

AROUND: list[tuple[Any, str | None, str]] = [
    ({"interval": "batch"}, "interval", "interval: got 'batch', allowed: 'epoch' or 'step'"),
    (
        {"scheduler": "StepLR"}, "scheduler",
        "scheduler: got 'StepLR', allowed: an object of settings with a name, {\"name\": ...}",
    ),
    ({"warmup": {}}, "warmup.length", "warmup.length: is required"),
    ({"warmup": {"length": 0}}, "warmup.length", "warmup.length: got 0, allowed: at least 1"),
    (
        {"warmup": {"length": 3, "unit": "day"}}, "warmup.unit",
        "warmup.unit: got 'day', allowed: 'epoch' or 'step'",
    ),
    (
        {"warmup": {"length": 3, "start_factor": 1.1}}, "warmup.start_factor",
        "warmup.start_factor: got 1.1, allowed: at most 1",
    ),
    ({"warmup": 3}, "warmup", "warmup: got 3, allowed: an object of settings, {...}"),
    ({"warm_up": None}, "warm_up", "warm_up: is not a known setting (got None)"),
    (
        {"name": "StepLR", "step_size": 3}, None,
        "got {'name': 'StepLR', 'step_size': 3}: a schedule is "
        '{"interval": ..., "scheduler": {"name": ..., ...}}; the name goes inside',
    ),
    ([], None, "got [], allowed: an object of settings, {...}"),
    (
        {"interval": 1, "scheduler": {"name": "StepLR", "step_size": 0, "gamma": -1}}, "interval",
        "interval: got 1, allowed: 'epoch' or 'step'; scheduler.step_size: got 0, allowed: at least 1; "
        "scheduler.gamma: got -1, allowed: at least 0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("scheduler", "field", "sentence"), CASES)
def test_a_wrong_scheduler(scheduler: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate({"scheduler": scheduler})
    error = from_validation(caught.value)
    assert error.field == f"scheduler.{field}"
    assert str(error) == f"scheduler.{field}: {sentence}"


@pytest.mark.parametrize(("document", "field", "sentence"), AROUND)
def test_a_wrong_schedule(document: Any, field: str | None, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate(document)
    error = from_validation(caught.value)
    assert (error.field, str(error)) == (field, sentence)


def test_the_tables_reach_every_field() -> None:
    union, _ = typing.get_args(Scheduler)
    expected = {
        (specification.__name__, field)
        for specification in typing.get_args(union)
        for field in specification.model_fields
        if field != "name"
    }
    reached = {(scheduler.get("name"), field.split(".")[0]) for scheduler, field, _ in CASES}
    assert expected <= reached
    around = {field.split(".")[0] for _, field, _ in AROUND if field}
    assert set(ScheduleSpec.model_fields) <= around
    assert set(Warmup.model_fields) <= {field.split(".")[1] for _, field, _ in AROUND if field and "." in field}


def test_text_that_is_no_json_says_where() -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate_json('{"interval": "epoch",\n "warmup": nothing}')
    assert "is not valid JSON" in str(from_validation(caught.value))
    assert "line 2 column" in str(from_validation(caught.value))


ROUND_TRIPS: list[dict[str, Any]] = [
    {"interval": "epoch", "scheduler": {"name": "Fixed"}, "warmup": None},
    {
        "interval": "step",
        "scheduler": {"name": "MultiStepLR", "milestones": [30, 60], "gamma": 0.2},
        "warmup": {"length": 3, "unit": "step", "start_factor": 0.01},
    },
]


@pytest.mark.parametrize("document", ROUND_TRIPS)
def test_json_round_trip(document: dict[str, Any]) -> None:
    spec = ScheduleSpec.model_validate(document)
    assert spec.model_dump(mode="json") == document
    assert ScheduleSpec.model_validate_json(spec.model_dump_json()) == spec
    with pytest.raises(ValidationError, match="frozen"):
        spec.interval = "epoch"
