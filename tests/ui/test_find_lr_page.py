"""The Find LR page: its form is the Train form's, a search takes its place, and a suggestion goes into the schedule."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.charts import PreviewState
from lrlab.experiments import FINDER_FIELDS, Finder
from lrlab.runs import list_runs
from lrlab.schedules import Composition, ScheduleSpec
from lrlab.ui import find_lr_texts as texts

WORDS = texts.PAGE


def refusals(page: Any) -> list[str]:
    return [element.proto.body for element in page.get("html") if 'role="alert"' in element.proto.body]


def captions(page: Any) -> list[str]:
    return [element.value for element in page.caption]


def written(page: Any) -> str:
    return "\n".join(element.value for element in page.markdown)


def test_without_images_there_is_one_thing_to_do(open_page):
    page = open_page("find_lr")
    assert [button.key for button in page.button] == ["find_lr.bring"]


def test_the_first_search_is_for_the_train_forms_experiment(open_page, noise, home, run_page):
    noise("coffee", 40)
    page = open_page("find_lr")
    assert not refusals(page)
    page.button(key="find_lr.start").click()
    run_page(page)
    (search,) = list_runs(home, kind="find_lr")
    assert list_runs(home) == []
    record = search.record
    assert record.finder == Finder()
    assert (record.experiment.dataset, record.experiment.model.name) == ("coffee", "small_cnn")
    assert (record.name, record.epochs, record.steps) == ("small_cnn on coffee", 1, 100)
    assert page.query_params["run"] == search.id


def test_what_is_chosen_here_stands_in_the_train_form_too(open_page, noise, home, run_page):
    noise("coffee", 40)
    page = open_page("find_lr")
    page.selectbox(key="train.optimizer").set_value("SGD")
    page.number_input(key="train.batch_size").set_value(8)
    run_page(page)
    page.button(key="find_lr.start").click()
    run_page(page)
    experiment = list_runs(home, kind="find_lr")[0].experiment
    assert (experiment.optimizer.name, experiment.batch_size) == ("SGD", 8)
    page.button(key="find_lr.to_train").click()
    run_page(page)
    assert page.selectbox(key="train.optimizer").value == "SGD"
    assert page.number_input(key="train.batch_size").value == 8


def test_every_setting_of_the_search_is_asked_for(open_page, noise, home, run_page):
    noise("coffee", 40)
    page = open_page("find_lr")
    wanted = Finder(lowest=1e-5, highest=0.5, steps=50, growth="linear", seeds=3, diverged=6)
    assert set(FINDER_FIELDS) == set(wanted.model_dump())
    page.text_input(key="find_lr.lowest").set_value("1e-5")
    page.text_input(key="find_lr.highest").set_value("0.5")
    page.number_input(key="find_lr.steps").set_value(50)
    page.selectbox(key="find_lr.growth").set_value("linear")
    page.number_input(key="find_lr.seeds").set_value(3)
    page.number_input(key="find_lr.diverged").set_value(6.0)
    run_page(page)
    page.button(key="find_lr.start").click()
    run_page(page)
    assert list_runs(home, kind="find_lr")[0].record.finder == wanted


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("find_lr.highest", "1e-8", "allowed: above lowest"),
        ("find_lr.lowest", "low", "allowed: a number"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_at_its_field(open_page, noise, run_page, key, value, said):
    noise("coffee", 40)
    page = open_page("find_lr")
    page.text_input(key=key).set_value(value)
    run_page(page)
    assert len(refusals(page)) == 1
    assert said in refusals(page)[0]
    assert page.button(key="find_lr.start").disabled


@pytest.mark.parametrize(
    ("optimizer", "kept"),
    [("Adam", "OneCycleLR"), ("Adagrad", "Fixed")],
    ids=["shorter than the run", "moves a momentum that there is none of"],
)
def test_a_search_is_not_refused_for_a_schedule_that_it_does_not_look_at(
    open_page, noise, home, run_page, optimizer, kept
):
    noise("coffee", 40)
    cycle = {"name": "OneCycleLR", "max_lr": 0.01, "total_steps": 4}
    schedule = ScheduleSpec.model_validate({"interval": "step", "scheduler": cycle})
    composed = Composition(lr=0.001, epochs=2, steps_per_epoch=2, schedule=schedule)
    page = open_page("find_lr", {"preview_state": PreviewState(composition=composed), "train.optimizer": optimizer})
    page.session_state["train.epochs"] = 8
    run_page(page)
    assert not refusals(page)
    page.button(key="find_lr.start").click()
    run_page(page)
    assert list_runs(home, kind="find_lr")[0].experiment.schedule.scheduler.name == kept


def test_an_optimiser_that_keeps_its_lr_is_refused(open_page, noise, home, run_page):
    noise("coffee", 40)
    page = open_page("find_lr")
    page.selectbox(key="train.optimizer").set_value("Rprop")
    run_page(page)
    page.button(key="find_lr.start").click()
    run_page(page)
    assert "looks at its LR at the first update only" in "".join(refusals(page))
    assert list_runs(home, kind="find_lr") == []


def test_while_it_runs_only_its_chart_is_shown(open_page, noise, start_search, component):
    noise("coffee", 40)
    run = start_search().search(30).run
    page = open_page("find_lr")
    shown = component(page, "plot")
    assert (shown["mode"], shown["run"]) == ("finder", run.id)
    assert not page.radio
    (row,) = component(page, "run_list")["rows"]
    assert row["id"] == run.id


def test_each_suggestion_is_explained_and_goes_into_the_schedule(open_page, noise, start_search, run_page):
    noise("coffee", 40)
    run = start_search(Finder(steps=200)).search().end()
    page = open_page("find_lr", run=run.id)
    radio = page.radio(key=f"find_lr.choice.{run.id}")
    assert [option.split(":")[0] for option in radio.options][:3] == ["Valley", "Steepest", "Minimum / 10"]
    assert all(radio.proto.captions)
    lr = float(radio.options[0].split("**")[1])
    page.button(key="find_lr.train").click()
    run_page(page)
    assert float(page.text_input(key="train.lr").value) == pytest.approx(lr)
    assert page.selectbox(key="train.schedule").value == "composed"


def test_the_schedule_page_gets_the_lr_as_its_highest(open_page, noise, start_search, run_page):
    noise("coffee", 40)
    run = start_search().search().end()
    page = open_page("find_lr", run=run.id)
    page.radio(key=f"find_lr.choice.{run.id}").set_value("own")
    run_page(page)
    page.text_input(key="find_lr.own").set_value("0.0123")
    run_page(page)
    page.button(key="find_lr.compose").click()
    run_page(page)
    state = page.session_state["preview_state"]
    assert state.composition.lr == 0.0123
    assert state.composition.curve().lr.max() == 0.0123


@pytest.mark.parametrize("typed", ["low", "0", "2000"])
def test_an_lr_of_ones_own_is_checked(open_page, noise, start_search, run_page, typed):
    noise("coffee", 40)
    run = start_search().search().end()
    page = open_page("find_lr", run=run.id)
    page.radio(key=f"find_lr.choice.{run.id}").set_value("own")
    run_page(page)
    assert page.button(key="find_lr.train").disabled
    page.text_input(key="find_lr.own").set_value(typed)
    run_page(page)
    assert len(refusals(page)) == 1
    assert page.button(key="find_lr.train").disabled


def test_no_suggestion_says_why(open_page, noise, start_search, run_page):
    noise("coffee", 40)
    run = start_search(flat=True).search().end()
    page = open_page("find_lr", run=run.id)
    assert f"**{WORDS['none']}.** The loss stays flat" in written(page)
    assert not page.radio
    page.text_input(key="find_lr.own").set_value("0.01")
    run_page(page)
    assert not page.button(key="find_lr.train").disabled


def test_the_settings_of_another_search_can_be_taken_over(open_page, noise, start_search, run_page):
    noise("coffee", 40)
    same = start_search().search().end()
    other = start_search(batch_size=8, clip={"by": "norm"}, augment={"rotation": 10}).search().end()
    page = open_page("find_lr", run=same.id)
    assert not [text for text in captions(page) if "other settings" in text]
    page = open_page("find_lr", run=other.id)
    (said,) = [text for text in captions(page) if "other settings" in text]
    for name in ("batch", "clip", "rotation"):
        assert name in said
    page.button(key="find_lr.take").click()
    run_page(page)
    assert not [text for text in captions(page) if "other settings" in text]
    assert page.session_state["train.batch_size"] == 8


def test_an_address_of_nothing_is_told(open_page, noise, start_run):
    noise("coffee", 40)
    trains = start_run().run
    for unknown in ("abcdefghij", trains.id):
        page = open_page("find_lr", run=unknown)
        assert [warning.value for warning in page.warning] == [WORDS["missing"]]
        assert page.button(key="find_lr.start")


def test_searches_are_not_among_the_runs_of_other_pages(open_page, noise, start_search, component):
    noise("coffee", 40)
    run = start_search().search().end()
    assert component(open_page("train", new="1"), "run_list") is None
    assert run.id not in str(component(open_page("compare"), "plot"))
