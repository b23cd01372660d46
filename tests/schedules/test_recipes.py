"""Every recipe follows what its source defines, in runs of all lengths, and torch steps what it becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from numpy.testing import assert_allclose

from lrlab.schedules import RECIPES, Recipe, curve
from tests.schedules.oracle import assert_follows_torch
from tests.schedules.published import DEFINITIONS, RUNS, fastai_combined_cos, published

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
