"""Training charts of long runs stay small, and their axes and zoom stand still while rows arrive."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from lrlab.charts import training_figure

from .made_runs import STEP, drawn, made, numbers


def test_long_runs_are_thinned_and_keep_their_peaks():
    loss = np.random.default_rng(0).random(60_000)
    loss[31_234] = 3.0
    run = made(STEP, epochs=100, spe=600, loss=loss, accuracy=np.linspace(0, 1, 100))
    figure = training_figure([run])
    assert max(len(numbers(trace["x"])) for trace in figure["data"]) <= 1605
    (raw,) = drawn(figure, "y", opacity=0.22)
    assert numbers(raw["y"]).max() == 3.0
    assert len(json.dumps(figure)) < 100_000


def test_many_runs_are_thinned_further():
    runs = [made(epochs=100, spe=600, loss=np.random.default_rng(seed).random(60_000)) for seed in range(8)]
    assert max(len(numbers(trace["x"])) for trace in training_figure(runs)["data"]) <= 405


@pytest.mark.parametrize("x", ["epoch", "step"])
def test_while_rows_arrive_the_axes_stand_still(x):
    loss = 2 * np.exp(-np.arange(600) / 200) + 0.2 + 0.05 * np.random.default_rng(0).standard_normal(600)
    accuracy = 0.9 - 0.6 * np.exp(-np.arange(20) / 5)
    looks = []
    for done in range(1, 600, 7):
        run = made(STEP, epochs=20, spe=30, done=done, loss=loss, accuracy=accuracy, live=True)
        layout = training_figure([run], x=x)["layout"]
        looks.append({name: tuple(layout[name]["range"]) for name in ("xaxis", "yaxis", "yaxis2", "yaxis3")})
    for name in ("xaxis", "yaxis", "yaxis3"):
        assert len({look[name] for look in looks}) == 1, name
    accuracies = [look["yaxis2"] for look in looks]
    moves = sum(before != after for before, after in itertools.pairwise(accuracies))
    assert moves <= 6
    assert moves == len(set(accuracies)) - 1  # never to and fro


def test_in_seconds_the_axis_grows_in_round_steps():
    ends = []
    for done in range(1, 600):
        run = made(epochs=20, spe=30, done=done, live=True)
        ends.append(training_figure([run], x="seconds")["layout"]["xaxis"]["range"][1])
    assert ends == sorted(ends)
    assert sorted(set(ends)) == [10, 20, 30, 45, 60, 90, 120, 180, 300]


def test_a_run_that_ended_early_is_shown_as_far_as_it_came():
    stopped = training_figure([made(epochs=100, spe=5, done=20)])
    assert stopped["layout"]["xaxis"]["range"] == [0, pytest.approx(4, rel=0.02)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"x": "epoch"}, {"x": "epoch", "log_lr": True}, True),
        ({"x": "epoch"}, {"x": "step"}, False),
        ({"x": "step"}, {"x": "seconds"}, False),
    ],
)
def test_a_zoom_stays_until_the_x_axis_counts_something_else(one, other, same):
    few, more = made(done=7, live=True), made(done=20, live=True)
    before, after = training_figure([few], **one)["layout"], training_figure([more], **other)["layout"]
    assert before["uirevision"] == after["uirevision"]
    assert (before["xaxis"]["uirevision"] == after["xaxis"]["uirevision"]) is same
