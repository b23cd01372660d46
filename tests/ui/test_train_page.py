"""The Train page's form: what it offers from the catalogues and the data sets, and refusals by field."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab import jobs
from lrlab.datasets import SAMPLE_NAME, list_datasets
from lrlab.desk import Desk
from lrlab.errors import LabError
from lrlab.experiments import MODELS, OPTIMIZERS, Experiment
from lrlab.runs import list_runs
from lrlab.schedules import CATALOGUE, ScheduleSpec
from lrlab.ui import texts
from lrlab.ui.fields import written

from .train_page import refusals, started

WORDS = texts.TRAIN


def test_without_images_the_sample_set_is_the_one_thing_to_do(open_page, home, run_page):
    page = open_page("train")
    assert [button.label for button in page.button] == [WORDS["sample"], WORDS["bring"]]
    assert page.button[0].proto.type == "primary"
    page.button(key="train.sample").click()
    run_page(page)
    while not list_datasets(home):  # a process of its own draws it; each run of the page is a look
        assert not refusals(page)
        run_page(page)
    run_page(page)
    assert [dataset.name for dataset in list_datasets(home)] == [SAMPLE_NAME]
    assert page.selectbox(key="train.dataset").value == SAMPLE_NAME
    assert page.button(key="train.start").label == WORDS["start"]
    assert not page.button(key="train.start").disabled


def test_a_sample_set_that_could_not_be_drawn_is_told_until_it_is_tried_again(open_page, run_page, monkeypatch):
    asked = []

    def status(desk: Any, import_id: str) -> jobs.ImportStatus:
        asked.append(import_id)
        return jobs.ImportStatus(id=import_id, dataset=SAMPLE_NAME, state="failed", error="the disk is full")

    monkeypatch.setattr(Desk, "start_import", lambda *_: f"import{len(asked)}")
    monkeypatch.setattr(Desk, "importing", status)
    page = open_page("train")
    page.button(key="train.sample").click()
    run_page(page)
    for _ in range(2):  # it is looked at no more
        assert asked == ["import0"]
        assert len(refusals(page)) == 1 and "the disk is full" in refusals(page)[0]
        run_page(page)
    page.button(key="train.sample").click()
    run_page(page)
    assert asked == ["import0", "import1"]


def test_the_first_form_is_the_experiments_defaults_with_a_schedule(open_page, noise, run_page):
    noise("coffee", 40)
    page = open_page("train")
    assert started(page, run_page) == Experiment(
        dataset="coffee",
        schedule=ScheduleSpec.model_validate({"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}),
    )


def test_the_choices_are_the_catalogues(open_page, noise):
    noise()
    page = open_page("train")
    assert page.selectbox(key="train.model").options == [entry.sized for entry in MODELS.values()]
    assert page.selectbox(key="train.optimizer").options == list(OPTIMIZERS)
    assert [option.split("(")[0] for option in page.selectbox(key="train.schedule").options] == list(CATALOGUE)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_shows_its_parameters_and_trains_with_them(open_page, noise, run_page, optimizer):
    noise("coffee", 40)
    page = open_page("train")
    page.selectbox(key="train.optimizer").set_value(optimizer)
    run_page(page)
    made = started(page, run_page).optimizer
    expected = {field.name: field.start for field in OPTIMIZERS[optimizer].parameters}
    assert made.model_dump() == {"name": optimizer, **expected}


def test_the_data_set_chosen_on_images_is_offered(open_page, noise):
    noise("one")
    noise("two")
    assert open_page("train", {"dataset": "one"}).selectbox(key="train.dataset").value == "one"
    assert open_page("train", {"dataset": "gone"}).selectbox(key="train.dataset").value == "two"


def test_the_plan_is_told_before_the_start(open_page, noise):
    noise("coffee", 40)
    shown = [element.value for element in open_page("train").markdown]
    # 80 images, a fifth held out: 64 of them are two batches of 32.
    assert "Trains on 64 images, validates on 16: 2 steps per epoch, 40 in all." in shown


@pytest.mark.parametrize("typed", ["1e-3", "0.001", " 1E-3 ", "1e-03"])
def test_an_lr_may_be_written_as_one_likes(open_page, noise, run_page, typed):
    noise("coffee", 40)
    page = open_page("train")
    page.text_input(key="train.lr").set_value(typed)
    run_page(page)
    assert started(page, run_page).optimizer.lr == 0.001


@pytest.mark.parametrize(
    ("widget", "key", "value", "sentence"),
    [
        ("text_input", "lr", "0", "got &#x27;0&#x27;, allowed: above 0"),
        ("text_input", "lr", "-1", "got &#x27;-1&#x27;, allowed: above 0"),
        ("text_input", "lr", "abc", "got &#x27;abc&#x27;, allowed: a number"),
        ("text_input", "lr", "", "got &#x27;&#x27;, allowed: a number"),
        ("text_input", "lr", "nan", "got &#x27;nan&#x27;"),
        ("text_input", "lr", "2000", "got &#x27;2000&#x27;, allowed: at most 1,000"),
        ("text_input", "lr", "<img src=x>", "&lt;img src=x&gt;"),
        ("number_input", "batch_size", 65, "got 65, allowed: at most 64, the number of training images"),
        ("text_input", "Adam.betas", "0.9", "Value 2: is required"),
        ("text_input", "Adam.betas", "0.9, 2", "got &#x27;2&#x27;, allowed: below 1"),
        ("text_input", "Adam.eps", "0", "got &#x27;0&#x27;, allowed: above 0"),
        ("text_input", "Adam.weight_decay", "-1", "got &#x27;-1&#x27;, allowed: at least 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_where_one_looks(
    open_page, noise, run_page, home, widget, key, value, sentence
):
    noise("coffee", 40)
    page = open_page("train")
    getattr(page, widget)(key=f"train.{key}").set_value(value)
    run_page(page)
    (shown,) = refusals(page)
    assert sentence in shown
    assert page.button(key="train.start").disabled
    assert list_runs(home) == []


def test_images_that_leave_nothing_to_validate_on_are_refused(open_page, noise):
    noise("coffee", 1)
    page = open_page("train")
    assert "held out" in refusals(page)[0]
    assert page.button(key="train.start").disabled


def test_a_data_set_that_goes_away_at_the_start_is_told(open_page, noise, run_page, monkeypatch, home):
    noise("coffee", 40)
    page = open_page("train")

    def vanished(home: Any, experiment: Any, finder: Any, *, owner: str) -> None:
        raise LabError("there is no data set 'coffee'", field="dataset")

    monkeypatch.setattr(jobs, "submit", vanished, raising=False)
    page.button(key="train.start").click()
    run_page(page)
    assert any("there is no data set" in text for text in refusals(page))


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "0.001"), (1e-5, "1e-5"), (0.0, "0"), (10.0, "10"), (1.25e-4, "0.000125"), (0.1, "0.1")]
)
def test_numbers_as_they_are_typed(value, text):
    assert written(value) == text
    assert float(text) == value
