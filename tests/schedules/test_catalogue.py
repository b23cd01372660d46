"""One contract for every scheduler of the catalogue: it is torch's, its ranges are legal, its starts make a curve."""

from __future__ import annotations

import inspect
import typing
from itertools import groupby
from typing import Any

import pytest
from pydantic import ValidationError
from torch.optim import lr_scheduler

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
    parameters,
    starting,
    warmup_parameters,
)
from tests.schedules.ways import COUNTED, WAYS

CALLS = [1, 2, 3, 7, 20, 60, 600, 20_000, 1_000_000]
BASES = [1e-6, 3.7e-5, 0.001, 0.25, 10.0, 1000.0]

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
