"""The settings of the recipes: nonsense is refused with its field, and whatever a slider can give makes a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import RECIPES, Parameter, Recipe, ScheduleSpec, curve
from tests.schedules.published import RUNS, published


@pytest.mark.parametrize(
    ("name", "values", "field", "said"),
    [
        ("keras-exponential-decay", {"decay_steps": 0}, "decay_steps", "decay_steps: got 0, allowed: at least 1"),
        ("keras-exponential-decay", {"decay_steps": 2.5}, "decay_steps", "allowed: a whole number"),
        ("keras-exponential-decay", {"decay_rate": -0.1}, "decay_rate", "got -0.1, allowed: at least 0"),
        ("keras-exponential-decay", {"decay_rate": float("nan")}, "decay_rate", "decay_rate: got nan, allowed: "),
        ("keras-exponential-decay", {"staircase": "perhaps"}, "staircase", "allowed: true or false"),
        ("keras-exponential-decay", {"gamma": 0.5}, "gamma", "gamma: is not a known setting (got 0.5)"),
        ("keras-cosine-decay", {"alpha": 1.5}, "alpha", "got 1.5, allowed: at most 1"),
        ("keras-cosine-restarts", {"t_mul": 0}, "t_mul", "got 0, allowed: at least 1"),
        ("keras-cosine-restarts", {"t_mul": 2000}, "t_mul", "got 2000, allowed: at most 1,000"),
        ("keras-piecewise-constant", {"boundaries": (9, 3)}, "boundaries", "increasing order, such as [3, 9]"),
        ("keras-piecewise-constant", {"boundaries": ()}, "boundaries", "1 or more values"),
        ("warmup-cosine", {"warmup": -1}, "warmup", "warmup: got -1, allowed: at least 0"),
        ("warmup-cosine", {"start_factor": 1.5}, "start_factor", "at most 1"),
        ("warmup-cosine", {"final_lr": 2000}, "final_lr", "at most 1,000"),
        ("warmup-cosine", {"warmup": None}, "warmup", "got None, allowed: a whole number"),
        ("warmup-stable-decay", {"shape": "square"}, "shape", "allowed: 'linear', 'cosine' or '1-sqrt'"),
        (
            "warmup-stable-decay",
            {"warmup": 0.4, "decay": 0.7},
            "decay",
            "decay: got 0.7 after a warm-up of 0.4, allowed: at most 0.6 of the run",
        ),
        ("fastai-one-cycle", {"pct_start": 0}, "pct_start", "above 0"),
        ("flat-cosine", {"div_final": 0}, "div_final", "above 0"),
        ("noam", {"warmup": 0}, "warmup", "at least 1"),
        ("noam", {"d_model": True}, "d_model", "allowed: a number"),
        ("inverse-sqrt", {"timescale": 0}, "timescale", "at least 1"),
    ],
)
def test_nonsense_is_refused_with_its_field(name: str, values: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(LabError) as caught:
        RECIPES[name].expand(values, 20, 30, 0.001)
    assert caught.value.field == field
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("run", "field"),
    [((0, 30, 0.001), "epochs"), ((20, 0, 0.001), "steps_per_epoch"), ((20, 30, 0.0), "lr"), ((20, 30, 2000.0), "lr")],
)
def test_a_run_that_is_none_is_refused(run: tuple[int, int, float], field: str) -> None:
    for attempt in (RECIPES["noam"].fitted, lambda *given: RECIPES["noam"].expand({}, *given)):
        with pytest.raises(LabError) as caught:
            attempt(*run)
        assert caught.value.field == field


@pytest.mark.parametrize("lr", [1e-6, 0.001, 10.0, 1000.0])
@pytest.mark.parametrize(("epochs", "steps"), [*RUNS, (200, 400)])
@pytest.mark.parametrize("name", RECIPES)
def test_the_ends_of_every_slider_and_its_start_make_a_curve(name: str, epochs: int, steps: int, lr: float) -> None:
    recipe = RECIPES[name]
    fitted = recipe.fitted(epochs, steps, lr)
    assert [parameter.name for parameter in fitted] == list(recipe.settings.model_fields)
    for parameter in fitted:
        for value in ends(parameter):
            spec = recipe.expand({parameter.name: value}, epochs, steps, lr)
            drawn = curve(spec, lr, epochs, steps).lr
            assert len(drawn) == epochs * steps
            assert np.isfinite(drawn).all()
    starts = {parameter.name: parameter.start for parameter in fitted if not parameter.optional}
    assert recipe.expand({}, epochs, steps, lr) == recipe.expand(starts, epochs, steps, lr)


def ends(parameter: Parameter) -> list[Any]:
    """The ends of a slider and its start, whose form is checked on the way."""
    if parameter.kind == "bool":
        return [True, False]
    if parameter.kind == "choice":
        assert parameter.start in dict(parameter.choices)
        return [value for value, _ in parameter.choices]
    assert parameter.min < parameter.max
    starts = parameter.start if isinstance(parameter.start, tuple) else (parameter.start,)
    for start in starts:
        assert isinstance(start, int if parameter.kind in ("int", "list of int") else float)
        assert parameter.min <= start <= parameter.max
        notches = (start - parameter.min) / parameter.step if parameter.step else 0
        assert notches == pytest.approx(round(notches), abs=1e-6)
        assert bool(parameter.step) is not parameter.log
    limits = [parameter.min, parameter.max, *([0.0] if parameter.zero else [])]
    if parameter.kind == "float":
        return [*limits, parameter.start]
    wholes = [int(limit) for limit in limits]
    return [(whole,) for whole in wholes] if parameter.kind == "list of int" else [*wholes, parameter.start]


@st.composite
def chosen(draw: st.DrawFn, recipe: Recipe, run: tuple[int, int, float]) -> dict[str, Any]:
    """Values anywhere on the sliders of one run, and lengths far beyond them."""
    values: dict[str, Any] = {}
    for parameter in recipe.fitted(*run):
        low, high = int(parameter.min), int(parameter.max)
        values[parameter.name] = draw(
            {
                "bool": st.booleans(),
                "choice": st.sampled_from([value for value, _ in parameter.choices] or [""]),
                "float": st.floats(parameter.min, parameter.max),
                "int": st.one_of(st.integers(low, max(low, high)), st.integers(max(low, 1), 1000)),
                "list of int": st.lists(st.integers(low, max(low, high)), min_size=1, max_size=5).map(sorted),
            }[parameter.kind]
        )
    return values


@pytest.mark.parametrize("name", RECIPES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_values_become_a_schedule_of_any_run(name: str, data: st.DataObject) -> None:
    recipe = RECIPES[name]
    exponent = data.draw(st.floats(-6, 1))
    epochs, steps, lr = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)), 10**exponent
    values = data.draw(chosen(recipe, (epochs, steps, lr)))
    spec = recipe.expand(values, epochs, steps, lr)
    assert ScheduleSpec.model_validate_json(spec.model_dump_json()) == spec
    drawn = curve(spec, lr, epochs, steps).lr
    assert np.isfinite(drawn).all()
    assert_allclose(drawn, published(name, values, epochs, steps, lr), rtol=1e-9, atol=1e-12 * drawn.max())
