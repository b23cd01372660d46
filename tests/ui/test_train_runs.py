"""A run in the place of the Train page's form, the list of runs below it, and what one of them leads to."""

from __future__ import annotations

import pytest

from lrlab.experiments import Experiment
from lrlab.runs import ago, list_runs
from lrlab.ui import texts
from lrlab.ui.run_list import FIRST

from .train_page import refusals, started

WORDS = texts.TRAIN


def test_a_start_shows_the_run_in_the_forms_place(open_page, noise, run_page, component, home):
    noise("coffee", 40)
    page = open_page("train", new="1")
    page.text_input(key="train.name").set_value("<b>one</b>")
    run_page(page)
    started(page, run_page)
    (run,) = list_runs(home)
    assert page.query_params["run"] == run.id
    assert "new" not in page.query_params
    assert component(page, "plot")["runs"] == [run.id]
    assert page.expander[0].label == WORDS["new"]
    # A name is text: it goes to the components, and no Markdown holds it.
    assert component(page, "run_list")["rows"][0]["name"] == "<b>one</b>"
    assert not any("<b>one</b>" in str(element.value) for element in page.markdown)


def test_the_address_names_the_run(open_page, noise, component, start_run):
    noise()
    run = start_run(epochs=2).train().end()
    assert component(open_page("train", run=run.id), "plot")["runs"] == [run.id]


@pytest.mark.parametrize("run_id", ["abcdefghij", "../..", "x" * 500, "<script>"])
def test_an_address_that_names_no_run_shows_the_form_and_says_so(open_page, noise, component, run_id):
    noise()
    page = open_page("train", run=run_id)
    assert [warning.value for warning in page.warning] == [WORDS["missing_run"]]
    assert component(page, "plot") is None
    assert page.button(key="train.start")


def test_coming_back_shows_the_run_that_is_at_work(open_page, noise, component, start_run):
    noise()
    start_run(name="ended", epochs=1).train().end()
    worker = start_run(name="at work").train(3)
    assert component(open_page("train"), "plot")["runs"] == [worker.run.id]
    assert component(open_page("train", new="1"), "plot") is None


def test_runs_are_listed_newest_first_with_what_matters(open_page, noise, component, start_run):
    noise()
    start_run(name="old", epochs=2).train().end()
    start_run(name="failed").train(3).end("failed", cause="out of memory")
    start_run(name="now", epochs=4).train(7)
    rows = component(open_page("train"), "run_list")["rows"]
    assert [(row["name"], row["state"], row["facts"]) for row in rows] == [
        ("now", "running", "epoch 2 of 4 · best 50.0 %"),
        ("failed", "failed", "out of memory"),
        ("old", "succeeded", "best 75.0 %"),
    ]
    assert [row["shown"] for row in rows] == [True, False, False]


def test_the_settings_of_a_run_can_be_trained_again(open_page, noise, start_run):
    noise()
    run = start_run(epochs=2).train().end()
    page = open_page("train", run=run.id)
    settings = next(block.value for block in page.code if block.language == "json")
    assert Experiment.model_validate_json(settings) == run.experiment


@pytest.mark.parametrize("named_by", ["name", "id"])
def test_starting_from_the_settings_of_a_run_keeps_its_data_set(open_page, noise, run_page, start_run, named_by):
    """A run that was started from a terminal may name its data set by its id."""
    images = noise("coffee", 40)
    noise("newer", 40)
    run = start_run(dataset=getattr(images, named_by), batch_size=16).train().end()
    page = open_page("train", run=run.id)
    page.button(key="train.again").click()
    run_page(page)
    assert page.query_params["new"] == "1"
    assert page.selectbox(key="train.dataset").value == "coffee"
    assert page.number_input(key="train.batch_size").value == 16
    assert not refusals(page)


def test_a_data_set_that_is_gone_is_told_beside_the_one_in_its_place(open_page, noise, run_page, start_run):
    noise("one", 40)
    noise("two", 40)
    run = start_run(name="on coffee").train().end()
    page = open_page("train", run=run.id)
    page.button(key="train.again").click()
    run_page(page)
    told = WORDS["missing_images"].format(name="coffee")
    assert refusals(page) == [f'<p class="lrlab-refusal" role="alert">{told}</p>']
    assert page.selectbox(key="train.dataset").value == "two"
    assert not page.button(key="train.start").disabled
    page.selectbox(key="train.dataset").set_value("one")
    run_page(page)
    assert not refusals(page)
    page.selectbox(key="train.dataset").set_value("two")
    run_page(page)
    assert not refusals(page)


@pytest.mark.parametrize("damaged", ["{", '{"format": 99}'])
def test_a_run_that_cannot_be_read_is_told_and_the_others_are_listed(open_page, noise, component, start_run, damaged):
    noise("coffee", 40)
    fine, broken = (start_run(epochs=1, name=name).train().end() for name in ("fine", "broken"))
    (broken.folder / "run.json").write_text(damaged)
    page = open_page("train", run=broken.id)
    (told,) = refusals(page)
    assert f"run {broken.id}" in told
    assert page.button(key="train.start")
    assert [row["id"] for row in component(page, "run_list")["rows"]] == [fine.id]


def test_a_search_is_no_run_of_this_page(open_page, noise, start_search):
    noise()
    page = open_page("train", run=start_search().search().end().id)
    assert [warning.value for warning in page.warning] == [WORDS["missing_run"]]


def test_older_runs_are_listed_when_they_are_asked_for(open_page, noise, component, start_run, run_page):
    noise()
    runs = [start_run(name=f"run {number}", epochs=1).train().end() for number in range(FIRST + 2)]
    page = open_page("train")
    newest = [run.id for run in runs[::-1]]
    assert [row["id"] for row in component(page, "run_list")["rows"]] == newest[:FIRST]
    button = page.button(key="run_list.more")
    assert button.label == "Show older ones (2)"
    button.click()
    run_page(page)
    assert [row["id"] for row in component(page, "run_list")["rows"]] == newest
    assert "run_list.more" not in [button.key for button in page.button]


def test_a_run_leads_to_its_comparison(open_page, noise, start_run):
    noise()
    run = start_run(epochs=1).train().end()
    (link,) = [element.proto for element in open_page("train", run=run.id).get("page_link")]
    assert (link.label, link.page) == (WORDS["compare"], "compare")
    assert run.id in link.query_string


def test_the_end_of_what_the_worker_wrote_is_shown(open_page, noise, start_run):
    noise()
    run = start_run(epochs=1).train().end()
    run.worker_log.write_bytes(b"first line\n" + b"x" * 30_000 + b"\nlast line\n")
    written = next(block.value for block in open_page("train", run=run.id).code if "last line" in block.value)
    assert written.endswith("xx\nlast line") or written.endswith("xx\nlast line\n")
    assert len(written) <= 20_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (90000, "1 day ago")],
)
def test_how_long_ago(seconds, words):
    assert ago(seconds) == words
