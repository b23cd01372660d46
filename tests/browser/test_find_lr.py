"""A search for an LR in a real Chromium: started, watched to its end, and its suggestion trained with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lrlab.datasets import SAMPLE_NAME, Sample, add_dataset
from lrlab.home import Home
from lrlab.runs import list_runs
from lrlab.runs.finder import findings
from lrlab.ui import find_lr_texts as texts


@pytest.fixture(scope="module", autouse=True)
def _a_worker_is_kept_warm() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRLAB_IDLE_SECONDS", "60")
        yield


@pytest.fixture
def home(server) -> Home:
    """The server's lab, so that searches started by hand are seen in the browser."""
    return server.home


def test_from_a_search_to_a_run_with_its_lr(page: Page, server, until):
    add_dataset(server.home, Sample(), SAMPLE_NAME)
    page.goto("/")
    page.get_by_role("link", name="Find LR").click()
    page.get_by_role("spinbutton", name="Image size").fill("32")
    page.get_by_role("spinbutton", name="Image size").press("Enter")
    page.get_by_role("button", name=texts.PAGE["start"]).click()

    # The chart is drawn while the LR grows, in the very node that shows the suggestions in the end.
    chart = page.locator(".finder .chart[data-drawn]")
    expect(chart).to_be_visible()
    chart.evaluate("node => { node.watched = true }")
    expect(page.locator(".finder .strip .state")).to_have_text("succeeded")
    expect(page.get_by_text(texts.PAGE["suggestions"])).to_be_visible()
    assert chart.evaluate("node => node.watched")
    (search,) = list_runs(server.home, kind="find_lr")
    found = findings(search.record.finder, search.steps)
    assert found.best, found.reason
    names = page.evaluate(
        "() => document.querySelector('.finder .chart').layout.annotations.map((note) => note.text).join(' ')"
    )
    assert all(one.title in names for one in found.suggestions if one.lr)

    # A click on the curve is an LR of one's own.
    box = page.locator(".finder .chart .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    field = page.get_by_role("textbox", name=texts.PAGE["own_lr"], exact=True)
    expect(field).to_be_visible()
    middle = (search.record.finder.lowest * search.record.finder.highest) ** 0.5
    assert 0.7 * middle < float(field.input_value()) < 1.4 * middle

    # The valley goes into the schedule with one click, and the Train form trains with it.
    page.get_by_text(f"{found.best.title}:").click()
    expect(field).to_be_hidden()
    page.get_by_role("button", name=texts.PAGE["train"]).click()
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    rate = page.get_by_role("textbox", name="LR", exact=True)
    expect(rate).to_be_visible()
    until(lambda: float(rate.input_value()) == float(f"{found.best.lr:.3g}"))
    expect(page.get_by_role("spinbutton", name="Image size")).to_have_value("32")


def test_a_chart_library_that_does_not_load_is_told_and_tried_again(page: Page, server, start_search):
    run = start_search().search().end()
    page.route("**/api/plotly.js*", lambda route: route.abort())
    page.goto(f"/find_lr?run={run.id}")
    waiting = page.locator(".finder .waiting")
    expect(waiting).to_contain_text("The chart library could not be loaded from the server")
    page.unroute("**/api/plotly.js*")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # the tab is looked at again
    expect(page.locator(".finder .chart")).to_have_attribute("data-drawn", "1")
    expect(waiting).to_be_hidden()
