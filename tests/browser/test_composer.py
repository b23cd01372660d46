"""The composer in a real Chromium: what is done to its controls, and the curve that is drawn for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from lrlab.experiments import Experiment
from lrlab.process import identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, delete_run, open_log, update
from lrlab.schedules import Composition

ROOT = "document.querySelector('.lrlab-plot').lrlabInstance"
LINE = f"{ROOT}.exchange.line"


@pytest.fixture
def composer(page: Page) -> Page:
    """The Schedule page, its first curve drawn."""
    return opened(page)


def opened(page: Page) -> Page:
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    return page


def state(page: Page) -> dict:
    """The state of the last answer."""
    return page.evaluate(f"{ROOT}.exchange.state")


def scheduler(page: Page) -> dict:
    return state(page)["composition"]["schedule"]["scheduler"]


def logged_run(server, losses: tuple[float, ...]) -> Run:
    """A run that has logged these validation losses, one an epoch of four updates, at LR 0.02."""
    facts = DatasetFacts(id="d8h4", name="coffee", classes=("Dark", "Light"), train=120, val=30, test=0)
    optimizer = {"name": "Adam", "lr": 0.02}
    experiment = Experiment.model_validate({"dataset": "coffee", "epochs": len(losses), "optimizer": optimizer})
    run = create_run(server.home, experiment, dataset=facts, steps_per_epoch=4)
    attempt = Attempt(number=1, first_step=0, started=0.0, identity=identity(), host="here", device="CPU")
    update(run, attempts=(attempt,), state="succeeded", ended=1.0)
    with open_log(run, 1) as log:
        for epoch, loss in enumerate(losses):
            log.epoch(
                epoch=epoch, step=4 * epoch + 3, time=1.0 + epoch, lr=0.02, train_loss=1.0, train_accuracy=0.5,
                val_loss=loss, val_accuracy=0.5, images_per_second=80.0, seconds=1.0,
            )  # fmt: skip
    return run


def at_rest(page: Page) -> None:
    """Waits until everything that was done has been answered and is an edit that can be undone."""
    page.wait_for_function(
        f"{ROOT}.exchange.quiet && JSON.stringify({ROOT}.history.now.composition) === "
        f"JSON.stringify({ROOT}.exchange.state.composition)"
    )


def field(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"field-{name}")


def test_a_chart_that_is_not_shown_while_it_is_drawn(composer: Page, until: Callable[..., None]) -> None:
    """As when its page is left: it is drawn all the same and complains of nothing, which the fixture of `page` sees."""
    chart = composer.locator(".chart")
    before = int(chart.get_attribute("data-drawn") or 0)
    chart.evaluate("node => (node.style.display = 'none')")
    typed(composer, "epochs", "17")
    until(lambda: int(chart.get_attribute("data-drawn") or 0) > before)
    chart.evaluate("node => (node.style.display = '')")
    expect(chart).to_be_visible()


def typed(page: Page, name: str, text: str) -> None:
    field(page, name).get_by_role("textbox").fill(text)


def choose(page: Page, name: str) -> None:
    page.get_by_test_id("scheduler").select_option(name)
    page.wait_for_function(
        f"{ROOT}.exchange.quiet && {ROOT}.exchange.state.composition.schedule.scheduler.name === '{name}'"
    )


def drawn(page: Page, name: str | None = None) -> tuple[list[float], list[float]]:
    """Places and LRs of the line of the composed schedule, or of the line `name`."""
    page.wait_for_function(f"{ROOT}.exchange.quiet && !{ROOT}.chart.busy")
    x, y = page.evaluate(
        """(name) => {
            const lines = document.querySelector('.chart')._fullData
                .filter((trace) => trace.yaxis === 'y' && trace.mode === 'lines');
            const line = name === null ? lines[lines.length - 1] : lines.find((trace) => trace.name === name);
            return [Array.from(line.x), Array.from(line.y)];
        }""",
        name,
    )
    assert len(x) == len(y) > 2
    return x, y


def test_a_warm_up_and_a_cosine_are_put_together_from_phases(composer: Page):
    choose(composer, "SequentialLR")
    phases = composer.get_by_role("region", name=re.compile("Phase"))
    expect(phases).to_have_count(2)
    phases.first.get_by_test_id("phase-scheduler").select_option("LinearLR")
    typed(composer, "scheduler.schedulers.0.start_factor", "0.1")
    typed(composer, "scheduler.schedulers.0.end_factor", "1")
    typed(composer, "scheduler.schedulers.0.total_iters", "15 %")
    typed(composer, "scheduler.milestones.0", "90 steps")
    typed(composer, "scheduler.schedulers.1.T_max", "17 epochs")
    typed(composer, "scheduler.schedulers.1.eta_min", "0")
    at_rest(composer)
    wanted = {
        "name": "SequentialLR",
        "milestones": [3],
        "schedulers": [
            {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3},
            {"name": "CosineAnnealingLR", "T_max": 17, "eta_min": 0.0},
        ],
    }
    assert scheduler(composer) == wanted
    lr = Composition.model_validate({"schedule": {"scheduler": wanted}}).curve().lr
    x, y = drawn(composer)
    updates = np.round(np.array(x[:-1]) * 30).astype(int)
    assert y[:-1] == pytest.approx(lr[updates], rel=1e-6)


def test_phases_are_added_moved_and_taken_out_again(composer: Page):
    choose(composer, "SequentialLR")
    composer.get_by_role("button", name="Add a phase").click()
    phases = composer.get_by_role("region", name=re.compile("Phase"))
    expect(phases).to_have_count(3)
    expect(phases.nth(2).get_by_test_id("phase-scheduler")).to_be_focused()
    phases.nth(2).get_by_test_id("phase-scheduler").select_option("LinearLR")
    expect(phases.nth(2)).to_have_accessible_name("Phase 3: LinearLR")
    phases.nth(2).get_by_role("button", name="Move up").click()
    expect(phases.nth(1)).to_have_accessible_name("Phase 2: LinearLR")
    expect(phases.nth(1).get_by_role("button", name="Move up")).to_be_focused()
    composer.keyboard.press("Enter")
    expect(phases.nth(0)).to_have_accessible_name("Phase 1: LinearLR")
    for _ in range(2):
        phases.nth(1).get_by_role("button", name="Remove").click()
        at_rest(composer)
    expect(phases).to_have_count(1)
    composer.get_by_role("button", name="Take out").click()
    at_rest(composer)
    assert scheduler(composer)["name"] == "LinearLR"


def test_only_what_torch_accepts_can_be_chosen_in_a_place(composer: Page):
    choose(composer, "SequentialLR")
    first, second = composer.get_by_test_id("phase-scheduler").all()
    for select, name, disabled in [
        (first, "SequentialLR", False),
        (second, "SequentialLR", True),
        (second, "ChainedScheduler", True),
        (first, "ReduceLROnPlateau", True),
        (second, "CyclicLR", False),
    ]:
        assert select.locator(f"option[value={name}]").is_disabled() == disabled, name
    first.select_option("ChainedScheduler")
    inner = composer.get_by_role("region", name="Phase 1").get_by_role("region", name=re.compile("Scheduler"))
    expect(inner).to_have_count(2)


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


def test_points_are_drawn_by_hand(composer: Page):
    choose(composer, "LambdaLR")
    composer.get_by_role("button", name="Points drawn by hand").click()
    grid = composer.get_by_role("table", name="Points of the curve")
    rows = grid.locator("tbody tr")
    expect(rows).to_have_count(6)
    for _ in range(4):
        rows.nth(1).get_by_role("button", name="Remove").click()
        at_rest(composer)
    expect(rows).to_have_count(2)
    for row, (call, lr) in enumerate([("0", "0.002"), ("50 %", "1e-3")]):
        rows.nth(row).get_by_role("textbox").first.fill(call)
        rows.nth(row).get_by_role("textbox").last.fill(lr)
    at_rest(composer)
    assert scheduler(composer)["table"]["points"] == [[0.0, 2.0], [10.0, 1.0]]
    x, y = drawn(composer)
    assert y[x.index(5.0)] == pytest.approx(0.0015, rel=1e-6)
    rows.nth(0).get_by_role("button", name="Add a point").click()
    expect(rows.nth(1).get_by_role("textbox").first).to_be_focused()
    expect(rows.nth(1).get_by_role("textbox").first).to_have_value("5")
    rows.nth(1).get_by_role("textbox").first.fill("12")
    expect(composer.locator(".field.points")).to_contain_text("allowed: each call after the one before it")


def test_every_group_is_drawn(composer: Page):
    composer.get_by_text("Parameter groups").click()
    composer.get_by_role("button", name="Add a group").click()
    expect(field(composer, "groups.1.name").get_by_role("textbox")).to_be_focused()
    typed(composer, "groups.1.name", "stem <b>")
    typed(composer, "groups.1.multiplier", "0.25")
    at_rest(composer)
    _, base = drawn(composer)
    _, stem = drawn(composer, "stem &lt;b&gt;")
    assert sorted(set(stem)) == pytest.approx([0.25 * lr for lr in sorted(set(base))], rel=1e-6)
    composer.get_by_role("combobox", name="Group 2").select_option("own LR")
    expect(field(composer, "groups.1.lr").get_by_role("textbox")).to_have_value("2.5e-4")
    typed(composer, "groups.1.name", "head")
    expect(field(composer, "groups.1.name").or_(composer.locator(".problem"))).to_contain_text(["twice"])


def test_a_plateau_shows_its_metric_and_explains_each_cut(composer: Page):
    choose(composer, "ReduceLROnPlateau")
    for name, text in [
        ("scheduler.patience", "1"),
        ("scheduler.factor", "0.5"),
        ("metric.speed", "2"),
        ("metric.noise", "0"),
    ]:
        typed(composer, name, text)
    cuts = composer.get_by_role("list", name="Why the LR was cut").get_by_role("listitem")
    expect(cuts.first).to_contain_text("LR 0.001 → 5e-4")
    at_rest(composer)
    lines = composer.evaluate(
        "document.querySelector('.chart').layout.shapes.filter((shape) => shape.name === 'cut').length"
    )
    _, y = drawn(composer)
    assert lines == len(set(y)) - 1 > 0


def test_a_plateau_is_replayed_on_a_run_of_the_lab(page: Page, server):
    run = logged_run(server, (2.0, 1.0, 1.1, 1.2, 0.9, 0.95))
    page.goto("/")
    choose(page, "ReduceLROnPlateau")
    page.get_by_label("Metric: validation loss").select_option(run.id)
    expect(field(page, "epochs").get_by_role("textbox")).to_have_value("6")
    expect(field(page, "steps_per_epoch").get_by_role("textbox")).to_have_value("4")
    typed(page, "scheduler.patience", "1")
    cut = page.get_by_role("list", name="Why the LR was cut").get_by_role("listitem")
    expect(cut).to_have_text("After epoch 3: not below 1 for 2 epochs in a row (patience 1): LR 0.02 → 0.01.")


def test_a_state_that_is_refused_as_it_stands_can_be_mended(page: Page, server):
    run = logged_run(server, (1.0, 1.0, 1.0))
    page.goto("/")
    choose(page, "ReduceLROnPlateau")
    metric = page.get_by_label("Metric: validation loss")
    metric.select_option(run.id)
    at_rest(page)
    metric.select_option("Invented, with the settings below")
    at_rest(page)
    delete_run(run)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Metric").get_by_role("alert")).to_contain_text("there is no run")
    expect(page.get_by_role("button", name="Train with this")).to_be_disabled()
    metric.select_option("Invented, with the settings below")
    expect(field(page, "metric.noise")).to_be_visible()
    expect(page.get_by_role("button", name="Train with this")).to_be_enabled()


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


def test_a_recipe_has_controls_of_its_own_and_becomes_schedulers(composer: Page):
    composer.get_by_test_id("scheduler").select_option("recipe warmup-stable-decay")
    typed(composer, "recipe.decay", "0.5")
    at_rest(composer)
    assert state(composer)["recipe"]["values"] == {"decay": 0.5}
    composer.get_by_role("button", name="Edit as torch schedulers").click()
    at_rest(composer)
    assert state(composer)["recipe"] is None
    assert scheduler(composer)["milestones"] == [270]  # 600 x 0.5, counted from the end of the warm-up's 30
    expect(composer.get_by_test_id("scheduler")).to_have_value("SequentialLR")
    expect(composer.get_by_test_id("scheduler")).to_be_focused()


def test_kept_schedules_are_measured_side_by_side(composer: Page):
    composer.get_by_role("button", name="Keep to compare").click()
    choose(composer, "Fixed")
    table = composer.get_by_test_id("kept")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Fixed")
    expect(rows.nth(0)).to_contain_text("100 %")
    # 150 updates each at 1e-3, 5e-4, 2.5e-4 and 1.25e-4
    expect(rows.nth(1)).to_contain_text("0.281")
    expect(rows.nth(1)).to_contain_text("0.125")
    rows.nth(1).get_by_role("button", name=re.compile("^StepLR")).click()
    at_rest(composer)
    assert scheduler(composer)["name"] == "StepLR"
    rows.nth(1).get_by_role("button", name="Remove").click()
    expect(table).to_be_hidden()


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
