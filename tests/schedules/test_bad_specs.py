"""A wrong value in any field of a ScheduleSpec is refused: the sentence names field, value and what is allowed."""

from __future__ import annotations

import math
import typing
from typing import Any

import pytest
from pydantic import ValidationError

from lrlab.errors import from_validation
from lrlab.schedules import ScheduleSpec, Table, Warmup
from lrlab.schedules.spec import Scheduler

NAMES = (
    "'Fixed', 'StepLR', 'MultiStepLR', 'ExponentialLR', 'CosineAnnealingLR', 'CosineAnnealingWarmRestarts', "
    "'PolynomialLR', 'LinearLR', 'ConstantLR', 'OneCycleLR', 'CyclicLR', 'ReduceLROnPlateau', 'LambdaLR', "
    "'MultiplicativeLR', 'SequentialLR', 'ChainedScheduler'"
)
LONG = 10_000_001

RESTARTS = {"name": "CosineAnnealingWarmRestarts", "T_0": 3}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 10}
CYCLIC = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1}
PLATEAU = {"name": "ReduceLROnPlateau"}
FIXED = {"name": "Fixed"}
NEVER = {"name": "StepLR", "step_size": 0}
NO_PLATEAU = (
    "takes no ReduceLROnPlateau, whose step() wants a metric; "
    "allowed: ReduceLROnPlateau alone, with the warm-up of the schedule before it where one is wanted"
)


def drawn(*points: tuple[float, ...], **changes: Any) -> dict[str, Any]:
    return {"name": "LambdaLR", "table": {"points": [list(point) for point in points], **changes}}


def sequence(*schedulers: dict[str, Any], milestones: list[int]) -> dict[str, Any]:
    return {"name": "SequentialLR", "schedulers": list(schedulers), "milestones": milestones}


def chain(*schedulers: Any) -> dict[str, Any]:
    return {"name": "ChainedScheduler", "schedulers": list(schedulers)}


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
    ({"name": "StepLR", "step_size": True}, "step_size", "got True, allowed: a number"),
    (RESTARTS | {"T_0": 0}, "T_0", "got 0, allowed: at least 1"),
    (RESTARTS | {"T_0": 2.5}, "T_0", "got 2.5, allowed: a whole number"),
    (RESTARTS | {"T_mult": 0}, "T_mult", "got 0, allowed: at least 1"),
    (RESTARTS | {"T_mult": 1.5}, "T_mult", "got 1.5, allowed: a whole number"),
    (RESTARTS | {"T_mult": 1001}, "T_mult", "got 1001, allowed: at most 1,000"),
    (RESTARTS | {"eta_min": -1}, "eta_min", "got -1, allowed: at least 0"),
    (ONE_CYCLE | {"max_lr": 0}, "max_lr", "got 0, allowed: above 0"),
    (ONE_CYCLE | {"max_lr": 1001}, "max_lr", "got 1001, allowed: at most 1,000"),
    (ONE_CYCLE | {"max_lr": [0.1, 0.2]}, "max_lr", "got [0.1, 0.2], allowed: a number"),
    (ONE_CYCLE | {"total_steps": 0}, "total_steps", "got 0, allowed: at least 1"),
    (ONE_CYCLE | {"total_steps": 10.5}, "total_steps", "got 10.5, allowed: a whole number"),
    (
        {"name": "OneCycleLR", "max_lr": 0.1, "epochs": 3}, "",
        "got {'name': 'OneCycleLR', 'max_lr': 0.1, 'epochs': 3}: "
        "allowed: total_steps, or both epochs and steps_per_epoch",
    ),
    (ONE_CYCLE | {"epochs": 0}, "epochs", "got 0, allowed: at least 1"),
    (ONE_CYCLE | {"steps_per_epoch": -3}, "steps_per_epoch", "got -3, allowed: at least 1"),
    (ONE_CYCLE | {"pct_start": 1.5}, "pct_start", "got 1.5, allowed: at most 1"),
    (ONE_CYCLE | {"pct_start": -0.1}, "pct_start", "got -0.1, allowed: at least 0"),
    (ONE_CYCLE | {"anneal_strategy": "cosine"}, "anneal_strategy", "got 'cosine', allowed: 'cos' or 'linear'"),
    (ONE_CYCLE | {"cycle_momentum": "often"}, "cycle_momentum", "got 'often', allowed: true or false"),
    (ONE_CYCLE | {"base_momentum": 1}, "base_momentum", "got 1, allowed: below 1"),
    (ONE_CYCLE | {"max_momentum": -0.1}, "max_momentum", "got -0.1, allowed: at least 0"),
    (ONE_CYCLE | {"div_factor": 0}, "div_factor", "got 0, allowed: above 0"),
    (ONE_CYCLE | {"final_div_factor": 0}, "final_div_factor", "got 0, allowed: above 0"),
    (ONE_CYCLE | {"three_phase": 2}, "three_phase", "got 2, allowed: true or false"),
    (CYCLIC | {"base_lr": -1}, "base_lr", "got -1, allowed: at least 0"),
    (CYCLIC | {"max_lr": 1001}, "max_lr", "got 1001, allowed: at most 1,000"),
    (CYCLIC | {"step_size_up": 0}, "step_size_up", "got 0, allowed: at least 1"),
    (CYCLIC | {"step_size_down": -1}, "step_size_down", "got -1, allowed: at least 0"),
    (CYCLIC | {"mode": "square"}, "mode", "got 'square', allowed: 'triangular', 'triangular2' or 'exp_range'"),
    (CYCLIC | {"gamma": -1}, "gamma", "got -1, allowed: at least 0"),
    (CYCLIC | {"cycle_momentum": None}, "cycle_momentum", "got None, allowed: true or false"),
    (CYCLIC | {"base_momentum": math.nan}, "base_momentum", "got nan, allowed: below 1"),
    (CYCLIC | {"max_momentum": 2}, "max_momentum", "got 2, allowed: below 1"),
    (CYCLIC | {"scale_fn": "x"}, "scale_fn", "is not a known setting (got 'x')"),
    (PLATEAU | {"mode": "low"}, "mode", "got 'low', allowed: 'min' or 'max'"),
    (PLATEAU | {"factor": 1}, "factor", "got 1, allowed: below 1"),
    (PLATEAU | {"patience": -1}, "patience", "got -1, allowed: at least 0"),
    (PLATEAU | {"threshold": -1}, "threshold", "got -1, allowed: at least 0"),
    (PLATEAU | {"threshold_mode": "relative"}, "threshold_mode", "got 'relative', allowed: 'rel' or 'abs'"),
    (PLATEAU | {"cooldown": -1}, "cooldown", "got -1, allowed: at least 0"),
    (PLATEAU | {"min_lr": -1}, "min_lr", "got -1, allowed: at least 0"),
    (PLATEAU | {"eps": math.inf}, "eps", "got inf, allowed: a finite number"),
    ({"name": "LambdaLR"}, "", "got {'name': 'LambdaLR'}: allowed: either a formula or a table"),
    ({"name": "LambdaLR", "formula": ""}, "formula", "got '', allowed: 1 or more characters"),
    ({"name": "LambdaLR", "formula": 3}, "formula", "got 3, allowed: text"),
    ({"name": "LambdaLR", "formula": "9" * 501}, "formula", f"got '{'9' * 76}..., allowed: at most 500 characters"),
    ({"name": "LambdaLR", "lr_lambda": "1"}, "lr_lambda", "is not a known setting (got '1')"),
    ({"name": "LambdaLR", "table": 3}, "table", "got 3, allowed: an object of settings, {...}"),
    ({"name": "LambdaLR", "table": {}}, "table.points", "is required"),
    (drawn(), "table.points", "got [], allowed: 1 or more values"),
    (drawn((0, 1), (0, 2)), "table", "points: got 0 after 0, allowed: each call after the one before it"),
    (drawn((0, -1)), "table.points.0.1", "got -1, allowed: at least 0"),
    (drawn((0, 1), (math.nan, 1)), "table.points.1.0", "got nan, allowed: a finite number"),
    (drawn((0, 1), interpolation="cubic"), "table.interpolation", "got 'cubic', allowed: 'linear' or 'step'"),
    (drawn((0, 1), scale="ln"), "table.scale", "got 'ln', allowed: 'linear' or 'log'"),
    (
        drawn((5, 0), scale="log"), "table",
        "points: got factor 0 at call 5, allowed: above 0 on a logarithmic scale",
    ),
    ({"name": "MultiplicativeLR"}, "formula", "is required"),
    ({"name": "MultiplicativeLR", "formula": None}, "formula", "got None, allowed: text"),
    (
        {"name": "MultiplicativeLR", "formula": "eval('1')"}, "formula",
        "got \"'\" at character 6; a formula holds no text",
    ),
    ({"name": "SequentialLR"}, "schedulers", "is required"),
    (sequence(milestones=[]), "schedulers", "got [], allowed: 1 or more values"),
    (sequence(FIXED, NEVER, milestones=[3]), "schedulers.1.step_size", "got 0, allowed: at least 1"),
    (
        sequence(FIXED, FIXED, milestones=[]), "",
        "got 2 schedulers and 0 milestones, allowed: one milestone between every two schedulers, here 1",
    ),
    (
        sequence(FIXED, FIXED, FIXED, milestones=[5, 3]), "milestones",
        "got [5, 3], allowed: milestones in increasing order, such as [3, 5]",
    ),
    (sequence(FIXED, FIXED, milestones=[-1]), "milestones.0", "got -1, allowed: at least 0"),
    (chain(), "schedulers", "got [], allowed: 1 or more values"),
    (chain("Fixed"), "schedulers.0", "got 'Fixed', allowed: an object of settings with a name, {\"name\": ...}"),
    (chain(sequence(NEVER, milestones=[])), "schedulers.0.schedulers.0.step_size", "got 0, allowed: at least 1"),
    (chain({"name": "NoLR"}), "schedulers.0.name", f"got 'NoLR', allowed: {NAMES}"),
    (
        chain(PLATEAU), "",
        "got {'name': 'ChainedScheduler', 'schedulers': [{'name': 'ReduceLROnPlateau'}]}: torch's ChainedScheduler "
        + NO_PLATEAU,
    ),
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
        {"interval": "step", "scheduler": PLATEAU}, None,
        "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'; its metric is measured once an epoch",
    ),
    ({"scheduler": chain(*[FIXED] * 201)}, None, "got more than 200 schedulers, allowed: at most 200"),
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
    assert error.field == f"scheduler.{field}".rstrip(".")
    assert str(error) == f"{error.field}: {sentence}"


def test_a_plateau_among_others_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate({"scheduler": sequence(FIXED, PLATEAU, milestones=[5])})
    assert str(from_validation(caught.value)).endswith(f"torch's SequentialLR {NO_PLATEAU}")


@pytest.mark.parametrize("depth", [20, 21, 5000])
def test_nests_are_bounded_before_they_are_read(depth: int) -> None:
    nest: dict[str, Any] = FIXED
    for _ in range(depth):
        nest = chain(nest)
    if depth <= 20:
        assert ScheduleSpec.model_validate({"scheduler": nest}).scheduler.name == "ChainedScheduler"
        return
    with pytest.raises(ValidationError) as caught:
        ScheduleSpec.model_validate({"scheduler": nest})
    assert str(from_validation(caught.value)) == "got schedulers nested more than 20 deep, allowed: at most 20"


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
    points = {field.split(".")[1] for scheduler, field, _ in CASES if field.startswith("table.")}
    assert points == set(Table.model_fields)
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
    {
        "interval": "step",
        "scheduler": {
            "name": "SequentialLR", "milestones": [30],
            "schedulers": [
                {"name": "LambdaLR", "formula": "0.65 ** epoch", "table": None},
                {
                    "name": "ChainedScheduler",
                    "schedulers": [
                        {
                            "name": "LambdaLR", "formula": None,
                            "table": {"points": [[0.0, 1.0], [2.5, 0.1]], "interpolation": "step", "scale": "log"},
                        },
                        {"name": "MultiplicativeLR", "formula": "0.95"},
                    ],
                },
            ],
        },
        "warmup": None,
    },
]  # fmt: skip


@pytest.mark.parametrize("document", ROUND_TRIPS)
def test_json_round_trip(document: dict[str, Any]) -> None:
    spec = ScheduleSpec.model_validate(document)
    assert spec.model_dump(mode="json") == document
    assert ScheduleSpec.model_validate_json(spec.model_dump_json()) == spec
    with pytest.raises(ValidationError, match="frozen"):
        spec.interval = "epoch"
