"""What only some runs have on the training charts: changes by a person's hand, the gradient's norm, groups' LRs."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from lrlab.charts import Series, training_figure
from lrlab.runs import LRChange

from .made_runs import INF, NAN, STEP, drawn, made, numbers


def changed(step: int, factor: float, lr: float) -> LRChange:
    return LRChange(step=step, factor=factor, time=1e9, lr=lr)


def with_columns(run: Series, **columns: Any) -> Series:
    return replace(run, steps=run.steps.assign(**columns))


def test_a_change_by_hand_is_marked_through_all_charts_where_its_first_update_begins():
    run = replace(made(STEP, done=20), by_hand=(changed(0, 2.0, 0.2), changed(7, 0.5, 0.05), changed(25, 1.0, 0.1)))
    figure = training_figure([run], x="step")
    lines = [line for line in figure["layout"]["shapes"] if line["name"] == "hand"]
    assert [line["x0"] for line in lines] == [0, 7]  # the third has not been made yet
    assert all((line["yref"], line["y0"], line["y1"]) == ("paper", 0, 1) for line in lines)
    notes = [note["text"] for note in figure["layout"]["annotations"] if note["text"].startswith("by hand")]
    assert notes == ["by hand: 0.2", "by hand: 0.05"]
    go.Figure(figure)


def test_a_change_by_hand_is_not_taken_for_a_jump_of_the_schedule():
    lr = np.where(np.arange(30) < 12, 0.1, 0.05)
    run = replace(made(), planned=lr, steps=made().steps.assign(lr=lr), by_hand=(changed(12, 0.5, 0.05),))
    assert [line["name"] for line in training_figure([run])["layout"]["shapes"]] == ["hand"]


@pytest.mark.parametrize("x", ["epoch", "step", "seconds"])
def test_the_gradients_norm_has_a_chart_of_its_own_with_clipped_updates_below(x):
    norm = np.geomspace(0.5, 40, 30)
    run = with_columns(made(), grad_norm=norm, clipped=(norm > 10).astype(float))
    run = replace(run, gradient=True, clip_norm=10.0)
    figure = training_figure([run], x=x)
    go.Figure(figure)
    (raw,) = drawn(figure, "y4", opacity=0.3)
    assert numbers(raw["y"]) == pytest.approx(norm, rel=1e-6)
    (ticks,) = drawn(figure, "y4", mode="markers")
    places = numbers(raw["x"])
    assert numbers(ticks["x"]) == pytest.approx(places[norm > 10])
    assert set(np.log10(numbers(ticks["y"])).round(5)) == {figure["layout"]["yaxis4"]["range"][0]}
    (limit,) = [line for line in figure["layout"]["shapes"] if line["name"] == "limit"]
    assert (limit["y0"], limit["yref"]) == (10.0, "y4")
    domains = sorted(figure["layout"][axis]["domain"] for axis in ("yaxis", "yaxis2", "yaxis3", "yaxis4"))
    assert all(below[1] < above[0] for below, above in itertools.pairwise(domains))


@pytest.mark.parametrize("norm", [[NAN], [INF], [0.0], [NAN, 1.0, INF], [1e-30, 1e30]])
def test_any_gradient_makes_a_figure_that_plotly_takes(norm):
    run = with_columns(made(), grad_norm=np.resize(norm, 30), clipped=np.resize([0.0, 1.0], 30))
    figure = training_figure([replace(run, gradient=True), made()])
    go.Figure(json.loads(json.dumps(figure, allow_nan=False)))
    low, high = figure["layout"]["yaxis4"]["range"]
    assert math.isfinite(low) and math.isfinite(high) and low < high


def test_without_a_gradient_there_are_three_charts():
    assert "yaxis4" not in training_figure([made()])["layout"]


def test_a_run_that_will_log_its_gradient_has_the_chart_from_its_first_row():
    layout = training_figure([replace(made(done=0, live=True), gradient=True)])["layout"]
    assert layout["yaxis4"]["range"] == [-1.0, 1.0]


def test_every_groups_lr_is_drawn_thin_and_lies_within_the_axis():
    run = made(STEP)
    run = with_columns(run, lr_backbone=run.planned * 3, lr_head=run.planned)
    figure = training_figure([run], x="step")
    thin = [trace for trace in drawn(figure, "y3") if trace["line"]["width"] == 1]
    assert [trace["name"] for trace in thin] == ["backbone's LR", "head's LR"]
    assert numbers(thin[0]["y"]).max() == pytest.approx(0.3)
    assert figure["layout"]["yaxis3"]["range"][1] > 0.3
