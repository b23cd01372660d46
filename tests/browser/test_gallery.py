"""The gallery in a real Chromium: found by words, opened by mouse and keyboard, undone in the composer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from lrlab.schedules import CATALOGUE, PRESETS, RECIPES, Composition, from_link
from lrlab.ui import gallery_texts as texts
from lrlab.ui import places

COMPOSER = "document.querySelector('.lrlab-plot').lrlabInstance"


@pytest.fixture
def gallery(page: Page) -> Page:
    page.goto("/gallery")
    expect(card(page, "Fixed")).to_be_visible()
    return page


def card(page: Page, title: str) -> Locator:
    return page.get_by_test_id("cards").get_by_role("link", name=title, exact=True)


def shown(page: Page) -> list[str]:
    return page.get_by_test_id("cards").locator("h3:visible").all_inner_texts()


def composed(page: Page) -> Composition:
    """What the composer shows once it has drawn."""
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    page.wait_for_function(f"{COMPOSER}.exchange.quiet")
    return Composition.model_validate(page.evaluate(f"{COMPOSER}.exchange.state.composition"))


def test_every_schedule_has_a_drawn_card_with_a_name_and_sources(gallery: Page):
    cards = gallery.get_by_test_id("cards").get_by_role("listitem").filter(has=gallery.locator("h3"))
    expect(cards).to_have_count(len(CATALOGUE) + 1 + len(RECIPES) + len(PRESETS))  # LambdaLR has two forms
    for one in cards.all()[:4]:
        assert one.get_by_role("img").get_attribute("aria-label").startswith("The LR ")
        assert one.locator(".curve").evaluate("(path) => path.getTotalLength()") > 100
    source = gallery.get_by_role("link", name="PyTorch documentation: StepLR")
    assert source.get_attribute("target") == "_blank"
    assert "noopener" in source.get_attribute("rel")
    assert source.get_attribute("href").startswith("https://docs.pytorch.org/")


def test_words_find_cards_and_the_rest_is_hidden(gallery: Page):
    field = gallery.get_by_role("searchbox", name=texts.CARDS["find"])
    every = len(shown(gallery))
    field.fill("WARM restarts")
    expect(gallery.get_by_role("status").filter(has_text=re.compile("of"))).to_contain_text(f"of {every}")
    found = shown(gallery)
    assert "CosineAnnealingWarmRestarts" in found
    assert "StepLR" not in found
    field.fill("no such words")
    expect(gallery.get_by_text(texts.CARDS["none"])).to_be_visible()
    assert shown(gallery) == []
    field.fill("")
    assert len(shown(gallery)) == every


def test_a_click_opens_the_schedule_for_the_composed_run_and_it_can_be_undone(page: Page):
    page.goto("/")
    before = composed(page)
    page.get_by_test_id("field-epochs").get_by_role("textbox").fill("8")
    page.wait_for_function(f"{COMPOSER}.exchange.state.composition.epochs === 8")
    expect(page).to_have_url(re.compile(r"schedule=1\."))
    page.get_by_role("link", name="Start from the gallery").click()
    card(page, "CosineAnnealingLR").click()
    opened = composed(page)
    assert opened.epochs == 8
    assert opened.schedule.scheduler.name == "CosineAnnealingLR"
    assert opened.schedule.scheduler.T_max == 8
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"{COMPOSER}.exchange.quiet && {COMPOSER}.exchange.state.composition.epochs === 8")
    assert composed(page).schedule == before.schedule
    page.get_by_role("button", name="Redo").click()
    page.wait_for_function(f"{COMPOSER}.exchange.state.composition.schedule.scheduler.name === 'CosineAnnealingLR'")


@pytest.mark.parametrize("title", ["Warm-up and cosine", "ResNet-50 on ImageNet", "ReduceLROnPlateau"])
def test_the_keyboard_opens_a_card(gallery: Page, title: str):
    field = gallery.get_by_role("searchbox", name=texts.CARDS["find"])
    field.fill(title)
    expect(card(gallery, title)).to_be_visible()
    field.focus()
    for _ in range(20):
        gallery.keyboard.press("Tab")
        if card(gallery, title).evaluate("(link) => link === document.activeElement"):
            break
    gallery.keyboard.press("Enter")
    composition = composed(gallery)
    assert from_link(card_link(gallery)) == composition
    if title in (preset.title for preset in PRESETS):
        assert composition == next(preset.composition for preset in PRESETS if preset.title == title)
    recipe = gallery.evaluate(f"{COMPOSER}.exchange.state.recipe?.name ?? null")
    assert recipe == ("warmup-cosine" if title == "Warm-up and cosine" else None)


def card_link(page: Page) -> str:
    """The schedule in the page's address, once it is there."""
    expect(page).to_have_url(re.compile(r"\?schedule=1\."))
    return page.url.partition("?schedule=")[2]


def test_a_card_opens_in_another_tab_too(gallery: Page):
    with gallery.context.expect_page() as opening:
        card(gallery, "OneCycleLR").click(modifiers=["ControlOrMeta"])
    assert composed(opening.value).schedule.scheduler.name == "OneCycleLR"
    assert gallery.url.endswith(places.GALLERY.stem)


def test_the_way_back_leads_to_the_gallery(gallery: Page):
    card(gallery, "StepLR").click()
    composed(gallery)
    gallery.get_by_test_id("field-scheduler.gamma").get_by_role("textbox").fill("0.3")
    gallery.wait_for_function(f"{COMPOSER}.exchange.state.composition.schedule.scheduler.gamma === 0.3")
    gallery.go_back()
    expect(card(gallery, "StepLR")).to_be_visible()
