"""The Compare page: the table, what the address selects, and what is asked before a run is gone."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pytest

from lrlab.charts import PALETTE
from lrlab.errors import NotFound
from lrlab.runs import delete_run, headline, list_runs, load_run, update
from lrlab.ui import run_table, texts
from lrlab.ui.run_table import as_csv, own_colours

WORDS = texts.COMPARE
STEP = {"scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}


@pytest.fixture
def three(start_run):
    """A finished run of each of two schedules, and one that is at work; oldest first."""
    fixed = start_run(name="Fixed", epochs=2).train().end()
    step = start_run(name="Step", epochs=4, schedule=STEP).train().end()
    return [fixed, step, start_run(name="at work", epochs=4, seed=1).train(7).run]


def ids(runs):
    return ",".join(run.id for run in runs)


def head(page):
    return next(element.proto.body for element in page.get("html") if "lrlab-headline" in element.proto.body[:30])


def test_without_runs_the_next_step_is_a_button(open_page):
    page = open_page("compare")
    assert [button.label for button in page.button] == [WORDS["to_train"]]
    assert not page.dataframe


def test_a_first_look_compares_the_newest_two(open_page, component, three):
    page = open_page("compare")
    assert component(page, "plot")["runs"] == [run.id for run in three[1:]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_address_selects_and_the_oldest_comes_first(open_page, component, three, order):
    page = open_page("compare", runs=ids(three[place] for place in order))
    assert component(page, "plot")["runs"] == [run.id for run in three[:2]]
    assert headline(three[:2]) in head(page)


@pytest.mark.parametrize("rest", ["", ",abcdefghij", ",../..", ",<script>alert(1)</script>"])
def test_what_the_address_names_in_vain_is_passed_over(open_page, component, three, rest):
    assert component(open_page("compare", runs=three[0].id + rest), "plot")["runs"] == [three[0].id]


def test_an_address_of_nothing_asks_to_select(open_page, component, three):
    page = open_page("compare", runs="abcdefghij")
    assert component(page, "plot") is None
    assert WORDS["choose"] in [element.value for element in page.markdown]


def test_the_table_tells_every_run(open_page, three):
    shown = open_page("compare").dataframe[0].value
    assert list(shown.columns) == list(texts.COLUMNS.values())
    assert shown["name"].tolist() == ["at work", "Step", "Fixed"]
    assert shown["state"].tolist() == ["running", "succeeded", "succeeded"]
    assert shown["best val acc"].tolist() == pytest.approx([50.0, 87.5, 75.0])
    assert shown["at epoch"].tolist() == [1, 4, 2]  # people count epochs from 1
    assert shown["duration"].tolist()[1:] == pytest.approx([2.0, 1.0], abs=0.1)


def test_the_table_tells_where_the_best_epoch_is_the_one_with_the_lowest_loss(open_page, start_run):
    start_run(name="by loss", epochs=2, early_stopping={"monitor": "val_loss", "patience": 9}).train().end()
    start_run(name="by accuracy", epochs=2).train().end()
    start_run(name="neither", early_stopping={"monitor": "val_loss", "patience": 9})
    table = open_page("compare").dataframe[0].proto
    shown = pa.ipc.open_stream(table.arrow_data.styler.display_values).read_pandas()
    place = list(texts.COLUMNS).index("best_epoch")
    assert shown.iloc[:, place].tolist() == ["–", "2", "2, by loss"]


def test_the_table_survives_runs_that_know_nothing_yet(open_page, start_run):
    start_run(name="just begun")
    shown = open_page("compare").dataframe[0].value
    assert shown["best val acc"].isna().tolist() == [True]


def test_settings_that_differ_are_listed_and_equal_ones_said_to_be(open_page, three, start_run):
    apart = open_page("compare", runs=ids(three[:2])).dataframe[1].value
    assert apart.loc["schedule"].tolist() == ["Fixed", "StepLR"]
    twins = [start_run(name=name).train(5).run for name in "ab"]
    page = open_page("compare", runs=ids(twins))
    assert len(page.dataframe) == 1
    assert WORDS["same"] in [element.value for element in page.markdown]


def test_names_are_text(open_page, component, start_run):
    name = "![x](http://evil.example/x.png) <img src=x> :red[y]"
    runs = [start_run(name=name, seed=seed).train(5).run for seed in range(2)]
    page = open_page("compare", runs=ids(runs))
    assert "<img" not in head(page)
    marked = [*page.markdown, *page.title, *page.caption, *page.button]
    assert not any("evil" in str(element.value) + getattr(element, "label", "") for element in marked)


def test_renaming_asks_for_a_name_that_may_stand(open_page, run_page, three):
    page = open_page("compare", runs=three[0].id)
    page.button(key="rename").click()
    run_page(page)
    assert page.text_input(key="dialog.name").value == "Fixed"
    page.text_input(key="dialog.name").set_value("   ")
    page.button(key="dialog.yes").click()
    run_page(page)
    assert three[0].record.name == "Fixed"
    # Streamlit's test runs the whole page where a browser runs the dialog alone, so the reason is not drawn here.


def test_a_new_name_is_kept(open_page, run_page, three):
    page = open_page("compare", runs=three[0].id)
    page.button(key="rename").click()
    run_page(page)
    page.text_input(key="dialog.name").set_value("baseline")
    page.button(key="dialog.yes").click()
    run_page(page)
    assert three[0].record.name == "baseline"


@pytest.mark.parametrize(("count", "allowed"), [(1, True), (2, False)])
def test_only_one_run_is_renamed_at_a_time(open_page, three, count, allowed):
    assert open_page("compare", runs=ids(three[:count])).button(key="rename").disabled is not allowed


def test_deleting_asks_first(open_page, run_page, home, three):
    page = open_page("compare", runs=ids(three[:2]))
    page.button(key="delete").click()
    run_page(page)
    assert [element.value for element in page.text] == ["Fixed", "Step"]
    page.button(key="dialog.no").click()
    run_page(page)
    assert len(list_runs(home)) == 3


def test_deleting_deletes_what_is_selected(open_page, run_page, home, three):
    page = open_page("compare", runs=ids(three[:2]))
    page.button(key="delete").click()
    run_page(page)
    page.button(key="dialog.yes").click()
    run_page(page)
    assert [run.id for run in list_runs(home)] == [three[2].id]
    with pytest.raises(NotFound):
        load_run(three[0].id, home)


def test_a_run_at_work_is_not_deleted(open_page, run_page, home, three):
    page = open_page("compare", runs=three[2].id)
    page.button(key="delete").click()
    run_page(page)
    page.button(key="dialog.yes").click()
    run_page(page)
    assert len(list_runs(home)) == 3


def test_a_run_that_is_deleted_while_the_table_is_drawn_is_left_out(open_page, three, monkeypatch):
    def overtaken(runs):
        if three[0].folder.exists():
            delete_run(three[0])
        return own_colours(runs)

    monkeypatch.setattr(run_table, "own_colours", overtaken)
    page = open_page("compare", runs=ids(three[1:]))
    assert page.dataframe[0].value["name"].tolist() == ["at work", "Step"]


def test_the_dots_are_the_colours_of_the_charts(open_page, three):
    for run, place in zip(three, (2, 2, 5), strict=True):
        update(run, colour=place)
    page = open_page("compare", runs=ids(three[:2]))
    style = page.dataframe[0].proto.arrow_data.styler.styles if hasattr(page.dataframe[0].proto, "arrow_data") else ""
    style = style or page.dataframe[0].proto.styler.styles
    # Newest first: the third keeps its own, and of the two alike the later one got a free colour.
    assert PALETTE[5] in style and PALETTE[2] in style
    assert len({shade for shade in PALETTE if shade in style}) == 3


def test_the_table_is_taken_home_safely():
    frame = pd.DataFrame({"name": ["=cmd|' /C calc'!A0", "fine"], "best_val_accuracy": [0.5, None]})
    back = pd.read_csv(io.StringIO(as_csv(frame)))
    assert back["name"].tolist() == ["'=cmd|' /C calc'!A0", "fine"]
    assert back["best_val_accuracy"].tolist()[0] == 0.5
