"""Buttons before answers that are not lrlab's own, such as a proxy's page: it is said, and they can be pressed anew."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lrlab.home import Home
from lrlab.runs import stop_requested
from lrlab.ui import find_lr_texts, texts

LIVE = texts.LIVE

ANSWERS = [
    {"status": 502, "content_type": "text/html", "body": "<html><h1>502 Bad Gateway</h1>"},
    {"status": 500, "content_type": "text/plain", "body": "Internal Server Error"},
    {"status": 403, "json": {"detail": "Forbidden"}},
]


@pytest.fixture
def home(server) -> Home:
    """The server's lab, so that runs started by hand are seen in the browser."""
    return server.home


def said(answer: dict[str, Any]) -> str:
    return LIVE["broken"].format(status=answer["status"])


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_run_that_could_not_be_resumed(page: Page, start_run, answer: dict[str, Any]):
    run = start_run(epochs=8).train(12).end("cancelled")
    for path in ("resume", "ahead*"):
        page.route(f"**/api/runs/*/{path}", lambda route: route.fulfill(**answer))
    with page.expect_response("**/ahead*"):
        page.goto(f"/train?run={run.id}")
    hand = page.locator(".strip .hand")
    button = hand.get_by_role("button", name=LIVE["retry"])
    button.click()
    expect(hand.locator(".sentence")).to_have_text(said(answer))
    expect(button).to_be_enabled()
    page.unroute("**/api/runs/*/resume")
    button.click()
    expect(hand.locator(".sentence")).to_contain_text("'coffee' was deleted")


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_lr_that_could_not_be_set(page: Page, start_run, answer: dict[str, Any]):
    worker = start_run(epochs=8, optimizer={"name": "SGD", "lr": 0.1}).train(12)
    page.route("**/api/runs/*/lr", lambda route: route.fulfill(**answer))
    page.goto(f"/train?run={worker.run.id}")
    hand = page.locator(".strip .hand")
    hand.get_by_role("button", name=LIVE["halve"]).click()
    expect(hand.locator(".sentence")).to_have_text(said(answer))
    page.unroute("**/api/runs/*/lr")
    hand.get_by_role("button", name=LIVE["halve"]).click()
    expect(hand.locator(".sentence")).to_contain_text("Asked for: x 0.5")
    worker.end("cancelled")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_run_that_could_not_be_stopped(page: Page, start_run, until, answer: dict[str, Any]):
    worker = start_run(epochs=8).train(12)
    page.route("**/api/runs/*/stop", lambda route: route.fulfill(**answer))
    page.goto(f"/train?run={worker.run.id}")
    button = page.get_by_role("button", name=LIVE["stop"], exact=True)
    button.click()
    expect(page.locator(".strip .trouble")).to_contain_text(said(answer))
    expect(button).to_be_enabled()
    page.unroute("**/api/runs/*/stop")
    button.click()
    until(lambda: stop_requested(worker.run))
    worker.end("cancelled")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_search_that_could_not_be_stopped(page: Page, start_search, until, answer: dict[str, Any]):
    worker = start_search().search(40)
    page.route("**/api/runs/*/stop", lambda route: route.fulfill(**answer))
    page.goto(f"/find_lr?run={worker.run.id}")
    button = page.locator(".finder").get_by_role("button", name=find_lr_texts.CHART["stop"], exact=True)
    button.click()
    expect(page.locator(".finder .trouble")).to_contain_text(said(answer))
    expect(button).to_be_enabled()
    page.unroute("**/api/runs/*/stop")
    button.click()
    until(lambda: stop_requested(worker.run))
    worker.end("cancelled")
