"""Live runs in a real Chromium: the charts keep node and zoom while rows arrive, and the strip says what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import Beat, DatasetFacts, Run, create_run, delete_run, lr_requests, stop_requested, update
from lrlab.ui import texts

LIVE, COMPARE = texts.LIVE, texts.COMPARE
Until = Callable[[Callable[[], object]], None]

LAYOUT = "() => document.querySelector('.stage .chart').layout"
RANGES = "() => ['xaxis', 'yaxis'].map((axis) => document.querySelector('.stage .chart').layout[axis].range)"


@pytest.fixture
def home(server) -> Home:
    """The server's lab, so that runs started by hand are seen in the browser."""
    return server.home


def watch(page: Page, run: Run) -> Locator:
    """Opens the run on the Train page and waits for its charts."""
    page.goto(f"/train?run={run.id}")
    chart = page.locator(".stage .chart")
    expect(chart).to_have_attribute("data-drawn", "1")
    return chart


def count(chart: Locator) -> int:
    return int(chart.get_attribute("data-drawn") or 0)


def zoom(page: Page, chart: Locator) -> list[list[float]]:
    """Draws a box in the loss chart; the ranges after it."""
    box = chart.bounding_box()
    assert box
    before = page.evaluate(RANGES)
    page.mouse.move(box["x"] + 150, box["y"] + 55)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 95, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name=LIVE["whole"])).to_be_visible()
    after = page.evaluate(RANGES)
    assert after[0] != before[0] and after[1] != before[1]
    return after


def test_node_and_zoom_are_kept_while_rows_arrive_and_when_the_run_ends(page: Page, start_run, until: Until):
    worker = start_run(name="zoomed", epochs=8).train(12)
    chart = watch(page, worker.run)
    page.evaluate("() => { window.node = document.querySelector('.stage .chart .main-svg').closest('.chart'); }")
    zoomed = zoom(page, chart)
    for rows in (5, 9):
        drawn = count(chart)
        worker.train(rows)
        until(lambda drawn=drawn: count(chart) > drawn)
        assert page.evaluate(RANGES) == zoomed
    worker.end("cancelled")
    expect(page.locator(".strip .state")).to_have_text("cancelled")
    until(lambda: page.evaluate("() => document.querySelector('.chart').data.length") > 0)
    assert page.evaluate(RANGES) == zoomed
    assert page.evaluate("() => document.querySelector('.stage .chart') === window.node && node.isConnected")

    page.get_by_role("button", name=LIVE["whole"]).click()
    until(lambda: page.evaluate(RANGES)[0] == pytest.approx([0, 26 / 5 * 1.015]))
    expect(page.get_by_role("button", name=LIVE["whole"])).to_be_hidden()


def test_a_double_click_shows_all_again(page: Page, start_run, until: Until):
    chart = watch(page, start_run(epochs=4).train().end())
    whole = page.evaluate(RANGES)
    zoom(page, chart)
    chart.locator(".nsewdrag").first.dblclick(position={"x": 300, "y": 40}, force=True)
    until(lambda: page.evaluate(RANGES) == whole)


def test_the_axes_are_chosen_without_a_reload_and_the_choice_stays(page: Page, start_run, until: Until):
    run = start_run(epochs=4).train().end()
    watch(page, run)
    page.evaluate("() => { window.stays = true; }")
    page.get_by_test_id("live-x").get_by_role("button", name=LIVE["seconds"]).click()
    until(lambda: "seconds" in page.evaluate(LAYOUT)["xaxis"]["title"]["text"])
    page.get_by_test_id("live-log").get_by_role("button", name=LIVE["log"]).click()
    until(lambda: page.evaluate(LAYOUT)["yaxis3"].get("type") == "log")
    assert page.evaluate("() => window.stays")
    page.goto(f"/train?run={run.id}")
    chosen = page.get_by_test_id("live-x").get_by_role("button", name=LIVE["seconds"])
    expect(chosen).to_have_attribute("aria-pressed", "true")


def test_the_strip_tells_a_run_from_the_queue_to_the_stop(page: Page, home, until: Until):
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
    run = create_run(home, Experiment(dataset="coffee", name="told"), dataset=facts, steps_per_epoch=5)
    page.goto(f"/train?run={run.id}")
    waiting = page.locator(".stage .waiting")
    expect(waiting).to_contain_text("Waiting in the queue")
    Beat(run).say("decoding images", 320, 1262)
    expect(waiting).to_contain_text("Decoding images 320 of 1,262")
    expect(page.locator(".stage .chart")).to_be_hidden()
    update(run, state="failed", cause="out of memory", advice="take a smaller batch")
    expect(waiting).to_contain_text("Out of memory")
    expect(waiting).to_contain_text("Take a smaller batch")
    expect(page.get_by_role("button", name=LIVE["stop"])).to_be_hidden()


def test_stop_asks_nothing_and_says_that_it_is_stopping(page: Page, start_run, until: Until):
    worker = start_run(epochs=8).train(12)
    watch(page, worker.run)
    expect(page.locator(".strip .progress")).to_have_text("epoch 3 of 8 · step 12 of 40")
    page.get_by_role("button", name=LIVE["stop"], exact=True).click()
    expect(page.get_by_role("button", name=LIVE["stopping"])).to_be_disabled()
    until(lambda: stop_requested(worker.run))
    worker.end("cancelled")
    expect(page.locator(".strip .state")).to_have_text("cancelled")
    with page.expect_download() as download:
        page.get_by_role("link", name=LIVE["best_model"]).click()
    assert download.value.suggested_filename.endswith("-best.safetensors")


def test_after_a_failure_the_charts_stay_and_the_cause_is_told(page: Page, start_run):
    run = start_run(epochs=8).train(12).train(3, loss=float("nan")).end("failed", cause="the loss is not a number")
    watch(page, run)
    expect(page.locator(".strip .trouble")).to_contain_text("The loss is not a number")


def test_a_lost_connection_is_told_and_comes_back_by_itself(page: Page, start_run, until: Until):
    worker = start_run(epochs=8).train(12)
    page.route("**/api/live*", lambda route: route.abort())
    page.goto(f"/train?run={worker.run.id}")
    expect(page.locator(".stage .lost")).to_have_text(LIVE["lost"])
    page.unroute("**/api/live*")
    expect(page.locator(".stage .chart")).to_have_attribute("data-drawn", "1")
    expect(page.locator(".stage .lost")).to_be_hidden()


def test_names_are_text_wherever_they_are_shown(page: Page, start_run):
    names = ["<img src=x onerror=alert(1)>", '<a href="javascript:alert(1)">y</a>', "[x](http://e.example)"]
    runs = [start_run(name=name, epochs=4).train().end() for name in names]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("a script ran"))
    page.goto(f"/compare?runs={','.join(run.id for run in runs)}")
    chart = page.locator(".stage .chart")
    expect(chart).to_have_attribute("data-drawn", "1")
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + 400, box["y"] + 60)
    for name in names:
        expect(page.locator(".stage .hoverlayer .legend")).to_contain_text(name[:20])
    expect(page.locator(".strip .name")).to_have_text(names)
    shown_as_markup = ".stage a, .strip img, .strip .name a, .lrlab-headline a, .lrlab-headline img"
    assert page.locator(shown_as_markup).count() == 0
    page.goto(f"/train?run={runs[0].id}")
    expect(page.locator(".lrlab-run-list .name").first).to_have_text(names[-1])
    assert page.locator(".lrlab-run-list img, .strip img").count() == 0
    assert not [url for url in asked if "127.0.0.1" not in url and not url.startswith(("data:", "blob:"))]


def test_a_run_is_opened_from_the_list(page: Page, start_run, until: Until):
    one, other = (start_run(name=name, epochs=4).train().end() for name in ("first one", "second one"))
    watch(page, other)
    page.locator(".lrlab-run-list").get_by_text("first one").click()
    expect(page.locator(".strip .name")).to_have_text("first one")
    assert one.id in page.url


def test_dialogs_of_compare_say_why_and_outlive_the_tables_refreshes(page: Page, start_run, home, until: Until):
    ended = start_run(name="ended", epochs=4).train().end()
    at_work = start_run(name="at work", epochs=8).train(3)
    page.goto(f"/compare?runs={at_work.run.id}")
    page.get_by_role("button", name=COMPARE["delete"], exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=COMPARE["delete_yes"]).click()
    expect(dialog).to_contain_text("stop it first")
    # The table is asked for anew every few seconds while a run is at work; its headline follows the run.
    worker_done = at_work.train(10)
    expect(page.locator(".lrlab-headline")).to_contain_text("75.0")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name=COMPARE["cancel"]).click()
    expect(dialog).to_be_hidden()
    worker_done.end()

    page.goto(f"/compare?runs={ended.id}")
    page.get_by_role("button", name=COMPARE["rename"]).click()
    dialog.get_by_label(COMPARE["new_name"]).fill("renamed")
    dialog.get_by_role("button", name=COMPARE["save"]).click()
    expect(dialog).to_be_hidden()
    until(lambda: ended.record.name == "renamed")


def test_rows_of_the_table_are_selected_by_a_click(page: Page, start_run, until: Until):
    runs: list[Any] = [start_run(name=f"run {number}", epochs=2).train().end() for number in range(3)]
    page.goto(f"/compare?runs={runs[2].id},{runs[1].id}")
    expect(page.locator(".strip")).to_have_count(2)
    table = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(table["x"] + 17, table["y"] + 35 * 3.5)  # the third row: run 0
    expect(page.locator(".strip")).to_have_count(3)
    assert runs[0].id in page.url


def test_the_hand_on_the_lr_moves_nothing_and_what_was_asked_is_told(page: Page, start_run, until: Until):
    worker = start_run(epochs=8, optimizer={"name": "SGD", "lr": 0.1}).train(12)
    watch(page, worker.run)
    hand, stage = page.locator(".strip .hand"), page.locator(".stage")
    expect(hand.locator(".value")).to_have_text("0.1")
    before = stage.bounding_box()
    hand.get_by_role("button", name=LIVE["halve"]).click()
    expect(hand.locator(".sentence")).to_have_text("Asked for: x 0.5, 0.05, from the next update on.")
    hand.get_by_label(LIVE["lr_wanted"]).fill("abc")
    hand.get_by_role("button", name=LIVE["set"], exact=True).click()
    expect(hand.locator(".sentence")).to_contain_text("got 'abc', allowed: a number")
    worker.train(1)
    expect(hand.get_by_label(LIVE["lr_wanted"])).to_have_value("abc")  # news does not take away what is typed
    assert stage.bounding_box() == before
    assert [request.factor for _, request in lr_requests(worker.run)] == [0.5]
    worker.end("cancelled")
    expect(hand).to_contain_text("Goes on at update 13 of")


def test_an_advice_opens_the_form_with_its_one_change(page: Page, start_run):
    run = start_run(epochs=8, optimizer={"name": "SGD", "lr": 0.1}).train(6).train(1, loss=float("nan")).end("failed")
    watch(page, run)
    page.locator(".aside").get_by_role("button", name="Try an LR of 0.01").click()
    expect(page).to_have_url(re.compile("new=1"))


def test_an_advice_on_compare_opens_the_form_too(page: Page, start_run):
    run = start_run(epochs=8, optimizer={"name": "SGD", "lr": 0.1}).train(6).train(1, loss=float("nan")).end("failed")
    page.goto(f"/compare?runs={run.id}")
    page.locator(".aside").get_by_role("button", name="Try an LR of 0.01").click()
    expect(page).to_have_url(re.compile("/train.*new=1"))


def test_a_name_on_compare_leads_to_the_run_and_the_run_back(page: Page, start_run):
    runs: list[Any] = [start_run(name=f"led to {number}", epochs=2).train().end() for number in range(2)]
    page.goto(f"/compare?runs={runs[0].id},{runs[1].id}")
    page.locator(".strip").get_by_role("link", name="led to 0").click()
    expect(page).to_have_url(re.compile(f"/train.*run={runs[0].id}"))
    expect(page.locator(".strip .name")).to_have_text("led to 0")
    page.get_by_role("link", name=texts.TRAIN["compare"]).click()
    expect(page).to_have_url(re.compile(f"/compare.*runs={runs[0].id}"))
    expect(page.locator(".strip .name")).to_have_text("led to 0")


def test_compare_goes_on_without_a_run_that_is_deleted_elsewhere(page: Page, start_run):
    gone = start_run(name="soon gone", epochs=2).train().end()
    other = start_run(name="stays", epochs=4).train(7)
    page.goto(f"/compare?runs={gone.id}")
    expect(page.locator(".lrlab-headline")).to_contain_text("soon gone")
    delete_run(gone)
    expect(page.get_by_text(COMPARE["choose"])).to_be_visible()
    expect(page.locator(".lrlab-headline")).to_have_text("")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    other.end("cancelled")


@pytest.mark.parametrize(("status", "signs_in"), [(401, 1), (403, 0), (429, 0)])
def test_a_refusal_ends_the_asking_and_is_told(page: Page, start_run, status: int, signs_in: int):
    run = start_run(epochs=2).train().end()
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.resource_type)
        route.fulfill(status=status, json={"error": "the reason of the server", "field": None})

    page.route("**/api/live*", refuse)
    page.goto(f"/train?run={run.id}")
    waiting = page.locator(".stage .waiting")
    expect(waiting).to_contain_text("The reason of the server")
    assert asked == ["eventsource", "fetch"]
    expect(page.locator(".stage .lost")).to_be_hidden()
    again = waiting.get_by_role("button", name=LIVE["sign_in"])
    expect(again).to_have_count(signs_in)
    page.unroute("**/api/live*")
    if signs_in:
        again.click()
        expect(page.locator(".stage .chart")).to_have_attribute("data-drawn", "1")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": "<html>"},
        {"status": 404, "json": {"detail": "Not Found"}},
        {"status": 403, "json": {"error": {"code": 403}}},
        {"status": 403, "json": None},
        {"status": 503, "json": {"error": "busy"}},
    ],
)
def test_what_a_proxy_answers_for_a_server_that_starts_is_no_refusal(page: Page, start_run, answer: dict[str, Any]):
    run = start_run(epochs=2).train().end()
    page.route("**/api/live*", lambda route: route.fulfill(**answer))
    with page.expect_response(lambda asked: "/api/live" in asked.url and asked.request.resource_type == "fetch"):
        page.goto(f"/train?run={run.id}")
    expect(page.locator(".stage .lost")).to_have_text(LIVE["lost"])
    page.unroute("**/api/live*")
    expect(page.locator(".stage .chart")).to_have_attribute("data-drawn", "1")


def test_a_chart_library_that_does_not_load_is_told_and_tried_again(page: Page, start_run):
    run = start_run(epochs=2).train().end()
    page.route("**/api/plotly.js*", lambda route: route.abort())
    page.goto(f"/train?run={run.id}")
    waiting = page.locator(".stage .waiting")
    expect(waiting).to_contain_text("The chart library could not be loaded from the server")
    page.unroute("**/api/plotly.js*")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # the tab is looked at again
    expect(page.locator(".stage .chart")).to_have_attribute("data-drawn", "1")
    expect(waiting).to_be_hidden()


def test_a_clipped_gradient_has_its_chart_and_its_entry_in_the_key(page: Page, start_run):
    run = start_run(epochs=4, clip={"by": "norm", "limit": 1.0}).train().end()
    watch(page, run)
    assert page.evaluate(LAYOUT)["yaxis4"]["type"] == "log"
    assert page.locator(".live.four").count() == 1
