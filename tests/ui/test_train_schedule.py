"""The schedule on the Train page: taken over from where it was composed, and fitted to the run that is entered."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.charts import PreviewState
from lrlab.schedules import CATALOGUE, RECIPES, Composition, ScheduleSpec, label
from lrlab.ui import texts
from lrlab.ui.markdown import plain

from .train_page import refusals, started

WORDS = texts.TRAIN
COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 10}}


def composed(**changes: Any) -> dict[str, Any]:
    """The session after a visit to the Schedule page."""
    return {"preview_state": PreviewState(composition=Composition(**changes))}


@pytest.mark.parametrize("scheduler", CATALOGUE)
def test_every_plain_schedule_fits_the_epochs(open_page, noise, run_page, scheduler):
    noise("coffee", 40)
    page = open_page("train")
    page.number_input(key="train.epochs").set_value(8)
    run_page(page)
    page.selectbox(key="train.schedule").set_value(scheduler)
    run_page(page)
    made = started(page, run_page)
    assert made.epochs == 8
    assert made.schedule.scheduler.name == scheduler
    lengths = made.schedule.scheduler.model_dump()
    assert all(lengths.get(name, 0) <= 8 for name in ("step_size", "T_max", "total_iters"))


def test_the_composed_schedule_is_taken_over_with_its_lr_and_epochs(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(COSINE)
    page = open_page("train", composed(lr=2.5e-4, epochs=10, schedule=schedule))
    assert page.text_input(key="train.lr").value == "0.00025"
    assert page.selectbox(key="train.schedule").options[0] == WORDS["composed"] + label(schedule)
    made = started(page, run_page)
    assert (made.schedule, made.optimizer.lr, made.epochs) == (schedule, 2.5e-4, 10)


def test_what_was_typed_stays_until_something_else_is_composed(open_page, noise, run_page):
    noise("coffee", 40)
    page = open_page("train", composed(lr=0.01))
    page.text_input(key="train.lr").set_value("0.02")
    run_page(page)
    assert page.text_input(key="train.lr").value == "0.02"
    page.session_state["preview_state"] = PreviewState(composition=Composition(lr=0.03))
    run_page(page)
    assert page.text_input(key="train.lr").value == "0.03"


PER_STEP = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.01, "total_steps": 20}}


@pytest.mark.parametrize("scheduler", ["OneCycleLR", "CyclicLR"])
def test_what_is_meant_for_steps_counts_the_steps_of_the_run(open_page, noise, run_page, scheduler):
    noise("coffee", 40)
    page = open_page("train")
    page.selectbox(key="train.schedule").set_value(scheduler)
    run_page(page)
    made = started(page, run_page)
    assert made.schedule.interval == "step"
    if scheduler == "OneCycleLR":  # 64 images in batches of 32, 20 epochs
        assert made.schedule.scheduler.total_steps == 40


def test_a_schedule_that_the_run_outgrows_is_refused_and_repaired(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(PER_STEP)
    page = open_page("train", composed(epochs=10, steps_per_epoch=2, schedule=schedule))
    assert not refusals(page)
    page.number_input(key="train.epochs").set_value(15)
    run_page(page)
    (told,) = refusals(page)
    assert "torch raises" in told
    assert page.button(key="train.start").disabled
    page.button(key="train.repair.0").click()
    run_page(page)
    assert not refusals(page)
    assert page.number_input(key="train.epochs").value == 15
    assert started(page, run_page).schedule.scheduler.total_steps == 30


def test_what_a_shorter_run_does_to_the_schedule_is_told(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(PER_STEP)
    page = open_page("train", composed(epochs=10, steps_per_epoch=2, schedule=schedule))
    page.number_input(key="train.epochs").set_value(5)
    run_page(page)
    assert any("only 50 % of it is seen" in element.value.replace("\\", "") for element in page.markdown)


def test_a_recipe_is_fitted_to_the_run_by_one_button(open_page, noise, run_page):
    noise("coffee", 40)
    recipe = RECIPES["warmup-cosine"]
    state = PreviewState.model_validate(
        {"recipe": {"name": recipe.name}, "composition": {"schedule": recipe.expand({}, 20, 30, 0.001)}}
    )
    page = open_page("train", {"preview_state": state})
    assert page.selectbox(key="train.schedule").options[0] == WORDS["composed"] + recipe.title
    page.button(key="train.fit").click()
    run_page(page)
    assert not any(button.key == "train.fit" for button in page.button)
    assert started(page, run_page).schedule == recipe.expand({}, 20, 2, 0.001)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"groups": [{"name": "head", "multiplier": 1}, {"name": "body", "lr": 0.1}]}, WORDS["groups"]),
        ({"schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}}, WORDS["measured"].format(metric="loss")),
        (
            {"schedule": {"scheduler": {"name": "ReduceLROnPlateau", "mode": "max"}}},
            WORDS["measured"].format(metric="accuracy"),
        ),
    ],
)
def test_what_is_only_previewed_is_told(open_page, noise, changes, sentence):
    noise("coffee", 40)
    page = open_page("train", composed(**Composition.model_validate(changes).__dict__))
    assert any(plain(sentence) in element.value for element in page.markdown)
    page.selectbox(key="train.schedule").set_value("Fixed")
    page.run()
    assert not any(plain(sentence) in element.value for element in page.markdown)


def test_the_schedule_is_changed_for_the_run_that_was_entered(open_page, noise, run_page, component):
    noise("coffee", 40)
    page = open_page("train")
    page.number_input(key="train.epochs").set_value(6)
    page.selectbox(key="train.schedule").set_value("CosineAnnealingLR")
    run_page(page)
    page.button(key="train.to_schedule").click()
    run_page(page)
    data = component(page, "plot")
    run = Composition.model_validate(data["state"]["composition"])
    assert (run.epochs, run.steps_per_epoch, run.schedule.scheduler.T_max) == (6, 2, 6)
    assert data["revision"] == 1


@pytest.mark.parametrize(
    ("interval", "meant", "has", "words"),
    [
        ("epoch", (20, 30), (20, 24), ""),
        (
            "epoch",
            (20, 30),
            (10, 24),
            "this run has 10. Its lengths count epochs, so the last 10 epochs of it are never",
        ),
        ("epoch", (20, 30), (25, 24), "so it goes on for 5 epochs beyond what it was composed for."),
        ("step", (20, 30), (30, 20), ""),
        (
            "step",
            (20, 30),
            (20, 24),
            "Composed for 600 steps; this run has 480 (20 epochs of 24). Its lengths count steps",
        ),
        ("step", (20, 30), (20, 40), "so it goes on for 200 steps beyond"),
    ],
)
def test_a_run_of_another_length_is_told(interval, meant, has, words):
    told = texts.length_note(interval, meant, has)
    assert (words in told) if words else told == ""
