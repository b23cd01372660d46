"""Schedules composed in a real Chromium: of phases, points, groups, a metric or a recipe; drawn, and compared."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from lrlab.experiments import Experiment
from lrlab.process import identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, delete_run, open_log, update
from lrlab.schedules import Composition

from .composing import ROOT, at_rest, choose, field, scheduler, state, typed


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
