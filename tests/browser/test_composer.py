"""The composer in a real Chromium: what is done to its controls by mouse and keys, undone, refused or answered late."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from lrlab.schedules import Composition

from .composing import ROOT, at_rest, choose, field, opened, scheduler, state, typed

LINE = f"{ROOT}.exchange.line"


def test_a_chart_that_is_not_shown_while_it_is_drawn(composer: Page, until: Callable[..., None]) -> None:
    """As when its page is left: it is drawn all the same and complains of nothing, which the fixture of `page` sees."""
    chart = composer.locator(".chart")
    before = int(chart.get_attribute("data-drawn") or 0)
    chart.evaluate("node => (node.style.display = 'none')")
    typed(composer, "epochs", "17")
    until(lambda: int(chart.get_attribute("data-drawn") or 0) > before)
    chart.evaluate("node => (node.style.display = '')")
    expect(chart).to_be_visible()


def test_a_slider_that_is_dragged_keeps_the_focus_and_is_one_edit(composer: Page):
    slider = field(composer, "scheduler.gamma").get_by_role("slider")
    box = slider.bounding_box()
    before = int(composer.locator(".chart").get_attribute("data-drawn"))
    middle = box["y"] + box["height"] / 2
    composer.mouse.move(box["x"] + box["width"] / 2, middle)
    composer.mouse.down()
    for step in range(30):
        composer.mouse.move(box["x"] + box["width"] * (0.5 + step / 70), middle)
    expect(slider).to_be_focused()
    composer.mouse.up()
    at_rest(composer)
    expect(slider).to_be_focused()
    assert scheduler(composer)["gamma"] > 0.85
    assert int(composer.locator(".chart").get_attribute("data-drawn")) > before
    composer.get_by_role("button", name="Undo").click()
    at_rest(composer)
    assert scheduler(composer)["gamma"] == 0.5
    expect(composer.get_by_role("button", name="Undo")).to_be_disabled()


def test_edits_are_undone_and_done_again_by_keys(composer: Page):
    slider = field(composer, "scheduler.step_size").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    at_rest(composer)
    slider.press("ArrowRight")
    at_rest(composer)
    choose(composer, "ExponentialLR")
    at_rest(composer)
    seen = []
    for keys in ["Control+z", "Control+z", "Control+z", "Control+y", "Control+Shift+z"]:
        composer.keyboard.press(keys)
        at_rest(composer)
        seen.append((scheduler(composer)["name"], scheduler(composer).get("step_size")))
    assert seen == [("StepLR", 7), ("StepLR", 6), ("StepLR", 5), ("StepLR", 6), ("StepLR", 7)]
    text = field(composer, "scheduler.gamma").get_by_role("textbox")
    text.fill("0.9")
    at_rest(composer)
    text.press("Control+z")  # its own: the page's edits stay
    assert scheduler(composer)["step_size"] == 7
    composer.get_by_role("button", name="Reset", exact=True).click()
    at_rest(composer)
    assert state(composer)["composition"] == Composition().model_dump(mode="json")


def test_keys_pressed_while_an_answer_is_on_its_way_all_count(composer: Page):
    slider = field(composer, "epochs").get_by_role("slider")
    slider.focus()
    for _ in range(25):
        slider.press("ArrowRight")
    at_rest(composer)
    assert state(composer)["composition"]["epochs"] == 45


def test_a_length_is_typed_in_any_unit(composer: Page):
    number = field(composer, "scheduler.step_size").get_by_role("textbox")
    for text, value, words in [
        ("25 %", 5, "5 epochs = 150 steps = 25 %"),
        ("300 steps", 10, "10 epochs = 300 steps = 50 %"),
        ("3 epochs", 3, "3 epochs = 90 steps = 15 %"),
        ("7", 7, "7 epochs = 210 steps = 35 %"),
    ]:
        number.fill(text)
        expect(field(composer, "scheduler.step_size")).to_contain_text(words)
        assert scheduler(composer)["step_size"] == value
        expect(number).to_have_value(text)  # nobody's typing is rewritten
        number.blur()
        expect(number).to_have_value(str(value))


def test_a_value_that_is_refused_stays_with_its_reason_and_hinders_nothing_else(composer: Page):
    typed(composer, "scheduler.gamma", "-1")
    expect(field(composer, "scheduler.gamma").get_by_role("alert")).to_contain_text("at least 0")
    expect(composer.get_by_role("button", name="Train with this")).to_be_disabled()
    slider = field(composer, "scheduler.step_size").get_by_role("slider")
    slider.press("ArrowRight")
    at_rest(composer)
    assert (scheduler(composer)["step_size"], scheduler(composer)["gamma"]) == (6, 0.5)
    expect(field(composer, "scheduler.gamma").get_by_role("alert")).to_be_visible()
    expect(field(composer, "scheduler.gamma").get_by_role("textbox")).to_have_value("-1")
    composer.get_by_test_id("scheduler").select_option("CosineAnnealingLR")
    expect(field(composer, "scheduler.T_max")).to_be_visible()
    expect(composer.get_by_role("button", name="Train with this")).to_be_enabled()
    typed(composer, "scheduler.eta_min", "nothing")
    expect(field(composer, "scheduler.eta_min").get_by_role("alert")).to_contain_text("a number, such as")
    typed(composer, "scheduler.eta_min", "1e-4")
    expect(field(composer, "scheduler.eta_min").get_by_role("alert")).to_be_hidden()
    assert scheduler(composer)["eta_min"] == 1e-4


def test_a_check_is_repaired_by_one_click(composer: Page):
    typed(composer, "scheduler.step_size", "20")
    check = composer.get_by_test_id("checks").get_by_role("listitem").first
    expect(check).to_contain_text("never")
    check.get_by_role("button").click()
    expect(composer.get_by_test_id("checks").locator("[data-check=step-never-decays]")).to_have_count(0)
    assert scheduler(composer)["step_size"] < 20
    composer.get_by_role("button", name="Undo").click()
    at_rest(composer)
    assert scheduler(composer)["step_size"] == 20


@pytest.mark.parametrize("way", ["socket", "POST"])
def test_an_answer_never_overtakes_what_was_done_after_it(page: Page, until: Callable[..., None], way: str):
    """The first answer is held back while more is done; then one request more carries all of it."""
    asked: list[dict] = []
    held: list[Callable[[], None]] = []

    def ask(question: str | bytes | None, go_on: Callable[[], None]) -> None:
        asked.append(json.loads(question or ""))
        if len(asked) == 1:
            held.append(go_on)
        else:
            go_on()

    def between(socket: WebSocketRoute) -> None:
        if way == "POST":
            socket.close()
        else:
            server = socket.connect_to_server()
            socket.on_message(lambda message: ask(message, lambda: server.send(message)))

    page.route_web_socket("**/api/curve", between)
    page.route("**/api/curve", lambda route: ask(route.request.post_data, route.continue_))
    composer = opened(page)
    composer.wait_for_function(
        f"(({LINE}.socket?.readyState ?? null) === WebSocket.OPEN) === {json.dumps(way == 'socket')}"
    )
    composer.evaluate(f"{LINE}.silence = 600000")
    slider = field(composer, "scheduler.step_size").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    until(lambda: composer.evaluate("1") and len(held) == 1)
    for _ in range(4):
        slider.press("ArrowRight")
    composer.get_by_role("button", name="log").click()
    assert len(asked) == 1
    held[0]()
    at_rest(composer)
    assert [len(request["changes"]) for request in asked] == [1, 2]
    assert scheduler(composer)["step_size"] == 10
    assert state(composer)["log"] is True


def test_with_the_server_away_it_says_so_and_recovers_by_itself(page: Page):
    gone: list[bool] = []

    def between(socket: WebSocketRoute) -> None:
        if gone:
            socket.close()
        else:
            server = socket.connect_to_server()
            socket.on_message(lambda message: socket.close() if gone else server.send(message))

    page.route_web_socket("**/api/curve", between)
    page.route("**/api/curve", lambda route: route.abort() if gone else route.continue_())
    composer = opened(page)
    gone.append(True)
    typed(composer, "scheduler.gamma", "0.3")
    away = composer.get_by_text("The server does not answer")
    expect(away).to_be_visible()
    typed(composer, "scheduler.gamma", "0.25")
    composer.get_by_test_id("scheduler").select_option("ExponentialLR")
    gone.clear()
    expect(away).to_be_hidden()
    expect(field(composer, "scheduler.step_size")).to_have_count(0)
    assert scheduler(composer)["name"] == "ExponentialLR"
    composer.get_by_role("button", name="Undo").click()
    at_rest(composer)
    assert scheduler(composer)["name"] == "StepLR"


def test_every_control_has_a_name_and_an_id_of_its_own(composer: Page):
    composer.get_by_text("Parameter groups").click()
    composer.get_by_role("button", name="Add a group").click()
    controls = ".lrlab-plot :is(input, select, button, summary)"
    for name in ["StepLR", "OneCycleLR", "SequentialLR", "ReduceLROnPlateau", "LambdaLR"]:
        choose(composer, name)
        nameless = composer.evaluate(
            """(controls) => [...document.querySelectorAll(controls)].filter((node) => {
                const labels = [...(node.labels ?? [])].map((label) => label.textContent).join('');
                const words = node.matches('button, summary') ? node.textContent : labels;
                return !(node.getAttribute('aria-label') || words.trim() || node.closest('.chart')
                    || node.offsetParent === null);
            }).map((node) => node.outerHTML)""",
            controls,
        )
        assert nameless == [], name
        twice = composer.evaluate(
            """() => {
                const ids = [...document.querySelectorAll('.lrlab-plot [id^=lrlab]')].map((node) => node.id);
                return ids.filter((id, place) => ids.indexOf(id) !== place);
            }"""
        )
        assert twice == [], name


def test_the_keyboard_reaches_every_control_in_order(composer: Page):
    composer.get_by_test_id("scheduler").focus()
    reached = []
    for _ in range(4):
        composer.keyboard.press("Tab")
        reached.append(
            composer.evaluate("[document.activeElement.closest('.field').dataset.testid, document.activeElement.type]")
        )
    assert reached == [
        ["field-scheduler.step_size", "range"],
        ["field-scheduler.step_size", "text"],
        ["field-scheduler.gamma", "range"],
        ["field-scheduler.gamma", "text"],
    ]
