"""Every recipe follows what its source defines, in runs of all lengths, and becomes torch's classes where it can."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import RECIPES, Parameter, Recipe, ScheduleSpec, curve
from tests.schedules.oracle import assert_follows_torch
from tests.schedules.published import DEFINITIONS, fastai_combined_cos

RUNS = [(1, 1), (1, 7), (2, 1), (23, 1), (7, 13), (10, 10), (20, 30), (1, 601)]
LR = 0.003

CASES: list[tuple[str, dict[str, Any]]] = [
    ("keras-exponential-decay", {"decay_steps": 30, "decay_rate": 0.92, "staircase": True}),
    ("keras-exponential-decay", {"decay_steps": 30, "decay_rate": 0.92, "staircase": False}),
    ("keras-exponential-decay", {"decay_steps": 1, "decay_rate": 1.0, "staircase": True}),
    ("keras-exponential-decay", {"decay_steps": 7, "decay_rate": 0.0, "staircase": True}),
    ("keras-exponential-decay", {"decay_steps": 7, "decay_rate": 0.0, "staircase": False}),
    ("keras-exponential-decay", {"decay_steps": 5000, "decay_rate": 3.0, "staircase": False}),
    ("keras-cosine-decay", {"decay_steps": 600, "alpha": 0.0}),
    ("keras-cosine-decay", {"decay_steps": 50, "alpha": 0.1}),
    ("keras-cosine-decay", {"decay_steps": 50, "alpha": 0.0}),
    ("keras-cosine-decay", {"decay_steps": 2000, "alpha": 0.7}),
    ("keras-cosine-decay", {"decay_steps": 1, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 86, "t_mul": 2, "m_mul": 0.7, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 10, "t_mul": 1, "m_mul": 0.9, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 1, "t_mul": 1, "m_mul": 0.95, "alpha": 0.05}),
    ("keras-cosine-restarts", {"first_decay_steps": 1, "t_mul": 2, "m_mul": 0.5, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 1, "t_mul": 3, "m_mul": 0.5, "alpha": 0.1}),
    ("keras-cosine-restarts", {"first_decay_steps": 3, "t_mul": 5, "m_mul": 0.8, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 7, "t_mul": 3, "m_mul": 0.0, "alpha": 0.0}),
    ("keras-cosine-restarts", {"first_decay_steps": 30, "t_mul": 2, "m_mul": 1.0, "alpha": 0.01}),
    ("keras-piecewise-constant", {"boundaries": (300, 450), "factor": 0.1}),
    ("keras-piecewise-constant", {"boundaries": (0,), "factor": 0.5}),
    ("keras-piecewise-constant", {"boundaries": (5, 5, 6), "factor": 0.5}),
    ("keras-inverse-time-decay", {"decay_steps": 30, "decay_rate": 0.5, "staircase": False}),
    ("keras-inverse-time-decay", {"decay_steps": 30, "decay_rate": 0.5, "staircase": True}),
    ("keras-inverse-time-decay", {"decay_steps": 1, "decay_rate": 0.0, "staircase": True}),
    ("step-decay", {"epochs_drop": 10, "drop": 0.5}),
    ("step-decay", {"epochs_drop": 1, "drop": 0.9}),
    ("step-decay", {"epochs_drop": 500, "drop": 0.5}),
    ("warmup-cosine", {"warmup": 60, "start_factor": 0.1, "final_lr": 1e-5}),
    ("warmup-cosine", {"warmup": 0, "start_factor": 0.1, "final_lr": 0.0}),
    ("warmup-cosine", {"warmup": 13, "start_factor": 0.0, "final_lr": 0.0}),
    ("warmup-cosine", {"warmup": 10_000, "start_factor": 0.01, "final_lr": 1e-6}),
    ("warmup-cosine", {"warmup": 5, "start_factor": 1.0, "final_lr": 0.01}),
    ("warmup-polynomial", {"warmup": 60, "start_factor": 0.0, "power": 0.9, "final_lr": 0.0}),
    ("warmup-polynomial", {"warmup": 5, "start_factor": 0.2, "power": 2.0, "final_lr": 1e-4}),
    ("warmup-polynomial", {"warmup": 0, "start_factor": 0.0, "power": 0.9, "final_lr": 1e-7}),
    ("warmup-polynomial", {"warmup": 0, "start_factor": 0.0, "power": 0.0, "final_lr": 0.0}),
    ("warmup-polynomial", {"warmup": 10_000, "start_factor": 0.0, "power": 1.0, "final_lr": 1e-7}),
    ("timm-cosine", {"warmup_epochs": 3, "warmup_factor": 0.01, "min_lr": 1e-5, "warmup_prefix": False}),
    ("timm-cosine", {"warmup_epochs": 3, "warmup_factor": 0.01, "min_lr": 1e-5, "warmup_prefix": True}),
    ("timm-cosine", {"warmup_epochs": 5, "warmup_factor": 0.0, "min_lr": 0.0, "warmup_prefix": True}),
    ("timm-cosine", {"warmup_epochs": 0, "warmup_factor": 0.5, "min_lr": 1e-5, "warmup_prefix": False}),
    ("timm-cosine", {"warmup_epochs": 0, "warmup_factor": 0.5, "min_lr": 1e-5, "warmup_prefix": True}),
    ("timm-cosine", {"warmup_epochs": 100, "warmup_factor": 0.1, "min_lr": 0.0, "warmup_prefix": True}),
    ("timm-cosine", {"warmup_epochs": 100, "warmup_factor": 0.1, "min_lr": 0.0, "warmup_prefix": False}),
    ("flat-cosine", {"pct_start": 0.75, "div_final": 1e5}),
    ("flat-cosine", {"pct_start": 0.7, "div_final": 1e5}),
    ("flat-cosine", {"pct_start": 0.0, "div_final": 10.0}),
    ("flat-cosine", {"pct_start": 1.0, "div_final": 10.0}),
    ("flat-cosine", {"pct_start": 0.123, "div_final": 1.0}),
    ("fastai-one-cycle", {"pct_start": 0.25, "div": 25.0, "div_final": 1e5}),
    ("fastai-one-cycle", {"pct_start": 0.3, "div": 5.0, "div_final": 1e5}),
    ("fastai-one-cycle", {"pct_start": 0.99, "div": 25.0, "div_final": 2.0}),
    ("fastai-one-cycle", {"pct_start": 1.0, "div": 25.0, "div_final": 1e5}),
    ("fastai-one-cycle", {"pct_start": 0.01, "div": 1.0, "div_final": 1.0}),
    ("transformers-linear", {"warmup": 60}),
    ("transformers-linear", {"warmup": 0}),
    ("transformers-linear", {"warmup": 1}),
    ("transformers-linear", {"warmup": 10_000}),
    ("bert-linear", {"warmup_proportion": 0.1}),
    ("bert-linear", {"warmup_proportion": 0.0}),
    ("bert-linear", {"warmup_proportion": 0.33}),
    ("bert-linear", {"warmup_proportion": 1.0}),
    *(
        ("warmup-stable-decay", {**lengths, "shape": shape, "final_factor": final})
        for shape in ("linear", "cosine", "1-sqrt")
        for final in (0.0, 0.1, 1.0)
        for lengths in (
            {"warmup": 0.05, "start_factor": 0.1, "decay": 0.2},
            {"warmup": 0.0, "start_factor": 0.0, "decay": 1.0},
            {"warmup": 0.3, "start_factor": 0.0, "decay": 0.7},
            {"warmup": 0.0, "start_factor": 0.0, "decay": 0.0},
            {"warmup": 1.0, "start_factor": 0.5, "decay": 0.0},
        )
    ),
    ("inverse-sqrt", {"warmup": 60, "timescale": None}),
    ("inverse-sqrt", {"warmup": 0, "timescale": None}),
    ("inverse-sqrt", {"warmup": 10, "timescale": 100}),
    ("inverse-sqrt", {"warmup": 10_000, "timescale": 1}),
    ("noam", {"d_model": 512, "warmup": 60}),
    ("noam", {"d_model": 64, "warmup": 1}),
    ("noam", {"d_model": 1024, "warmup": 4000}),
]


def published(name: str, values: dict[str, Any], epochs: int, steps: int, lr: float) -> np.ndarray:
    """The LR of every update, by the published definition."""
    calls = epochs if RECIPES[name].interval == "epoch" else epochs * steps
    every = [DEFINITIONS[name](k, calls, lr, **values) for k in range(calls)]
    return np.repeat(every, steps if RECIPES[name].interval == "epoch" else 1)


@pytest.mark.parametrize(("epochs", "steps"), RUNS)
@pytest.mark.parametrize(("name", "values"), CASES)
def test_a_recipe_follows_its_published_definition(name: str, values: dict[str, Any], epochs: int, steps: int) -> None:
    expected = published(name, values, epochs, steps, LR)
    drawn = curve(RECIPES[name].expand(values, epochs, steps, LR), LR, epochs, steps)
    assert_allclose(drawn.lr, expected, rtol=1e-9, atol=1e-12 * LR)


@pytest.mark.parametrize(("name", "values"), CASES)
def test_torch_steps_what_a_recipe_becomes(name: str, values: dict[str, Any]) -> None:
    assert_follows_torch(RECIPES[name].expand(values, 7, 13, LR), LR, 7, 13)


def test_every_recipe_has_a_definition_and_a_case() -> None:
    assert set(DEFINITIONS) == set(RECIPES) == {name for name, _ in CASES}


def test_the_source_tutorials_decay() -> None:
    """ExponentialDecay(1e-4, decay_steps=30, decay_rate=0.92, staircase=True) with 960 images in batches of 32."""
    values = {"decay_steps": 30, "decay_rate": 0.92, "staircase": True}
    lr = curve(RECIPES["keras-exponential-decay"].expand(values, 20, 30, 1e-4), 1e-4, 20, 30).lr
    assert_allclose(lr[[0, 29, 30, 59, 60, 599]], [1e-4, 1e-4, 0.92e-4, 0.92e-4, 0.8464e-4, 1e-4 * 0.92**19])


def test_fastais_one_cycle_moves_the_momentum_too() -> None:
    drawn = curve(RECIPES["fastai-one-cycle"].expand({}, 7, 13, 0.01), 0.01, 7, 13)
    expected = [fastai_combined_cos(k / 91, 0.25, 0.95, 0.85, 0.95) for k in range(91)]
    assert drawn.momentum is not None
    assert_allclose(drawn.momentum, expected, rtol=1e-9)


def test_a_decay_never_takes_an_update_of_the_warm_up() -> None:
    """Half of 3 updates is 2 for the warm-up; 1 is left."""
    spec = RECIPES["warmup-stable-decay"].expand({"warmup": 0.5, "decay": 0.5}, 1, 3, 1.0)
    assert spec.warmup is not None
    assert (spec.warmup.length, spec.scheduler.model_dump()["total_iters"]) == (2, 1)


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


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_texts_are_whole(recipe: Recipe) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", recipe.name)
    assert recipe.title
    assert recipe.origin
    for text in (recipe.line, recipe.when, *(parameter.help for parameter in recipe.parameters)):
        assert text[0].isupper() or text[0].isdigit(), text
        assert text.endswith("."), text
        assert "!" not in text
    assert recipe.formula.startswith(r"\eta_k = ")
    assert recipe.formula.count("{") == recipe.formula.count("}")
    assert len(re.findall(r"\\left\b", recipe.formula)) == len(re.findall(r"\\right\b", recipe.formula))
    assert recipe.source
    assert all(title and address.startswith("https://") for title, address in recipe.source)
    assert recipe.parameters == recipe.fitted(20, 30, 0.001)
    assert RECIPES[recipe.name] is recipe
