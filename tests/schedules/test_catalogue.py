"""One contract for every scheduler of the catalogue: it is torch's, its ranges are legal, its starts make a curve."""

from __future__ import annotations

import inspect
import re
import typing
import warnings
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.optim import lr_scheduler

from lrlab.errors import LabError
from lrlab.schedules import (
    CATALOGUE,
    FORMS,
    GROUP,
    GROUPS,
    INTERVAL,
    LR,
    RUN,
    SYNTHETIC,
    TABLE,
    WARMUP,
    Composition,
    Parameter,
    ParameterGroup,
    Scheduler,
    ScheduleSpec,
    Synthetic,
    Table,
    Warmup,
    curve,
    form_of,
    parameters,
    starting,
    warmup_parameters,
)

RUNS = [(1, 1), (1, 7), (2, 1), (7, 13), (20, 30), (200, 1), (50, 400)]
CALLS = [1, 2, 3, 7, 20, 60, 600, 20_000, 1_000_000]
BASES = [1e-6, 3.7e-5, 0.001, 0.25, 10.0, 1000.0]

WAYS = [(name, form.name) for name in CATALOGUE for form in FORMS.get(name, ())] + [
    (name, "") for name in CATALOGUE if name not in FORMS
]
"""Every scheduler in each of its forms."""
COUNTED = [(name, form, interval) for name, form in WAYS for interval in CATALOGUE[name].intervals]

# torch's parameters that are no control: where another one stands for them, or the page has something of its own.
NOT_SHOWN = {
    "LambdaLR": {"lr_lambda"},  # a formula or a table
    "MultiplicativeLR": {"lr_lambda"},  # a formula
    "CyclicLR": {"scale_fn", "scale_mode"},  # a function; the three modes cover what the paper has
    "OneCycleLR": {"epochs", "steps_per_epoch"},  # total_steps says the same
    "SequentialLR": {"schedulers"},  # added and removed as phases
    "ChainedScheduler": {"schedulers"},
}
OURS = {"LambdaLR": ["formula"], "MultiplicativeLR": ["formula"]}


def spec_with(name: str, form: str, calls: int, interval: str = "epoch", **changes: Any) -> ScheduleSpec:
    run = (calls, 1) if interval == "epoch" else (1, calls)
    scheduler = starting(name, interval, *run, form=form).model_dump()  # type: ignore[arg-type]
    return ScheduleSpec.model_validate({"interval": interval, "scheduler": {**scheduler, **changes}})


def classes() -> dict[str, type[Any]]:
    union, _ = typing.get_args(Scheduler)
    return {specification.__name__: specification for specification in typing.get_args(union)}


def test_every_spec_has_its_entry() -> None:
    assert set(CATALOGUE) == set(classes())
    assert [entry.name for entry in CATALOGUE.values()] == list(CATALOGUE)
    families = [group for group, _ in groupby(CATALOGUE.values(), key=lambda entry: entry.group)]
    assert families == list(GROUPS), "each family stands together, in the order of GROUPS"


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "Fixed"])
def test_parameters_are_torchs_own(name: str) -> None:
    signature = inspect.signature(getattr(lr_scheduler, name))
    aside = {"optimizer", "last_epoch"} | NOT_SHOWN.get(name, set())
    expected = OURS.get(name, []) + [parameter for parameter in signature.parameters if parameter not in aside]
    assert [parameter.name for parameter in CATALOGUE[name].parameters] == expected


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "Fixed"])
def test_defaults_are_torchs_own(name: str) -> None:
    given = inspect.signature(getattr(lr_scheduler, name)).parameters
    fields = classes()[name].model_fields
    for field in (set(given) & set(fields)) - {"milestones"}:  # of a single scheduler in sequence there are none
        default = given[field].default
        assert fields[field].is_required() == (default is inspect.Parameter.empty), field
        if default is not inspect.Parameter.empty:
            assert fields[field].default == pytest.approx(default), field


@pytest.mark.parametrize("name", CATALOGUE)
def test_texts_are_whole(name: str) -> None:
    entry = CATALOGUE[name]
    for text in (entry.line, entry.when, *(parameter.help for parameter in entry.parameters)):
        assert_is_a_sentence(text)
    assert entry.formula.startswith(r"\eta_k = ")
    assert entry.formula.count("{") == entry.formula.count("}")
    assert entry.formula.count(r"\left") == entry.formula.count(r"\right")
    assert entry.formula.count(r"\begin") == entry.formula.count(r"\end")


@pytest.mark.parametrize("parameter", [*TABLE, *GROUP, *SYNTHETIC, *FORMS["LambdaLR"][1].parameters])
def test_texts_of_the_rest_are_whole(parameter: Parameter) -> None:
    assert_is_a_sentence(parameter.help)
    assert parameter.title


def assert_is_a_sentence(text: str) -> None:
    assert text[0].isupper() or text[0].isdigit(), text
    assert text.endswith("."), text
    assert "!" not in text
    assert "  " not in text


@pytest.mark.parametrize("name", CATALOGUE)
def test_sources_say_where_it_comes_from(name: str) -> None:
    (title, page), *papers = CATALOGUE[name].source
    expected = f"generated/torch.optim.lr_scheduler.{name}.html" if name != "Fixed" else "optim.html"
    assert page == f"https://docs.pytorch.org/docs/stable/{expected}"
    assert title.startswith("PyTorch documentation: ")
    for title, address in papers:
        prefix, number = address.rsplit("/", 1)
        assert prefix == "https://arxiv.org/abs"
        assert len(number) == 10
        year, month = 2000 + int(number[:2]), int(number[2:4])
        assert str(year) in title
        assert 1 <= month <= 12


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize(("name", "form"), WAYS)
def test_the_ends_of_every_slider_and_its_start_are_legal(name: str, form: str, calls: int) -> None:
    for parameter in parameters(name, calls, form=form):
        assert_is_a_control(parameter)
        for value in values_of(parameter):
            spec_with(name, form, calls, **{parameter.name: value})


@pytest.mark.parametrize(("name", "form", "interval"), COUNTED)
def test_the_ends_of_every_slider_make_a_curve(name: str, form: str, interval: Any) -> None:
    """One control moved to its end leaves a schedule that torch runs."""
    for parameter in parameters(name, 60, form=form):
        for value in values_of(parameter):
            spec = spec_with(name, form, 60, interval, **{parameter.name: value})
            epochs, steps = (60, 1) if interval == "epoch" else (1, 60)
            assert len(Composition(epochs=epochs, steps_per_epoch=steps, schedule=spec).curve().lr) == 60


def values_of(parameter: Parameter) -> list[Any]:
    """What a control can be moved to: both ends of a slider, every choice."""
    if parameter.kind in ("text", "table"):
        return []
    if parameter.kind == "bool":
        return [False, True]
    if parameter.kind == "choice":
        return [value for value, _ in parameter.choices]
    ends = [parameter.min, parameter.max, *([0] if parameter.zero else []), *([None] if parameter.optional else [])]
    if parameter.kind == "list of int":
        return [[int(end)] for end in (parameter.min, parameter.max)]
    return [end if end is None or parameter.kind == "float" else int(end) for end in ends]


@pytest.mark.parametrize("parameter", [*RUN, *WARMUP, INTERVAL, *SYNTHETIC, *GROUP], ids=lambda one: one.name)
def test_what_surrounds_a_schedule_is_a_control(parameter: Parameter) -> None:
    assert_is_a_sentence(parameter.help)
    assert parameter.title
    assert_is_a_control(parameter)


def assert_is_a_control(parameter: Parameter) -> None:
    assert (parameter.kind == "choice") == bool(parameter.choices)
    if parameter.kind == "choice":
        assert parameter.start in dict(parameter.choices)
        assert all(meaning for _, meaning in parameter.choices)
    if parameter.kind in ("choice", "bool", "text", "table"):
        expected = {"choice": str, "bool": bool, "text": str, "table": Table}[parameter.kind]
        assert isinstance(parameter.start, expected)
        assert (parameter.min, parameter.max, parameter.step) == (0, 0, 0)
        return
    assert parameter.min < parameter.max
    starts = parameter.start if isinstance(parameter.start, tuple) else (parameter.start,)
    assert starts
    for start in starts:
        assert type(start) is (int if parameter.kind in ("int", "list of int") else float)
        if parameter.log:
            assert parameter.step == 0
            assert parameter.min > 0
            assert parameter.min <= start <= parameter.max or (parameter.zero and start == 0)
        else:
            assert parameter.min <= start <= parameter.max
            notches = (start - parameter.min) / parameter.step
            assert notches == pytest.approx(round(notches), abs=1e-6), "a slider would move the start off its value"


@pytest.mark.parametrize("lr", BASES)
@pytest.mark.parametrize(("name", "form"), WAYS)
def test_lrs_have_ranges_around_the_base_lr(name: str, form: str, lr: float) -> None:
    rates = [parameter for parameter in parameters(name, 20, lr, form) if parameter.unit == "LR"]
    for parameter in rates:
        assert_is_a_control(parameter)
        assert parameter.min <= lr <= parameter.max or parameter.name == "eps"
        assert 0 < parameter.min < parameter.max <= 1000
    expected = {
        "CosineAnnealingLR": {"eta_min": lr / 100},
        "CosineAnnealingWarmRestarts": {"eta_min": lr / 100},
        "OneCycleLR": {"max_lr": min(10 * lr, 1000)},
        "CyclicLR": {"base_lr": lr, "max_lr": min(10 * lr, 1000)},
        "ReduceLROnPlateau": {"min_lr": 0, "eps": 1e-8},
    }
    starts = {parameter.name: parameter.start for parameter in rates}
    assert starts == pytest.approx(expected.get(name, {}), rel=1e-5)


def test_the_catalogue_shows_a_run_of_20_calls() -> None:
    for name, entry in CATALOGUE.items():
        assert entry.parameters == parameters(name, 20)
    for name, forms in FORMS.items():
        assert CATALOGUE[name].parameters == parameters(name, 20, form=forms[0].name)
        for form in forms:
            assert form.parameters == parameters(name, 20, form=form.name)


def test_names_of_the_rest_are_those_of_the_specs() -> None:
    assert {parameter.name for parameter in SYNTHETIC} == set(Synthetic.model_fields) - {"kind"}
    assert {parameter.name for parameter in TABLE} == set(Table.model_fields)
    assert {parameter.name for parameter in GROUP} == set(ParameterGroup.model_fields)
    assert Synthetic(**{parameter.name: parameter.start for parameter in SYNTHETIC}) == Synthetic()
    for parameter in SYNTHETIC:
        for end in (parameter.min, parameter.max):
            Synthetic.model_validate({parameter.name: end})


def test_what_needs_another_parameter_names_one_of_its_values() -> None:
    needy = [(entry, one) for entry in CATALOGUE.values() for one in entry.parameters if one.needs]
    assert {(entry.name, one.name) for entry, one in needy} == {
        ("CyclicLR", "gamma"), ("CyclicLR", "base_momentum"), ("CyclicLR", "max_momentum"),
        ("OneCycleLR", "base_momentum"), ("OneCycleLR", "max_momentum"),
    }  # fmt: skip
    for entry, one in needy:
        assert one.needs is not None
        other, value = one.needs
        (found,) = [parameter for parameter in entry.parameters if parameter.name == other]
        assert value in values_of(found)
        # Without it, the parameter does change nothing.
        without = next(each for each in values_of(found) if each != value)
        low, high = (
            curve(spec_with(entry.name, "", 60, **{other: without, one.name: end}), 0.1, 60, 1)
            for end in (one.min, 0.9)
        )
        assert (low.lr == high.lr).all()
        assert low.momentum is None or (low.momentum == high.momentum).all()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("StepLR", "epoch", {"step_size": 5, "gamma": 0.5}),
        ("StepLR", "step", {"step_size": 150, "gamma": 0.5}),
        ("MultiStepLR", "epoch", {"milestones": (10, 15), "gamma": 0.1}),
        ("MultiStepLR", "step", {"milestones": (300, 450), "gamma": 0.1}),
        ("CosineAnnealingLR", "epoch", {"T_max": 20, "eta_min": 1e-5}),
        ("CosineAnnealingLR", "step", {"T_max": 600, "eta_min": 1e-5}),
        # cycles of 3, 6 and 12 epochs; 86, 172 and 344 steps
        ("CosineAnnealingWarmRestarts", "epoch", {"T_0": 3, "T_mult": 2, "eta_min": 1e-5}),
        ("CosineAnnealingWarmRestarts", "step", {"T_0": 86, "T_mult": 2, "eta_min": 1e-5}),
        ("PolynomialLR", "epoch", {"total_iters": 20, "power": 2.0}),
        ("LinearLR", "epoch", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
        ("ConstantLR", "epoch", {"factor": 0.3, "total_iters": 5}),
        ("Fixed", "step", {}),
        ("LambdaLR", "epoch", {"formula": "0.851 ** epoch", "table": None}),
        ("MultiplicativeLR", "step", {"formula": "0.9946"}),
    ],
)
def test_starting_values_for_20_epochs_of_30_steps(name: str, interval: Any, expected: dict[str, Any]) -> None:
    assert starting(name, interval, 20, 30).model_dump(exclude={"name"}) == expected


@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("OneCycleLR", "step", {"max_lr": 0.5, "total_steps": 600, "pct_start": 0.3, "cycle_momentum": True}),
        ("CyclicLR", "step", {"base_lr": 0.05, "max_lr": 0.5, "step_size_up": 75, "step_size_down": None}),
        ("ReduceLROnPlateau", "epoch", {"mode": "min", "factor": 0.5, "patience": 2, "cooldown": 0, "min_lr": 0.0}),
    ],
)
def test_starting_values_that_depend_on_the_lr(name: str, interval: Any, expected: dict[str, Any]) -> None:
    assert expected.items() <= starting(name, interval, 20, 30, lr=0.05).model_dump().items()


def test_several_schedulers_start_as_torchs_documentation_shows_them() -> None:
    phases = starting("SequentialLR", "epoch", 20, 30, lr=0.1).model_dump()
    assert phases["milestones"] == (3,)
    assert phases["schedulers"] == (
        {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3},
        {"name": "CosineAnnealingLR", "T_max": 17, "eta_min": 0.001},
    )
    chained = starting("ChainedScheduler", "epoch", 20, 30).model_dump()
    assert chained["schedulers"] == (
        {"name": "ConstantLR", "factor": 0.3, "total_iters": 5},
        {"name": "ExponentialLR", "gamma": 0.851},
    )


@pytest.mark.parametrize(
    ("run", "places"),
    [((20, 30), [0, 3, 12, 20]), ((10, 1), [0, 2, 6, 10]), ((2, 1), [0, 0.3, 1.2, 2]), ((1, 1), [0, 0.15, 0.6, 1])],
)
def test_a_table_starts_as_a_rise_a_hold_and_a_fall(run: tuple[int, int], places: list[float]) -> None:
    scheduler = starting("LambdaLR", "epoch", *run, form="table")
    assert scheduler.name == "LambdaLR"
    assert scheduler.table is not None
    assert [call for call, _ in scheduler.table.points] == pytest.approx(places)
    assert [height for _, height in scheduler.table.points] == [0.1, 1.0, 1.0, 0.01]
    for interpolation, _ in TABLE[1].choices:
        for scale, _ in TABLE[2].choices:  # no choice makes it illegal
            Table.model_validate({**scheduler.table.model_dump(), "interpolation": interpolation, "scale": scale})


@pytest.mark.parametrize(("name", "form"), WAYS)
def test_the_form_of_a_scheduler_is_found_again(name: str, form: str) -> None:
    assert form_of(starting(name, "epoch", 20, 30, form=form)) == form


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
    assert starting("OneCycleLR", interval, 20, 30, warmup).model_dump()["total_steps"] == expected


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), RUNS)
@pytest.mark.parametrize(("name", "form", "interval"), COUNTED)
def test_every_start_makes_a_curve_of_any_run(
    name: str, form: str, interval: Any, epochs: int, steps_per_epoch: int
) -> None:
    spec = ScheduleSpec(interval=interval, scheduler=starting(name, interval, epochs, steps_per_epoch, form=form))
    drawn = Composition(epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=spec).curve()
    lr, calls = drawn.lr, epochs if interval == "epoch" else epochs * steps_per_epoch
    assert (drawn.momentum is not None) == (name in ("OneCycleLR", "CyclicLR"))
    if name == "Fixed":
        assert (lr == 0.001).all()
    elif name in ("OneCycleLR", "CyclicLR"):
        assert lr.max() < 0.01 + 1e-12
        assert calls < 20 or lr.max() > 0.009
    elif name == "ConstantLR":
        assert calls < 3 or lr[0] < lr[-1] == 0.001
    elif name == "ChainedScheduler":
        assert lr[0] == pytest.approx(0.0003)
    elif name in ("SequentialLR", "LambdaLR") and form != "formula":
        assert lr[0] == pytest.approx(0.0001)
        assert calls < 4 or lr.max() == pytest.approx(0.001)
    else:
        assert lr.max() == 0.001
    if calls >= 20 and name not in ("Fixed", "ConstantLR", "CyclicLR", "ReduceLROnPlateau"):
        assert 0 < lr[-1] < 0.2 * lr.max()


warmups = st.none() | st.builds(
    Warmup, length=st.integers(1, 2000), unit=st.sampled_from(["epoch", "step"]), start_factor=st.floats(0, 1)
)


@settings(deadline=None)
@given(
    way=st.sampled_from(COUNTED), epochs=st.integers(1, 200), steps_per_epoch=st.integers(1, 1000), warmup=warmups,
    lr=st.floats(-6, 1).map(lambda exponent: 10**exponent),
)  # fmt: skip
def test_every_start_makes_a_curve(
    way: tuple[str, str, Any], epochs: int, steps_per_epoch: int, warmup: Warmup | None, lr: float
) -> None:
    name, form, interval = way
    spec = ScheduleSpec(
        interval=interval,
        scheduler=starting(name, interval, epochs, steps_per_epoch, warmup, lr, form),
        warmup=warmup,
    )
    drawn = Composition(lr=lr, epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=spec).curve()
    assert np.isfinite(drawn.lr).all()
    assert (drawn.lr >= 0).all()


def test_what_measures_once_an_epoch_does_not_count_steps() -> None:
    with pytest.raises(LabError, match="interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'") as caught:
        starting("ReduceLROnPlateau", "step", 20, 30)
    assert caught.value.field == "interval"
    assert [name for name, entry in CATALOGUE.items() if entry.intervals != ("epoch", "step")] == ["ReduceLROnPlateau"]


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
    for name, specification in classes().items():
        for parameter in CATALOGUE[name].parameters:
            if parameter.kind == "choice":
                annotation = specification.model_fields[parameter.name].annotation
                assert {value for value, _ in parameter.choices} == set(typing.get_args(annotation))


def test_lengths_are_shown_in_the_unit_that_the_interval_gives() -> None:
    step_size, gamma = CATALOGUE["StepLR"].parameters
    assert (step_size.unit_for("epoch"), step_size.unit_for("step")) == ("epochs", "steps")
    assert gamma.unit_for("step") == "factor"


@pytest.mark.parametrize(("name", "form"), [("NoSuchLR", ""), ("LambdaLR", "drawing"), ("StepLR", "table")])
def test_an_unknown_name_is_a_key_error(name: str, form: str) -> None:
    with pytest.raises(KeyError):
        parameters(name, 20, form=form)
    with pytest.raises(KeyError):
        starting(name, "epoch", 20, 30, form=form)


def test_the_base_lr_for_which_ranges_are_made_is_the_one_that_is_there_first() -> None:
    assert parameters("OneCycleLR", 20) == parameters("OneCycleLR", 20, LR.start)  # type: ignore[arg-type]


# Traps that the texts tell, with the words that must stand in the help of the parameter concerned.
TOLD = [
    ("StepLR", "step_size", "never drops"),
    ("MultiStepLR", "milestones", "Keras"),
    ("ExponentialLR", "gamma", "far too small for steps"),
    ("CosineAnnealingLR", "T_max", "climbs again"),
    ("CosineAnnealingLR", "T_max", "cannot be stretched"),
    ("CosineAnnealingLR", "eta_min", "not a share"),
    ("CosineAnnealingWarmRestarts", "T_0", "stays above eta_min"),
    ("CosineAnnealingWarmRestarts", "T_0", "refuses 2.0"),
    ("LinearLR", "start_factor", "before a saved optimiser is loaded"),
    ("ConstantLR", "factor", "divides by it"),
    ("PolynomialLR", "total_iters", "0 never changes it"),
    ("OneCycleLR", "max_lr", "replaces the base LR"),
    ("OneCycleLR", "total_steps", "call N + 1 is an error"),
    ("OneCycleLR", "pct_start", "divides by zero"),
    ("OneCycleLR", "cycle_momentum", "0 becomes 0.95"),
    ("OneCycleLR", "cycle_momentum", "Adagrad"),
    ("OneCycleLR", "three_phase", "never reached"),
    ("OneCycleLR", "final_div_factor", "fastai"),
    ("CyclicLR", "base_lr", "replaces the base LR"),
    ("CyclicLR", "gamma", "the other modes ignore it"),
    ("CyclicLR", "cycle_momentum", "0 becomes 0.9 "),
    ("ReduceLROnPlateau", "mode", "cut again and again"),
    ("ReduceLROnPlateau", "patience", "Keras cuts one epoch sooner"),
    ("ReduceLROnPlateau", "threshold", "NaN never counts"),
    ("ReduceLROnPlateau", "threshold", "min_delta"),
    ("ReduceLROnPlateau", "threshold_mode", "negative best"),
    ("ReduceLROnPlateau", "eps", "left out"),
    ("LambdaLR", "formula", "lost at the next call"),
    ("LambdaLR", "formula", "holds no lambda"),
    ("SequentialLR", "milestones", "makes the LR jump"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameter", "words"), TOLD)
def test_traps_are_told_where_they_are_set(name: str, parameter: str, words: str) -> None:
    (found,) = [one for one in CATALOGUE[name].parameters if one.name == parameter]
    assert words in found.help


def optimizer(kind: Any = torch.optim.SGD, lr: float = 0.1) -> torch.optim.Optimizer:
    return kind([torch.zeros(1, requires_grad=True)], lr=lr)


@pytest.mark.parametrize(
    ("build", "error"),
    [
        # "refuses 2.0", "a whole number"
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 2.0), ValueError),  # type: ignore[arg-type]
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 2, 1.5), ValueError),  # type: ignore[arg-type]
        # "refuses the whole numbers 0 and 1"
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 10, pct_start=0), ValueError),
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 10, pct_start=1), ValueError),
        # "0.5 of 2, 0.05 of 20"
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 2, pct_start=0.5), ZeroDivisionError),
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 20, pct_start=0.05), ZeroDivisionError),
        # "An optimiser without momentum, such as Adagrad, is refused"
        (lambda: lr_scheduler.OneCycleLR(optimizer(torch.optim.Adagrad), 0.1, 10), ValueError),
        (lambda: lr_scheduler.CyclicLR(optimizer(torch.optim.Adagrad), 0.1, 1), ValueError),
        # "above 0"
        (lambda: lr_scheduler.LinearLR(optimizer(), start_factor=0.0), ValueError),
        # "torch takes no ReduceLROnPlateau here"
        (lambda: sequential(lr_scheduler.ReduceLROnPlateau), (ValueError, TypeError)),
    ],
)
def test_what_is_told_to_be_refused_is(build: Any, error: Any) -> None:
    with pytest.raises(error):
        build()


def sequential(second: Any) -> lr_scheduler.SequentialLR:
    shared = optimizer()
    return lr_scheduler.SequentialLR(shared, [lr_scheduler.ConstantLR(shared), second(shared)], [3])


@pytest.mark.parametrize(
    ("kind", "build", "expected"),
    [
        (torch.optim.SGD, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.RMSprop, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.Adam, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.SGD, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
        (torch.optim.RMSprop, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
        (torch.optim.Adam, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
    ],
)
def test_the_momentum_that_is_told_to_be_overwritten_is(kind: Any, build: Any, expected: float) -> None:
    one = optimizer(kind)
    build(one)
    (group,) = one.param_groups
    assert (group["betas"][0] if "betas" in group else group["momentum"]) == expected


def test_what_is_told_of_saved_states_is_so() -> None:
    """LambdaLR's holds no lambda; SequentialLR goes on from its saved state, and not from last_epoch."""
    assert lr_scheduler.LambdaLR(optimizer(), lambda epoch: 0.9**epoch).state_dict()["lr_lambdas"] == [None]

    def phases(last_epoch: int = -1, state: Any = None) -> tuple[torch.optim.Optimizer, Any]:
        one = optimizer()
        one.param_groups[0]["initial_lr"] = 0.1
        inner = [lr_scheduler.LinearLR(one, 0.1, total_iters=4), lr_scheduler.ExponentialLR(one, 0.5)]
        scheduler = lr_scheduler.SequentialLR(one, inner, [4], last_epoch=last_epoch)
        if state:
            one.load_state_dict(state[0])
            scheduler.load_state_dict(state[1])
        return one, scheduler

    one, scheduler = phases()
    for _ in range(6):
        one.step()
        scheduler.step()
    assert one.param_groups[0]["lr"] == pytest.approx(0.025)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert phases(last_epoch=6)[0].param_groups[0]["lr"] != pytest.approx(0.025)
    loaded, _ = phases(state=(one.state_dict(), scheduler.state_dict()))
    assert loaded.param_groups[0]["lr"] == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (lambda one: lr_scheduler.ExponentialLR(one, 0.5), 0.1),
        (lambda one: lr_scheduler.LambdaLR(one, lambda epoch: 0.5**epoch), 0.1),
        (lambda one: lr_scheduler.CosineAnnealingLR(one, 5), 0.1),
        (lambda one: lr_scheduler.MultiplicativeLR(one, lambda epoch: 0.5), 0.005),
        (lambda one: lr_scheduler.CyclicLR(one, 0.02, 0.2), 0.02),
    ],
)
def test_where_the_second_phase_is_told_to_start(second: Any, expected: float) -> None:
    """A first phase with a tenth of 0.1, then the second one."""
    one = optimizer()
    phases = [lr_scheduler.ConstantLR(one, 0.1, total_iters=100), second(one)]
    scheduler = lr_scheduler.SequentialLR(one, phases, [3])
    for _ in range(3):
        one.step()
        scheduler.step()
    assert one.param_groups[0]["lr"] == pytest.approx(expected)


def told(name: str, parameter: str = "") -> str:
    """The text of a scheduler, or of one of its parameters."""
    entry = CATALOGUE[name]
    return {one.name: one.help for one in entry.parameters}[parameter] if parameter else entry.when


def numbers(text: str, pattern: str) -> list[float]:
    """What `pattern` finds of numbers in a text that is to hold it once."""
    (found,) = re.findall(pattern, text)
    return [float(number.replace(",", "")) for number in ([found] if isinstance(found, str) else found)]


def test_numbers_that_are_told() -> None:
    """What the texts say that is left, beside what torch's own scheduler leaves."""
    for text, pattern in (
        (told("ExponentialLR"), r"([\d.]+) leaves (\d+) % after (\d+) calls"),
        (told("ExponentialLR", "gamma"), r"([\d.]+) leaves (\d+) % after (\d+) steps"),
    ):
        gamma, percent, calls = numbers(text, pattern)
        assert round(100 * lr_after(calls, lr_scheduler.ExponentialLR, gamma=gamma)) == percent
    (calls,) = numbers(told("ExponentialLR"), r"nothing to speak of after (\d+)")
    assert lr_after(calls, lr_scheduler.ExponentialLR, gamma=gamma) < 1e-4

    (share,) = numbers(told("OneCycleLR", "final_div_factor"), r"max_lr / ([\d,]+) with both defaults")
    assert lr_after(9, lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=10) == pytest.approx(1 / share)

    (flat,) = numbers(told("PolynomialLR", "power"), r"([\d.]+) not at all")
    assert lr_after(4, lr_scheduler.PolynomialLR, total_iters=5, power=flat) == 1

    (speed,) = [parameter for parameter in SYNTHETIC if parameter.name == "speed"]
    rate, percent = numbers(speed.help, r"([\d.]+) leaves (\d+) % of the way after ten epochs")
    begun, *_, ended = Synthetic(start=1, floor=0, speed=rate, noise=0).values(11)
    assert round(100 * ended / begun) == percent


def lr_after(calls: float, scheduler: Any, **settings: float) -> float:
    """The LR of torch's scheduler after so many calls, on a base of 1."""
    one = optimizer(lr=1.0)
    driven = scheduler(one, **settings)
    for _ in range(int(calls)):
        one.step()
        driven.step()
    return float(one.param_groups[0]["lr"])
