"""One contract for every scheduler of the catalogue: it is torch's, its ranges are legal, its starts make a curve."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from lrlab.schedules import (
    CATALOGUE,
    INTERVAL,
    RUN,
    WARMUP,
    Parameter,
    ScheduleSpec,
    Warmup,
    curve,
    parameters,
    starting,
    warmup_parameters,
)
from lrlab.schedules.spec import Scheduler

RUNS = [(1, 1), (1, 7), (2, 1), (7, 13), (20, 30), (200, 1), (50, 400)]
CALLS = [1, 2, 3, 7, 20, 60, 600, 20_000, 1_000_000]


def spec_with(name: str, calls: int, **changes: Any) -> ScheduleSpec:
    values = {parameter.name: parameter.start for parameter in parameters(name, calls)}
    return ScheduleSpec.model_validate({"scheduler": {"name": name, **values, **changes}})


def test_every_spec_has_its_entry_in_the_same_order() -> None:
    union, _ = typing.get_args(Scheduler)
    assert list(CATALOGUE) == [specification.__name__ for specification in typing.get_args(union)]
    assert [entry.name for entry in CATALOGUE.values()] == list(CATALOGUE)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "Fixed"])
def test_parameters_are_torchs_own(name: str) -> None:
    signature = inspect.signature(getattr(torch.optim.lr_scheduler, name))
    expected = [parameter for parameter in signature.parameters if parameter not in ("optimizer", "last_epoch")]
    assert [parameter.name for parameter in CATALOGUE[name].parameters] == expected


@pytest.mark.parametrize("name", CATALOGUE)
def test_texts_are_whole(name: str) -> None:
    entry = CATALOGUE[name]
    for text in (entry.line, entry.when, *(parameter.help for parameter in entry.parameters)):
        assert text[0].isupper() or text[0].isdigit(), text
        assert text.endswith("."), text
        assert "!" not in text
    assert entry.formula.startswith(r"\eta_k = ")
    assert entry.formula.count("{") == entry.formula.count("}")
    assert entry.formula.count(r"\left") == entry.formula.count(r"\right")


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_ends_of_every_slider_and_its_start_are_legal(name: str, calls: int) -> None:
    for parameter in parameters(name, calls):
        assert_is_a_slider(parameter)
        ends: list[Any] = [parameter.min, parameter.max, *([0] if parameter.zero else [])]
        for end in ends:
            value = int(end) if parameter.kind in ("int", "list of int") else float(end)
            spec_with(name, calls, **{parameter.name: [value] if parameter.kind == "list of int" else value})
    spec_with(name, calls)


@pytest.mark.parametrize("parameter", [*RUN, *WARMUP], ids=lambda parameter: parameter.name)
def test_what_surrounds_a_schedule_is_a_slider_or_a_choice(parameter: Parameter) -> None:
    assert parameter.help.endswith(".")
    assert parameter.title
    if parameter.kind != "choice":
        assert_is_a_slider(parameter)


def assert_is_a_slider(parameter: Parameter) -> None:
    assert parameter.min < parameter.max
    starts = parameter.start if isinstance(parameter.start, tuple) else (parameter.start,)
    assert starts
    for start in starts:
        assert isinstance(start, int if parameter.kind in ("int", "list of int") else float)
        assert parameter.min <= start <= parameter.max
        if parameter.log:
            assert parameter.step == 0
            assert parameter.min > 0
        else:
            notches = (start - parameter.min) / parameter.step
            assert notches == pytest.approx(round(notches), abs=1e-6), "a slider would move the start off its value"


def test_the_catalogue_shows_a_run_of_20_calls() -> None:
    for name, entry in CATALOGUE.items():
        assert entry.parameters == parameters(name, 20)


@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("StepLR", "epoch", {"step_size": 5, "gamma": 0.5}),
        ("StepLR", "step", {"step_size": 150, "gamma": 0.5}),
        ("MultiStepLR", "epoch", {"milestones": (10, 15), "gamma": 0.1}),
        ("MultiStepLR", "step", {"milestones": (300, 450), "gamma": 0.1}),
        ("CosineAnnealingLR", "epoch", {"T_max": 20, "eta_min": 1e-5}),
        ("CosineAnnealingLR", "step", {"T_max": 600, "eta_min": 1e-5}),
        ("PolynomialLR", "epoch", {"total_iters": 20, "power": 2.0}),
        ("LinearLR", "epoch", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
        ("ConstantLR", "epoch", {"factor": 0.3, "total_iters": 5}),
        ("Fixed", "step", {}),
    ],
)
def test_starting_values_for_20_epochs_of_30_steps(name: str, interval: Any, expected: dict[str, Any]) -> None:
    assert starting(name, interval, 20, 30).model_dump(exclude={"name"}) == expected


@pytest.mark.parametrize(
    ("warmup", "interval", "expected"),
    [
        (Warmup(length=3, unit="epoch"), "epoch", 17),
        (Warmup(length=3, unit="epoch"), "step", 510),
        (Warmup(length=10, unit="step"), "epoch", 20),  # it ends within epoch 0, which the scheduler shares
        (Warmup(length=10, unit="step"), "step", 590),
        (Warmup(length=20, unit="epoch"), "epoch", 1),  # nothing is left: still a legal scheduler
    ],
)
def test_a_warm_up_shortens_what_follows(warmup: Warmup, interval: Any, expected: int) -> None:
    assert starting("CosineAnnealingLR", interval, 20, 30, warmup).model_dump()["T_max"] == expected


@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize(("epochs", "steps_per_epoch"), RUNS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_start_makes_a_curve_of_any_run(name: str, epochs: int, steps_per_epoch: int, interval: Any) -> None:
    spec = ScheduleSpec(interval=interval, scheduler=starting(name, interval, epochs, steps_per_epoch))
    lr = curve(spec, 0.001, epochs, steps_per_epoch).lr
    assert lr.max() == 0.001 or name == "ConstantLR"
    calls = epochs if interval == "epoch" else epochs * steps_per_epoch
    if name == "Fixed":
        assert (lr == 0.001).all()
    elif name == "ConstantLR":
        assert calls < 3 or lr[0] < lr[-1] == 0.001
    elif calls >= 4:
        assert 0 < lr[-1] < 0.3 * lr[0]


@pytest.mark.parametrize(
    ("unit", "run", "start", "highest", "shown"),
    [
        ("epoch", (20, 30), 3, 20, "epochs"),
        ("step", (20, 30), 90, 600, "steps"),
        ("epoch", (1, 5), 1, 2, "epochs"),
    ],
)
def test_the_warm_up_fits_the_run(unit: Any, run: tuple[int, int], start: int, highest: int, shown: str) -> None:
    fitted = {parameter.name: parameter for parameter in warmup_parameters(unit, *run)}
    assert (fitted["length"].start, fitted["length"].max, fitted["length"].unit) == (start, highest, shown)
    assert Warmup.model_validate({name: parameter.start for name, parameter in fitted.items()}).unit == unit
    assert set(fitted) == set(Warmup.model_fields)


def test_choices_are_those_of_the_spec() -> None:
    for value, meaning in INTERVAL.choices:
        assert ScheduleSpec.model_validate({"interval": value}).interval == value
        assert meaning
    with pytest.raises(ValidationError):
        ScheduleSpec.model_validate({"interval": "batch"})


def test_lengths_are_shown_in_the_unit_that_the_interval_gives() -> None:
    step_size, gamma = CATALOGUE["StepLR"].parameters
    assert (step_size.unit_for("epoch"), step_size.unit_for("step")) == ("epochs", "steps")
    assert gamma.unit_for("step") == "factor"


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        parameters("NoSuchLR", 20)
