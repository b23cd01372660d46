"""Whatever a run has logged, and however little, the training charts show it, and its name as text."""

from __future__ import annotations

import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest

from lrlab.charts import training_figure

from .made_runs import INF, NAN, drawn, made, numbers


@pytest.mark.parametrize(
    "loss",
    [
        [NAN],
        [INF, -INF],
        [1.0, 2.0, NAN],
        [1.0] * 20 + [1e30, 1e300, INF, NAN],
        [0.0],
        [-3.0, -2.0],
        [1e-12],
        [NAN, 1.0],
    ],
)
@pytest.mark.parametrize("x", ["epoch", "step", "seconds"])
def test_any_loss_makes_a_figure_that_plotly_takes(loss, x):
    figure = training_figure([made(loss=loss), made(loss=loss[::-1])], x=x, log_lr=True)
    text = json.dumps(figure, allow_nan=False)
    go.Figure(json.loads(text))
    for name in ("xaxis", "yaxis", "yaxis2", "yaxis3"):
        low, high = figure["layout"][name]["range"]
        assert math.isfinite(low) and math.isfinite(high) and low < high
    assert not any(np.isinf(numbers(trace["y"])).any() for trace in figure["data"])


@pytest.mark.parametrize("done", [0, 1, 4])
@pytest.mark.parametrize("log_lr", [False, True])
def test_a_run_that_has_hardly_begun_makes_a_figure_with_all_three_charts(done, log_lr):
    figure = training_figure([made(done=done, live=True)], log_lr=log_lr)
    go.Figure(figure)
    assert {trace["yaxis"] for trace in figure["data"]} == {"y", "y2", "y3"}


def test_no_run_makes_an_empty_figure():
    go.Figure(training_figure([]))


def test_where_the_loss_stopped_being_a_number_stands_a_cross_inside_the_chart():
    figure = training_figure([made(loss=[2.0] * 8 + [1e9] * 2 + [NAN] * 20)], x="step")
    (cross,) = [trace for trace in drawn(figure, "y", mode="markers") if trace["marker"]["symbol"] == "x"]
    assert cross["x"] == [11]
    assert 0 < cross["y"][0] <= figure["layout"]["yaxis"]["range"][1]
    assert "update 11 on" in cross["hovertemplate"]


def test_a_run_that_diverges_does_not_flatten_the_others():
    diverging = [2.0] * 10 + [10.0**power for power in range(20)]
    figure = training_figure([made(loss=np.linspace(2, 1, 30)), made(loss=diverging)])
    assert figure["layout"]["yaxis"]["range"][1] <= 10


@pytest.mark.parametrize("name", ["<b>bold</b>", '<a href="javascript:x">y</a>', "%{x}", "a & b", "烘焙"])
def test_a_name_is_shown_as_it_is(name):
    figure = training_figure([made(name=name), made()])
    shown = [trace["name"] for trace in figure["data"] if trace["x"] != [None]]
    assert any(part.startswith(name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for part in shown)
    assert not any(name in trace.get("hovertemplate", "") for trace in figure["data"])
