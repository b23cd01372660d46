"""The Gallery page: every scheduler, recipe and preset as a card with its own curve, and what a card opens."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lrlab.charts import PreviewState
from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, PRESETS, RECIPES, Composition, ReduceLROnPlateau, from_link
from lrlab.ui import carried, gallery_texts, specimens

STATE = PreviewState(composition=Composition(lr=0.02, epochs=7, steps_per_epoch=11))
ALL = specimens.specimens()


@pytest.fixture
def sections(open_page, component):
    return component(open_page("gallery"), "cards")["sections"]


def test_everything_is_there_once_and_in_families(sections):
    titles = [card["title"] for section in sections for card in section["cards"]]
    assert len(set(titles)) == len(titles)
    assert set(CATALOGUE) <= set(titles)
    assert {recipe.title for recipe in RECIPES.values()} <= set(titles)
    assert {preset.title for preset in PRESETS} <= set(titles)
    assert all(section["cards"] for section in sections)
    assert {preset.group for preset in PRESETS} == set(gallery_texts.PRESETS)


def test_a_card_tells_what_it_is_and_where_it_comes_from(sections):
    for card in (card for section in sections for card in section["cards"]):
        assert card["line"].endswith(".")
        assert re.fullmatch(r"M[-0-9.L ]+", card["path"])
        assert card["told"].startswith("The LR ")
        assert card["source"]
        assert all(title and address.startswith("https://") for title, address in card["source"])


@pytest.mark.parametrize("id", ALL)
def test_a_card_opens_what_it_shows_fitted_to_the_composed_run(id, home):
    state = ALL[id].opened(STATE)
    assert (state.x, state.log, state.kept) == (STATE.x, STATE.log, STATE.kept)
    values = state.composition.curve()
    assert np.isfinite(values.lr).all()
    if ALL[id].kind == "preset":
        assert state.composition in [preset.composition for preset in PRESETS]
    else:
        assert (state.composition.lr, state.composition.epochs, state.composition.steps_per_epoch) == (0.02, 7, 11)
    assert (state.recipe.name if state.recipe else None) == (ALL[id].name if ALL[id].kind == "recipe" else None)


@pytest.mark.parametrize("id", ["scheduler:OneCycleLR", "scheduler:CyclicLR"])
def test_what_is_meant_for_steps_is_called_per_step(id):
    assert ALL[id].composed(STATE.composition).schedule.interval == "step"


def test_the_plateau_is_shown_with_cuts():
    composition = ALL["scheduler:ReduceLROnPlateau"].composed(Composition())
    assert isinstance(composition.schedule.scheduler, ReduceLROnPlateau)
    assert any(decision.cut for decision in composition.curve().decisions)


def test_a_cards_link_is_what_it_opens(open_page, component):
    page = open_page("gallery", {carried.STATE: STATE})
    for section in component(page, "cards")["sections"]:
        for card in section["cards"]:
            assert from_link(card["link"]) == ALL[card["id"]].opened(STATE).composition


def test_a_chosen_card_is_carried_to_the_schedule_page(open_page, run_page, component):
    page = open_page("gallery", {carried.STATE: STATE})
    page.session_state["gallery.opened"] = "recipe:warmup-cosine"
    run_page(page)
    data = component(page, "plot")
    assert data["state"]["recipe"]["name"] == "warmup-cosine"
    assert data["state"]["composition"]["epochs"] == 7
    assert data["revision"] == 1
    assert Composition.model_validate(data["before"]["composition"]) == STATE.composition


@pytest.mark.parametrize("id", ["", "scheduler:Nothing", "../..", "<script>", "preset:"])
def test_a_card_that_is_not_there_opens_nothing(id):
    with pytest.raises(LabError, match="no schedule"):
        specimens.specimen(id)
