"""A curve that moves is put in its place without Plotly, just where Plotly draws it; all else is left to Plotly."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

ROOT = "document.querySelector('.lrlab-plot').lrlabInstance"
STEP = {"op": "set", "field": "scheduler.gamma", "value": 0.7}
WAVE = {"op": "choose", "at": [], "name": "CosineAnnealingLR"}
PERIOD = {"op": "set", "field": "scheduler.T_max", "value": 7}
CYCLE = {"op": "choose", "at": [], "name": "OneCycleLR"}

MOVE = f"""async ([setup, change]) => {{
    const {{ chart, exchange }} = {ROOT};
    const figure = async (state, changes) => {{
        const answer = await fetch("/api/curve", {{ method: "POST", body: JSON.stringify({{ state, changes }}) }});
        return answer.json();
    }};
    const path = (line) => line.getAttribute("d");
    const lines = () => Array.from(chart.node.querySelectorAll(".scatterlayer .js-line"), path);
    const first = await figure(exchange.state, setup);
    await chart.draw(first.figure);
    const next = await figure(first.state, [change]);
    const before = lines();
    const moved = chart.move(next.figure);
    const after = lines();
    await chart.draw(next.figure);
    return {{ moved, before, after, drawn: lines(), count: chart.node.dataset.drawn }};
}}"""


@pytest.fixture
def composer(page: Page) -> Page:
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    page.wait_for_function(f"{ROOT}.exchange.quiet && !{ROOT}.chart.busy")
    return page


def levels(path: str, places: np.ndarray) -> np.ndarray:
    """The height of a staircase's path at `places`, in pixels; both spellings of a path are read."""
    corners: list[tuple[float, float]] = []
    for part in path.replace("H", " H").replace("V", " V").replace("L", " L").replace("M", " M").split():
        kind, numbers = part[0], [float(number) for number in part[1:].split(",")]
        if kind in "ML":
            corners.append((numbers[0], numbers[1]))
        else:
            corners.append((numbers[0], corners[-1][1]) if kind == "H" else (corners[-1][0], numbers[0]))
    across, up = np.array(corners).T
    return np.interp(places, across, up)


@pytest.mark.parametrize(
    ("setup", "change"),
    [
        ([], STEP),
        ([WAVE], PERIOD),
        ([{"op": "add_group"}], STEP),
        ([{"op": "keep"}], STEP),
        ([CYCLE], {"op": "set", "field": "scheduler.pct_start", "value": 0.6}),
        ([{"op": "set", "field": "x", "value": "step"}], STEP),
    ],
    ids=["steps", "a wave", "with a group", "beside a kept one", "with momentum below", "over updates"],
)  # fmt: skip
def test_lines_that_move_lie_where_plotly_draws_them(composer: Page, setup: list, change: dict):
    seen = composer.evaluate(MOVE, [setup, change])
    assert seen["moved"]
    assert seen["after"] != seen["before"]
    for moved, drawn in zip(seen["after"], seen["drawn"], strict=True):
        width = max(float(part.split("V")[0].split(",")[0]) for part in moved[1:].split("H"))
        # Between the updates, half a pixel away from any drop, both give the same height.
        places = np.linspace(1, width - 1, 5000)
        ours, theirs = levels(moved, places), levels(drawn, places)
        assert np.quantile(np.abs(ours - theirs), 0.98) < 0.75


@pytest.mark.parametrize(
    ("setup", "change"),
    [
        ([], {"op": "set", "field": "lr", "value": 0.5}),
        ([], {"op": "set", "field": "epochs", "value": 50}),
        ([{"op": "set", "field": "log", "value": True}, WAVE], PERIOD),
        ([], CYCLE),
        ([], {"op": "keep"}),
    ],
    ids=["the LR axis grows", "the run is longer", "a log axis follows", "a panel comes", "a line comes"],
)
def test_what_more_than_moves_lines_is_left_to_plotly(composer: Page, setup: list, change: dict):
    seen = composer.evaluate(MOVE, [setup, change])
    assert not seen["moved"]
    assert seen["after"] == seen["before"]
    assert seen["drawn"] != seen["before"]


def test_a_moved_curve_is_soon_known_to_the_pointer_and_told_in_words(composer: Page):
    words = composer.get_by_test_id("words")
    before, count = words.inner_text(), int(composer.locator(".chart").get_attribute("data-drawn") or 0)
    slider = composer.get_by_test_id("field-scheduler.gamma").get_by_role("slider")
    slider.focus()
    composer.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(before)
    composer.wait_for_function(f"{ROOT}.exchange.quiet && !{ROOT}.chart.busy")
    known = composer.evaluate(f"{ROOT}.chart.node._fullData.at(-1).name")
    assert str(composer.evaluate(f"{ROOT}.exchange.state.composition.schedule.scheduler.gamma")) in known
    assert int(composer.locator(".chart").get_attribute("data-drawn") or 0) == count + 1
