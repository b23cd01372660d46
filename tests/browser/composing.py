"""The composer as its tests handle it: its fields, its chart's state, and the wait until both are at rest."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

ROOT = "document.querySelector('.lrlab-plot').lrlabInstance"


def opened(page: Page) -> Page:
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    return page


def state(page: Page) -> dict:
    """The state of the last answer."""
    return page.evaluate(f"{ROOT}.exchange.state")


def scheduler(page: Page) -> dict:
    return state(page)["composition"]["schedule"]["scheduler"]


def at_rest(page: Page) -> None:
    """Waits until everything that was done has been answered and is an edit that can be undone."""
    page.wait_for_function(
        f"{ROOT}.exchange.quiet && JSON.stringify({ROOT}.history.now.composition) === "
        f"JSON.stringify({ROOT}.exchange.state.composition)"
    )


def field(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"field-{name}")


def typed(page: Page, name: str, text: str) -> None:
    field(page, name).get_by_role("textbox").fill(text)


def choose(page: Page, name: str) -> None:
    page.get_by_test_id("scheduler").select_option(name)
    page.wait_for_function(
        f"{ROOT}.exchange.quiet && {ROOT}.exchange.state.composition.schedule.scheduler.name === '{name}'"
    )
