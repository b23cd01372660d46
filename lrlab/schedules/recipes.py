"""Every recipe by its name, in the order in which a person meets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lrlab.schedules.recipe import Recipe
from lrlab.schedules.recipes_keras import KERAS
from lrlab.schedules.recipes_language import LANGUAGE
from lrlab.schedules.recipes_vision import VISION

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: replace(recipe, parameters=recipe.fitted(epochs=20, steps_per_epoch=30, lr=0.001))
        for recipe in (*VISION, *LANGUAGE, *KERAS)
    }
)
"""The recipes; the ranges of their parameters are those of 20 epochs of 30 steps at LR 0.001."""
