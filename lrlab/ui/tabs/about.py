"""What the composed schedule is: the recipe and every scheduler in it, each once, in the catalogue's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lrlab.charts import PreviewState
from lrlab.schedules import CATALOGUE, FORMS, RECIPES, WARMUP, Parameter, Recipe, SchedulerEntry, form_of, walk
from lrlab.ui import specimens
from lrlab.ui import tabs_texts as texts
from lrlab.ui.markdown import plain
from lrlab.ui.sparkline import picture


def about(state: PreviewState) -> None:
    """Draws the recipe where there is one, then its parts, or the parts of the composed schedule."""
    schedule = state.composition.schedule
    if state.recipe:
        recipe = RECIPES[state.recipe.name]
        known_from = texts.RECIPE_LINE.format(origin=recipe.origin)
        _entry(recipe.title, replace(recipe, line=f"{recipe.line} {known_from}"), f"recipe:{recipe.name}")
        st.markdown(texts.MADE_OF)
    # Each once, in the order in which they are met.
    for name, form in dict.fromkeys((held.name, form_of(held)) for _, held in walk(schedule.scheduler)):
        entry = CATALOGUE[name]
        # The first form is the entry's own; another one has a line and parameters of its own, and its own card.
        other = next((known for known in FORMS.get(name, ())[1:] if known.name == form), None)
        if other:
            told = replace(entry, line=f"{entry.line} {other.line}", parameters=other.parameters)
            _entry(f"{name}, {other.title.lower()}", told, f"scheduler:{name}:{form}")
        else:
            _entry(name, entry, f"scheduler:{name}")
    if schedule.warmup:
        st.markdown(f"##### {texts.WARMUP}\n\n{plain(texts.WARMUP_LINE)}\n\n{_list(WARMUP)}")


def _entry(title: str, entry: SchedulerEntry | Recipe, card: str) -> None:
    """`card`: the specimen whose picture shows it."""
    drawing, words = st.columns([1, 3], gap="medium")
    with drawing:
        path, told = specimens.picture(card)
        picture(path, specimens.WIDTH, specimens.HEIGHT, told)
    with words:
        st.markdown(f"##### {plain(title)}\n\n{plain(entry.line)}\n\n**{texts.WHEN}.** {plain(entry.when)}")
    st.latex(entry.formula)
    if entry.parameters:
        st.markdown(f"**{texts.PARAMETERS}**\n\n{_list(entry.parameters)}")
    links = "\n".join(f"- [{plain(name)}]({address})" for name, address in entry.source)
    st.markdown(f"**{texts.SOURCES}**\n\n{links}")


def _list(parameters: Sequence[Parameter]) -> str:
    return "\n".join(f"- **{plain(parameter.title)}**: {plain(parameter.help)}" for parameter in parameters)
