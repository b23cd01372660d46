"""The Schedule page, run as Streamlit runs it; its composer's own side is tested in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lrlab.charts import PreviewState
from lrlab.schedules import Composition
from lrlab.ui import carried
from lrlab.ui import schedule_texts as texts

PAGE = Path(__file__).parents[2] / "pages" / "schedule.py"
COSINE = Composition.model_validate(
    {"lr": 0.1, "epochs": 3, "schedule": {"scheduler": {"name": "CosineAnnealingLR", "T_max": 3}}}
)


def opened(link: str | None = None) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    if link is not None:
        page.query_params[carried.QUERY] = link
    page.run()
    assert not page.exception
    return page


def composer(page: AppTest) -> dict:
    """What the component is given."""
    [element] = [node for node in page.main if node.type == "bidi_component"]
    return json.loads(element.proto.json)


def said(page: AppTest) -> str:
    """The refusals on the page, as HTML."""
    return " ".join(node.proto.body for node in page.get("html") if "lrlab-refusal" in node.proto.body.split(">")[0])


def test_a_first_visit_lands_on_a_curve_code_a_table_and_an_explanation():
    page = opened()
    data = composer(page)
    assert data["state"] == PreviewState().model_dump(mode="json")
    assert data["first"]["figure"]["data"]
    assert "StepLR(optimizer, step_size=5, gamma=0.5)" in page.code[0].value
    assert [tab.label for tab in page.tabs] == [texts.CODE, texts.TABLE, texts.ABOUT]
    assert not page.dataframe  # a tab that is closed costs nothing
    assert not said(page)


def test_the_table_holds_the_curve_and_the_last_tab_explains_it():
    page = opened()
    page.session_state["below"] = texts.TABLE
    page.run()
    table = page.dataframe[0].value
    assert table["LR of its first update"].tolist() == ["0.001"] * 5 + ["5e-4"] * 5 + ["2.5e-4"] * 5 + ["1.25e-4"] * 5
    page.session_state["below"] = texts.ABOUT
    page.run()
    assert "gamma" in page.latex[0].value
    assert not page.exception


def test_a_link_shows_its_schedule_again():
    page = opened(carried.to_text(COSINE))
    assert Composition.model_validate(composer(page)["state"]["composition"]) == COSINE
    assert "CosineAnnealingLR" in page.code[0].value


@pytest.mark.parametrize(
    ("link", "word"),
    [
        ("{bad", "JSON"),
        ('{"lr": -1}', "lr"),
        ('{"schedule": {"scheduler": {"name": "Nothing"}}}', "Nothing"),
        ('{"schedule": {"scheduler": {"name": "MultiStepLR", "milestones": [9, 3]}}}', "milestones"),
        ('{"epochs": 10000, "steps_per_epoch": 1000000}', "updates"),
    ],
)
def test_a_link_that_cannot_be_read_says_why_and_stays_said(link, word):
    page = opened(link)
    assert word in said(page)
    assert composer(page)["state"] == PreviewState().model_dump(mode="json")
    page.run()
    assert word in said(page)


def test_a_link_is_never_markup():
    page = opened('{"schedule": {"scheduler": {"name": "<img src=//x.example/a.png>![](//x.example/b.png)"}}}')
    assert "x.example" in said(page)
    assert "<img" not in said(page)
    assert not any("x.example" in node.value for node in page.markdown)


def test_a_link_whose_lr_explodes_is_refused_like_any_other():
    exploding = '{"lr": 1, "schedule": {"scheduler": {"name": "ExponentialLR", "gamma": 50}}}'
    page = opened(exploding)
    assert "1000" in said(page)


def test_what_the_composer_sends_while_it_is_refused_changes_nothing(monkeypatch):
    state: dict = {"preview_state": PreviewState()}
    monkeypatch.setattr(carried.st, "session_state", type("Session", (dict,), {"__getattr__": dict.get})(state))
    exploding = {"composition": {"lr": 1, "schedule": {"scheduler": {"name": "ExponentialLR", "gamma": 50}}}}
    for raw in (None, {"composition": {"lr": -1}}, exploding):
        carried.remember(raw)
        assert carried.composition() == PreviewState().composition
